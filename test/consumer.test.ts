import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { beforeAll, describe, expect, test } from 'vitest';
import { NotNowError } from '../consumers-example/consumer/errors.ts';
import { createConsumerMetrics } from '../consumers-example/consumer/observe.ts';
import { endOf, lagOf, ownTopics, produce, readAll, runConsumer, withAdmin, type Record } from './support/consumer.ts';
import { askService, registryService } from '../kit/http-login.ts';
import { encode, event, eventRecord, registerSchema, schemaId, schemaText } from './support/events.ts';
import { uniqueName } from './support/names.ts';
import { addresses, config } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';
import { registryFor } from '../stack/http-logins.ts';

let known: number;
beforeAll(async () => {
  known = await schemaId();
});

const text = String;

test('a record that cannot be decoded or handled becomes a dead letter, unchanged and with its reason, and the partition continues', async () => {
  const { drop, ...topics } = await ownTopics();
  const [first, refused, last] = [randomUUID(), randomUUID(), randomUUID()];
  const good = encode(known, event(first));
  const id = () => ({ id: randomUUID() });
  const poison: [string, Record][] = [
    ['DECODE_FAILED', { value: Buffer.from('junk'), headers: id() }],
    ['DECODE_FAILED', { value: Buffer.from([0, 0, 0]), headers: id() }],
    ['DECODE_FAILED', { value: Buffer.concat([Buffer.from([1]), good.subarray(1)]), headers: id() }],
    ['DECODE_FAILED', { value: good.subarray(0, -3), headers: id() }],
    ['DECODE_FAILED', { value: null, headers: id() }],
    ['SCHEMA_UNKNOWN', { value: encode(7_654_321, event()), headers: id() }],
    ['ID_HEADER', { value: good, headers: { type: 'ZapRunCreated' } }],
    ['ID_HEADER', { value: good, headers: { id: ['a', 'b'] } }],
    ['HANDLER_FAILED', { ...eventRecord(known, refused), key: 'u/z' }],
  ];
  const groupId = uniqueName('group');
  let tries = 0;
  const consumer = await runConsumer({
    ...topics,
    groupId,
    handle: async ({ id: one }) => {
      if (one !== refused) return void seen.push(one);
      tries += 1;
      throw new Error('no room for it');
    },
  });
  const seen: string[] = [];
  try {
    const records = [eventRecord(known, first), ...poison.map(([, record]) => record), eventRecord(known, last)];
    await produce(topics.topic, records);
    await waitFor('the last record is handled', () => seen.includes(last), 30_000);
    expect(seen).toEqual([first, last]);
    expect(tries).toBe(2);
    const letters = await readAll(topics.deadLetterTopic, poison.length);
    expect(letters.map(({ headers }) => text(headers['dead-letter-reason']))).toEqual(poison.map(([reason]) => reason));
    for (const [index, [, sent]] of poison.entries()) {
      const { value, headers } = letters[index]!;
      expect(value).toEqual(sent.value);
      expect(text(headers['dead-letter-topic'])).toBe(topics.topic);
      expect(text(headers['dead-letter-partition'])).toBe('0');
      expect(text(headers['dead-letter-offset'])).toBe(String(index + 1));
      expect(text(headers['dead-letter-group'])).toBe(groupId);
      for (const [name, own] of Object.entries(sent.headers)) {
        if (typeof own === 'string') expect(text(headers[name])).toBe(own);
      }
    }
    expect(text(letters.at(-1)?.headers['dead-letter-cause'])).toBe('no room for it');
    await waitFor('everything is committed', async () => (await lagOf(groupId, topics.topic)) === 0);
  } finally {
    await consumer.stop();
    await drop();
  }
});

