import { createKafka } from '../kit/kafka.ts';
import { createMetrics, serveMetrics } from '../kit/metrics.ts';
import { fail, startService, stopOnSignal } from '../kit/process.ts';
import { startTracing } from '../kit/tracing.ts';
import { settings } from './config.ts';
import { createDecoder } from './consumer/decode.ts';
import { consume } from './consumer/kafka.ts';
import { createConsumerMetrics } from './consumer/observe.ts';
import { createRegistry } from './consumer/registry.ts';
import { zapRunCreated } from '../contract/zap-run.ts';

const { log, config } = startService('consumers-example', settings, process.env);

const tracing = await startTracing(config, log);
const metrics = createMetrics();
const closeMetrics = await serveMetrics(metrics, config, log);
const decode = createDecoder(createRegistry(config), zapRunCreated);
const consumer = await consume({
  kafka: createKafka(config, { clientId: config.GROUP_ID, log }),
  groupId: config.GROUP_ID,
  topic: config.TOPIC,
  decode,
  // Handles an event. An event may come more than once, always with the same id.
  handle: async ({ event: { zapRunId, userId, zapId, receivedAt, metadata, headers } }) => {
    log.info({ zapRunId, userId, zapId, receivedAt: new Date(receivedAt), metadata, headers }, 'zap run created');
  },
  deadLetterTopic: config.DEAD_LETTER_TOPIC,
  maxAttempts: config.MAX_ATTEMPTS,
  stallSeconds: config.STALL_SECONDS,
  log,
  metrics: createConsumerMetrics(metrics),
  tracing,
  onGivingUp: (error) => fail(log, 'CONSUMING_ENDED', `consuming has ended: ${error.message}`),
});
stopOnSignal(
  log,
  async () => {
    await consumer.stop();
    closeMetrics();
  },
  undefined,
  tracing?.stop,
);
