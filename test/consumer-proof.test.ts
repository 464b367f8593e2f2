import type avsc from 'avsc';
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { EVENT_TOPIC } from '../contract/names.ts';
import { createDecoder } from '../consumers-example/consumer/decode.ts';
import { createRegistry } from '../consumers-example/consumer/registry.ts';
import { zapRunCreated } from '../contract/zap-run.ts';
import { ensurePython } from '../stack/python.ts';
import { lagOf, ownTopics, produce } from './support/consumer.ts';
import { encode, event, eventRecord, registerSchema, schemaId, schemaText } from './support/events.ts';
import { registryEnv, registryFor } from '../stack/http-logins.ts';
import { kafkaEnv } from '../stack/kafka-logins.ts';
import { uniqueName } from './support/names.ts';
import { post } from './support/post.ts';
import { addresses, config } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';
import { askRegistry, json } from './support/http.ts';

let known: number;
beforeAll(async () => {
  known = await schemaId();
});

test.each(['before', 'after', 'committed'])(
  'kill -9 of a consumer %s: no record is skipped, and repeats are few',
  { timeout: 120_000 },
  async (point) => {
    const { drop, ...topics } = await ownTopics();
    const folder = mkdtempSync(join(tmpdir(), 'consumer-'));
    const file = join(folder, 'handled');
    writeFileSync(file, '');
    const groupId = uniqueName('group');
    const handled = () => readFileSync(file, 'utf8').split('\n').filter(Boolean);
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const start = (at: string) => {
      const program = fileURLToPath(new URL('support/crashing-consumer.ts', import.meta.url));
      const args = ['--import', 'tsx', program, groupId, topics.topic, file, at];
      return spawn(process.execPath, args, {
        stdio: 'inherit',
        env: { ...process.env, ...kafkaEnv(config, 'admin'), ...registryEnv(config, 'reader') },
      });
    };
    await produce(
      topics.topic,
      ids.slice(0, 10).map((id) => eventRecord(known, id)),
    );
    const first = start(point);
    await waitFor('it has killed itself', () => first.signalCode === 'SIGKILL', 60_000);
    const before = handled();
    expect(before).toEqual(ids.slice(0, point === 'before' ? 9 : 10));
    await produce(
      topics.topic,
      ids.slice(10).map((id) => eventRecord(known, id)),
    );
    const second = start('never');
    try {
      // A dead member stays in the group until its session ends.
      await waitFor('all are handled', () => new Set(handled()).size === ids.length, 60_000);
      expect([...new Set(handled())]).toEqual(ids);
      if (point === 'committed') expect(handled()).toEqual(ids);
      await waitFor('all is committed', async () => (await lagOf(groupId, topics.topic)) === 0);
    } finally {
      second.kill('SIGKILL');
      await drop();
      rmSync(folder, { recursive: true });
    }
  },
);

test('a Python client reads the same event, with the schema that the record names', { timeout: 240_000 }, async () => {
  const programs = ensurePython('wire-format', new URL('support/python-requirements.lock', import.meta.url));
  const [userId, zapId, body] = [uniqueName('user'), uniqueName('zap'), '{"a":[1,"ü",9007199254740993]}'];
  const { body: answer } = await post(userId, zapId, body);
  const script = fileURLToPath(new URL('support/read_event.py', import.meta.url));
  const args = [script, addresses.broker, addresses.registry, EVENT_TOPIC, answer.id ?? ''];
  const login = { ...registryEnv(config, 'reader'), ...kafkaEnv(config, 'admin') };
  const { stdout } = await promisify(execFile)(join(programs, 'python'), args, { env: { ...process.env, ...login } });
  expect(JSON.parse(stdout)).toMatchObject({
    key: `${userId}/${zapId}`,
    schemaId: known,
    event: { zapRunId: answer.id, userId, zapId, metadata: body, headers: { 'content-type': 'application/json' } },
  });
});

describe('a schema with one more field that has a default', () => {
  const evolved = schemaText.replace('"fields": [', '"fields": [ { "name": "attempt", "type": "int", "default": 1 },');
  const subject = uniqueName('evolving');
  let newer: number;
  beforeAll(async () => {
    await askRegistry(`/config/${subject}`, json('PUT', { compatibility: 'BACKWARD_TRANSITIVE' }));
    await registerSchema(subject, schemaText);
    newer = await registerSchema(subject, evolved);
  });

  test('writes records that an old consumer reads', async () => {
    const old = event();
    const written = { ...old, attempt: 3 };
    const decode = createDecoder(createRegistry(registryFor(config, 'reader')), zapRunCreated);
    expect({ ...(await decode(encode(newer, written, evolved))) }).toEqual(old);
  });

  test('reads records of an old producer', async () => {
    const written = event();
    const reader = { schema: JSON.parse(evolved) as avsc.Schema, typed: (decoded: unknown) => decoded as object };
    const decode = createDecoder(createRegistry(registryFor(config, 'reader')), reader);
    expect({ ...(await decode(encode(known, written))) }).toEqual({ ...written, attempt: 1 });
  });

  test('is accepted by the registry, and a renamed field is refused, as by the gate', async () => {
    expect(newer).not.toBe(known);
    await expect(registerSchema(subject, evolved.replace('"name": "metadata"', '"name": "body"'))).rejects.toThrow(/409/);
  });
});