test('a rejected batch is handed over record by record: only the bad one becomes a dead letter', async () => {
  const { drop, ...topics } = await ownTopics();
  const ids = Array.from({ length: 20 }, () => randomUUID());
  const done = new Set<string>();
  const sizes: number[] = [];
  await produce(
    topics.topic,
    ids.map((id) => eventRecord(known, id)),
  );
  const consumer = await runConsumer({
    ...topics,
    batchSize: 50,
    handleBatch: async (delivered) => {
      sizes.push(delivered.length);
      if (delivered.some(({ id }) => id === ids[7])) throw new Error('bad');
      for (const { id } of delivered) done.add(id);
    },
    handle: undefined as never,
  });
  try {
    await waitFor('all but one are done', () => done.size === 19);
    expect(sizes).toContain(19); // The first came alone, as its schema had to be fetched.
    const [letter] = await readAll(topics.deadLetterTopic, 1);
    expect(text(letter?.headers.id)).toBe(ids[7]);
  } finally {
    await consumer.stop();
    await drop();
  }
});

test('transaction markers and aborted records are committed past, and do not count as lag', async () => {
  const { drop, ...topics } = await ownTopics();
  const groupId = uniqueName('group');
  const consumer = await runConsumer({ ...topics, groupId, stallSeconds: 1 });
  const ids = [randomUUID(), randomUUID(), randomUUID()];
  const lag = () => waitFor('the lag is 0', async () => (await lagOf(groupId, topics.topic)) === 0);
  try {
    await produce(topics.topic, [eventRecord(known)], 'abort'); // Nothing but what is never handed over.
    await waitFor('record and marker are written', async () => (await endOf(topics.topic)) === 2);
    await lag();
    await produce(topics.topic, [eventRecord(known, ids[0]), eventRecord(known, ids[1])], 'commit');
    await produce(topics.topic, [eventRecord(known)], 'abort');
    await lag();
    await produce(topics.topic, [eventRecord(known, ids[2])], 'commit');
    expect(await consumer.until(3)).toEqual(ids);
    await lag();
    const began = Date.now();
    await waitFor('the watchdog has looked twice', () => Date.now() - began > 11_000);
    expect(consumer.gaveUp).toEqual([]);
  } finally {
    await consumer.stop();
    await drop();
  }
});

test('a consumer with lag and without progress gives up', async () => {
  const { drop, ...topics } = await ownTopics();
  const consumer = await runConsumer({ ...topics, stallSeconds: 1, handle: () => new Promise(() => undefined) });
  try {
    await produce(topics.topic, [eventRecord(known)]);
    await waitFor('it gives up', () => consumer.gaveUp.length > 0, 30_000);
    expect(consumer.gaveUp[0]?.message).toContain('no progress for 1 s although there are records');
  } finally {
    void consumer.stop();
    await drop();
  }
});

test('a slow or waiting partition does not delay the others, and does not count as hanging', async () => {
  const { drop, ...topics } = await ownTopics(2);
  const [slow, ...fast] = Array.from({ length: 11 }, () => randomUUID());
  let away = true;
  const seen: string[] = [];
  const consumer = await runConsumer({
    ...topics,
    stallSeconds: 8,
    handle: async ({ id }) => {
      if (id === slow && away) throw new NotNowError('AWAY', 'a service is away');
      seen.push(id);
    },
  });
  try {
    await produce(topics.topic, [eventRecord(known, slow, 0)]);
    for (const id of fast) await produce(topics.topic, [eventRecord(known, id, 1)]);
    await waitFor('the others are handled', () => seen.length === 10);
    const began = Date.now();
    await waitFor('it waits longer than the watchdog would', () => Date.now() - began > 15_000);
    expect(consumer.gaveUp).toEqual([]);
    away = false;
    await waitFor('the waiting one is handled', () => seen.includes(slow!));
  } finally {
    await consumer.stop();
    await drop();
  }
});

