import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import avsc from 'avsc';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDecoder } from '../consumers-example/consumer/decode.ts';
import { createRegistry } from '../consumers-example/consumer/registry.ts';
import { zapRunCreated } from '../contract/zap-run.ts';
import { atLeast, printGoals, spread } from './figures.ts';
import { machine } from './machine.ts';

// `npm run bench:decode`: how many records per second one core decodes into typed events with the pinned reader schema:
// by the example's decoder and, in turns with it, by the registry client's own `decode`. The registry is a server in this
// process that answers with the one schema. Three rounds, medians and spread.

const on = machine();
const RECORDS = 20_000;
const ROUNDS = 3;
/** Passes per round of the example's decoder, which would otherwise finish too soon to measure. */
const PASSES = 10;
const BODY_BYTES = 400;
const GOAL = 50_000;
const SCHEMA_ID = 1;

const schemaText = readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8');
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ schema: schemaText }));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const writer = avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema);
const prefix = Buffer.alloc(5);
prefix.writeInt32BE(SCHEMA_ID, 1);
const values = Array.from({ length: RECORDS }, (_, n) => {
  const event = {
    ...{ zapRunId: randomUUID(), userId: 'bench', zapId: `zap-${n % 64}`, receivedAt: Date.now() },
    metadata: JSON.stringify({ n, text: 'x'.repeat(BODY_BYTES - 20) }),
    headers: { 'content-type': 'application/json', 'user-agent': 'bench' },
  };
  return Buffer.concat([prefix, writer.toBuffer(event)]);
});

const decode = createDecoder(createRegistry({ REGISTRY_URL: host }), zapRunCreated);
const client = new SchemaRegistry({ host });
const options = { AVRO: { readerSchema: zapRunCreated.schema } } as Parameters<typeof client.decode>[1];

/** Decodes all records `passes` times. @returns records a second */
async function rate(passes: number, one: (value: Buffer) => { zapId: string } | Promise<{ zapId: string }>): Promise<number> {
  const began = performance.now();
  let characters = 0;
  for (let pass = 0; pass < passes; pass += 1) {
    for (const value of values) {
      const event = one(value);
      characters += (event instanceof Promise ? await event : event).zapId.length;
    }
  }
  if (characters === 0) throw new Error('nothing was decoded');
  return (passes * RECORDS) / ((performance.now() - began) / 1000);
}

const ours = () => rate(PASSES, decode);
const theirs = () => rate(1, (value) => client.decode(value, options) as Promise<{ zapId: string }>);
await rate(1, decode); // The first pass compiles the code.
const rounds: { decoder: number; client: number }[] = [];
for (let round = 1; round <= ROUNDS; round += 1) {
  const result = { decoder: Math.round(await ours()), client: Math.round(await theirs()) };
  rounds.push(result);
  process.stdout.write(`round ${round}: ${result.decoder} records/s, the registry client's own decode ${result.client}\n`);
}
server.close();
server.closeAllConnections();

const result = {
  ...on,
  valueBytes: values[0]?.length,
  goal: GOAL,
  decoder: spread(rounds.map(({ decoder }) => decoder)),
  client: spread(rounds.map(({ client: own }) => own)),
  rounds,
};
writeFileSync(new URL('results/decode.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
printGoals([atLeast('records per second', result.decoder.median, GOAL)]);
