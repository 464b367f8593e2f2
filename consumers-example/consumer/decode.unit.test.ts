import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import avsc from 'avsc';
import { describe, expect, test } from 'vitest';
import type { ReaderSchema } from '../../contract/event.ts';
import { createDecoder } from './decode.ts';
import { PoisonError } from './errors.ts';

interface Thing {
  name: string;
  size: number;
}

const field = (name: string, type: string) => ({ name, type });
const record = (...fields: object[]) => ({ type: 'record', name: 'Thing', fields }) as avsc.Schema;
const old = record(field('name', 'string'));
const current = record(field('name', 'string'), { ...field('size', 'int'), default: 7 });
const newer = record(field('name', 'string'), field('size', 'int'), field('colour', 'string'));
const reader: ReaderSchema<Thing> = { schema: current, typed: (decoded) => decoded as Thing };
/** The decoder behind a promise, so that all its errors are rejections. */
const createAsync = (registry: SchemaRegistry) => {
  const decode = createDecoder(registry, reader);
  return async (value: Buffer | null) => decode(value);
};

function message(schemaId: number, schema: avsc.Schema, value: unknown): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(schemaId, 1);
  return Buffer.concat([prefix, avsc.Type.forSchema(schema).toBuffer(value)]);
}

/** A registry with these schemas, and the ids that were requested. */
function stubRegistry(schemas: Record<number, avsc.Schema>) {
  const asked: number[] = [];
  const registry = {
    getSchema: async (id: number) => {
      asked.push(id);
      const schema = schemas[id];
      if (schema === undefined) throw new Error(`no schema ${id}`);
      return avsc.Type.forSchema(schema);
    },
  };
  return { asked, schemas, registry: registry as unknown as SchemaRegistry };
}

describe('the decoder', () => {
  test('asks the registry once for a thousand records', async () => {
    const { registry, asked } = stubRegistry({ 1: current });
    const decode = createAsync(registry);
    for (let size = 0; size < 1000; size += 1) {
      expect({ ...(await decode(message(1, current, { name: 'a', size }))) }).toEqual({ name: 'a', size });
    }
    expect(asked).toEqual([1]);
  });

  test('sends one request for records that arrive at the same time', async () => {
    const { registry, asked } = stubRegistry({ 1: current });
    const decode = createAsync(registry);
    const value = message(1, current, { name: 'a', size: 1 });
    expect(await Promise.all([decode(value), decode(value), decode(value)])).toHaveLength(3);
    expect(asked).toEqual([1]);
  });

  test('asks once for each id', async () => {
    const { registry, asked } = stubRegistry({ 1: old, 258: current });
    const decode = createAsync(registry);
    for (const id of [1, 258, 1, 258]) {
      const value = id === 1 ? message(id, old, { name: 'a' }) : message(id, current, { name: 'a', size: 1 });
      await decode(value);
    }
    expect(asked).toEqual([1, 258]);
  });

  test('throws the error of the registry, and asks again at the next record', async () => {
    const { registry, asked, schemas } = stubRegistry({});
    const decode = createAsync(registry);
    const value = message(1, current, { name: 'a', size: 1 });
    await expect(decode(value)).rejects.toThrow('no schema 1');
    await expect(decode(value)).rejects.not.toBeInstanceOf(PoisonError);
    schemas[1] = current;
    await expect(decode(value)).resolves.toMatchObject({ name: 'a' });
    expect(asked).toEqual([1, 1, 1]);
  });

  test('reads a record of an older schema, with the default of the missing field', async () => {
    const decode = createDecoder(stubRegistry({ 1: old }).registry, reader);
    expect({ ...(await decode(message(1, old, { name: 'a' }))) }).toEqual({ name: 'a', size: 7 });
  });

  test('reads a record of a newer schema, without the unknown field', async () => {
    const decode = createDecoder(stubRegistry({ 1: newer }).registry, reader);
    expect({ ...(await decode(message(1, newer, { name: 'a', size: 2, colour: 'red' }))) }).toEqual({ name: 'a', size: 2 });
  });
});

describe('a PoisonError', () => {
  const good = message(1, current, { name: 'a long enough name', size: 300 });

  test.each([
    ['no value', null],
    ['no bytes', Buffer.alloc(0)],
    ['a short prefix', good.subarray(0, 4)],
    ['a prefix without Avro behind it', good.subarray(0, 5)],
    ['another first byte', Buffer.concat([Buffer.from([1]), good.subarray(1)])],
    ['JSON', Buffer.from('{"name":"a"}')],
  ])('is thrown for %s, without a request to the registry', async (_what, value) => {
    const { registry, asked } = stubRegistry({ 1: current });
    await expect(createAsync(registry)(value)).rejects.toMatchObject({ name: 'PoisonError', code: 'DECODE_FAILED' });
    expect(asked).toEqual([]);
  });

  test.each([
    ['cut off', good.subarray(0, -1)],
    ['cut off in the text', good.subarray(0, 10)],
    ['followed by more', Buffer.concat([good, Buffer.from([0])])],
  ])('is thrown for Avro that is %s', async (_what, value) => {
    const { registry } = stubRegistry({ 1: current });
    await expect(createAsync(registry)(value)).rejects.toBeInstanceOf(PoisonError);
  });

  test('is thrown for a schema that cannot be read with ours', async () => {
    const foreign = record(field('name', 'int'));
    const decode = createAsync(stubRegistry({ 1: foreign }).registry);
    await expect(decode(message(1, foreign, { name: 1 }))).rejects.toBeInstanceOf(PoisonError);
  });

  test('is thrown for a schema that is not Avro', async () => {
    const registry = { getSchema: async () => ({ validate: () => true }) } as unknown as SchemaRegistry;
    await expect(createAsync(registry)(good)).rejects.toBeInstanceOf(PoisonError);
  });

  test('at one record does not spoil the next', async () => {
    const { registry, asked } = stubRegistry({ 1: current });
    const decode = createAsync(registry);
    await expect(decode(good.subarray(0, -1))).rejects.toBeInstanceOf(PoisonError);
    await expect(decode(good)).resolves.toMatchObject({ size: 300 });
    expect(asked).toEqual([1]);
  });
});