describe('without the registry', () => {
  test('records of known schemas are handled, and one of a new schema waits uncommitted until the registry is back', async () => {
    const { drop, ...topics } = await ownTopics(2);
    const groupId = uniqueName('group');
    const evolved = schemaText.replace('"fields": [', '"fields": [ { "name": "attempt", "type": "int", "default": 1 },');
    const newId = await registerSchema(uniqueName('evolved'), evolved);
    let open = true;
    const registry = registryService(registryFor(config, 'reader'));
    const proxy = createServer((request, response) => {
      if (!open) return void request.socket.destroy();
      const path = request.url?.slice(new URL(addresses.registry).pathname.length) ?? '';
      void askService(registry, path, { headers: { authorization: request.headers.authorization ?? '' } }).then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const REGISTRY_URL = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/apis/ccompat/v7`;
    const consumer = await runConsumer(
      { ...topics, groupId },
      { ...registryFor(config, 'reader'), REGISTRY_URL, REGISTRY_CA_FILE: undefined },
    );
    const [first, second, third, fresh] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    try {
      await produce(topics.topic, [eventRecord(known, first, 0)]);
      await consumer.until(1);
      open = false;
      const value = encode(newId, { ...event(fresh), attempt: 4 }, evolved);
      await produce(topics.topic, [{ value, headers: { id: fresh }, partition: 1 }, eventRecord(known, third, 1)]);
      await produce(topics.topic, [eventRecord(known, second, 0)]);
      expect(await consumer.until(2)).toEqual([first, second]);
      await waitFor('the known one is committed, the new one is not', async () => (await lagOf(groupId, topics.topic)) === 2);
      open = true;
      expect(await consumer.until(4, 40_000)).toEqual([first, second, fresh, third]);
      await waitFor('all are committed', async () => (await lagOf(groupId, topics.topic)) === 0);
      expect(await endOf(topics.deadLetterTopic)).toBe(0);
    } finally {
      await consumer.stop();
      proxy.close();
      await drop();
    }
  });
});

test('records that were removed before the group read them raise an alarm, and it continues with the oldest one', async () => {
  const { drop, ...topics } = await ownTopics();
  const groupId = uniqueName('group');
  const ids = Array.from({ length: 10 }, () => randomUUID());
  const first = await runConsumer({ ...topics, groupId });
  await produce(topics.topic, [eventRecord(known, ids[0])]);
  await first.until(1);
  await first.stop();
  const metrics = createConsumerMetrics(new Registry());
  await produce(
    topics.topic,
    ids.slice(1).map((id) => eventRecord(known, id)),
  );
  await withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topics.topic); // Loads the topic's metadata.
    await admin.deleteTopicRecords({ topic: topics.topic, partitions: [{ partition: 0, offset: '6' }] });
  });
  const second = await runConsumer({ ...topics, groupId, metrics });
  try {
    expect(await second.until(4)).toEqual(ids.slice(6));
    expect((await metrics.skipped.get()).values[0]?.value).toBe(5);
  } finally {
    await second.stop();
    await drop();
  }
});

test('members that come and go under load leave no record unhandled, and everything is committed', { timeout: 120_000 }, async () => {
  const { drop, ...topics } = await ownTopics(6);
  const groupId = uniqueName('group');
  const ids = Array.from({ length: 3000 }, () => randomUUID());
  const handled = new Set<string>();
  const start = () => runConsumer({ ...topics, groupId, handle: async ({ id }) => void handled.add(id) });
  const producing = (async () => {
    for (let at = 0; at < ids.length; at += 50) {
      await produce(
        topics.topic,
        ids.slice(at, at + 50).map((id, n) => eventRecord(known, id, n % 6)),
      );
    }
  })();
  const one = await start();
  await waitFor('some are handled', () => handled.size > 100, 60_000);
  const two = await start();
  await waitFor('more are handled', () => handled.size > 800, 60_000);
  await one.stop();
  const three = await start();
  await producing;
  try {
    await waitFor('every record is handled', () => handled.size === ids.length, 60_000);
    await waitFor('all is committed', async () => (await lagOf(groupId, topics.topic)) === 0, 30_000);
  } finally {
    await Promise.all([two.stop(), three.stop()]);
    await drop();
  }
});
