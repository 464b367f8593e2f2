import { appendFileSync } from 'node:fs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { createDecoder } from '../../consumers-example/consumer/decode.ts';
import { consume } from '../../consumers-example/consumer/kafka.ts';
import { createConsumerMetrics } from '../../consumers-example/consumer/observe.ts';
import { createRegistry } from '../../consumers-example/consumer/registry.ts';
import { registrySettings } from '../../kit/http-login.ts';
import { createKafka } from '../../kit/kafka.ts';
import { kafkaSettings } from '../../kit/kafka-settings.ts';
import { readSettings } from '../../kit/settings.ts';
import { zapRunCreated } from '../../contract/zap-run.ts';

// A process of its own that consumes and kills itself with SIGKILL at a point of its tenth record:
// GROUP TOPIC FILE POINT, where POINT is before, after, committed or never. Kafka and registry are those of the environment.

const [groupId = '', topic = '', file = '', point = 'never'] = process.argv.slice(2);
const die = () => process.kill(process.pid, 'SIGKILL');
let count = 0;
const settings = readSettings(z.object({ ...kafkaSettings, ...registrySettings }), process.env);
const decode = createDecoder(createRegistry(settings), zapRunCreated);
await consume({
  kafka: createKafka(settings, { clientId: groupId }),
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
