import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { pino } from 'pino';
import { loggable, settingsOrExit } from '../settings.ts';
import { settings } from './config.ts';
import { createDecoder } from './decode.ts';
import { consume } from './kafka.ts';
import { zapRunCreated, type ZapRunCreated } from './zap-run.ts';

const log = pino({ name: 'consumers-example' });
const config = settingsOrExit(settings, process.env);
log.info(loggable(settings, config), 'starting');

const decode = createDecoder(new SchemaRegistry({ host: config.REGISTRY_URL }), zapRunCreated);

/** What this consumer does with an event. An event may come more than once: its id is always the same. */
async function handle(event: ZapRunCreated): Promise<void> {
  log.info({ ...event, receivedAt: new Date(event.receivedAt) }, 'zap run created');
}

const consumer = await consume({
  brokers: config.KAFKA_BROKERS,
  groupId: config.GROUP_ID,
  topic: 'zap-run.events',
  handle: async ({ value }) => handle(await decode(value)),
  onGivingUp: (error) => {
    log.fatal({ cause: error.message }, 'consuming stopped');
    process.exit(1);
  },
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void consumer.stop().then(() => log.info('stopped')));
}
