import { appendFileSync } from 'node:fs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createDecoder } from '../../consumers-example/consumer/decode.ts';
import { consume } from '../../consumers-example/consumer/kafka.ts';
import { createConsumerMetrics } from '../../consumers-example/consumer/observe.ts';
import { createRegistry } from '../../consumers-example/consumer/registry.ts';
import { zapRunCreated } from '../../contract/zap-run.ts';

// A process of its own that consumes and kills itself with SIGKILL at a point of its tenth record:
// BROKER REGISTRY GROUP TOPIC FILE POINT, where POINT is before, after, committed or never.

const [broker = '', registryUrl = '', groupId = '', topic = '', file = '', point = 'never'] = process.argv.slice(2);
const die = () => process.kill(process.pid, 'SIGKILL');
let count = 0;
const decode = createDecoder(createRegistry(registryUrl), zapRunCreated);
await consume({
  brokers: [broker],
  groupId,
  topic,
  decode,
  handle: async ({ id }) => {
    count += 1;
    if (count === 10 && point === 'before') die();
    appendFileSync(file, `${id}\n`);
    if (count === 10 && point === 'after') die();
    if (count === 10 && point === 'committed') setTimeout(die, 1000);
  },
  deadLetterTopic: `${topic}.dead-letter`,
  maxAttempts: 2,
  stallSeconds: 60,
  log: pino({ level: 'silent' }),
  metrics: createConsumerMetrics(new Registry()),
  onGivingUp: () => process.exit(1),
});
