import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type avsc from 'avsc';
import { describe, expect, it } from 'vitest';
import { eventSchema, type EventSchema } from '../contract/event.ts';
import { isSameRun, readRecord } from './import-record.ts';

const text = readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8');
const own = JSON.parse(text) as { fields: object[] };
const withField = (field: object) => eventSchema(7, { ...own, fields: [...own.fields, field] } as avsc.Schema);
const current = eventSchema(3, own as avsc.Schema);
const newer = withField({ name: 'source', type: 'string', default: 'hook' });

const id = randomUUID();
const at = new Date('2026-01-02T03:04:05.678Z');
const content = { userId: 'u', zapId: 'z', metadata: ' {"a":"\\u0000", "a":1e400}\n', headers: { b: '1', a: 'é' } };
const value = current.encode(id, at, content);
const headers = { id, type: 'ZapRunCreated', resends: '0', traceparent: '00-ab-cd-01' };
const record = { key: Buffer.from('u/z'), value, headers };

const schemas = (schemaId: number): Promise<EventSchema> =>
  schemaId === 3 ? Promise.resolve(current) : schemaId === 7 ? Promise.resolve(newer) : Promise.reject(new Error(`asked for ${schemaId}`));
const read = (change: object) => readRecord({ ...record, ...change }, schemas);

describe('a record of the topic', () => {
  it('gives back every column of the run that it was made from, but its idempotency key', async () => {
    expect(await read({})).toEqual({
      run: {
        ...{ id, user_id: 'u', zap_id: 'z', metadata: content.metadata, headers: '{"b":"1","a":"é"}', received_at: at, schema_id: 3 },
        ...{ traceparent: '00-ab-cd-01', payload: value },
      },
    });
    expect(await read({ headers: { id: id.toUpperCase(), type: 'ZapRunCreated' } })).toMatchObject({ run: { id, traceparent: null } });
  });

  it('is read by the schema that it was written with', async () => {
    const written = newer.encode(id, at, content);
    expect(await read({ value: written })).toMatchObject({ run: { schema_id: 7, payload: written, metadata: content.metadata } });
    await expect(read({ value: eventSchema(9, own as avsc.Schema).encode(id, at, content) })).rejects.toThrow('asked for 9');
  });

  it.each<[string, object]>([
    ['without an id', { headers: { type: 'ZapRunCreated' } }],
    ['with an id that is not a UUID', { headers: { ...headers, id: 'x' } }],
    ['with two ids', { headers: { ...headers, id: [id, id] } }],
    ['without headers', { headers: undefined }],
    ['of another type', { headers: { ...headers, type: 'Other' } }],
  ])('%s is foreign', async (_what, change) => {
    expect(await read(change)).toEqual({ foreign: expect.stringMatching(/^its header/) as string });
  });

  const encoded = (change: object) => current.encode(id, at, { ...content, ...change });
  it.each<[string, object, RegExp]>([
    ['no value', { value: null }, /not in the wire format/],
    ['another magic byte', { value: Buffer.concat([Buffer.from([1]), value.subarray(1)]) }, /not in the wire format/],
    ['bytes that its schema does not read', { value: value.subarray(0, -1) }, /not an event of schema 3/],
    ['bytes after its event', { value: Buffer.concat([value, Buffer.from([0])]) }, /not an event of schema 3/],
    ['another id in its event', { value: current.encode(randomUUID(), at, content) }, /its header id is/],
    ['metadata that is not JSON', { value: encoded({ metadata: '{' }) }, /not an event of schema 3/],
    ['an impossible user', { value: encoded({ userId: 'a/b' }) }, /not an event of schema 3/],
    ['the key of another zap', { key: Buffer.from('u/y') }, /its key is not the zap/],
    ['two traces', { headers: { ...headers, traceparent: ['a', 'b'] } }, /traceparent/],
    ['a trace that zap_run cannot store', { headers: { ...headers, traceparent: 'a'.repeat(257) } }, /traceparent/],
  ])('with %s is unreadable', async (_what, change, why) => {
    expect(await read(change)).toEqual({ unreadable: expect.stringMatching(why) as string });
  });

  it('with a field that zap_run has no column for is unreadable, unless the field has its default', async () => {
    const other = Buffer.concat([newer.encode(id, at, content).subarray(0, -5), Buffer.from([6]), Buffer.from('api')]);
    expect(await read({ value: other })).toEqual({
      unreadable: expect.stringMatching(/more than this version stores of schema 7/) as string,
    });
  });
});

describe('a stored run', () => {
  it('is the same only if it gives the same bytes and has the same trace', async () => {
    const found = await read({});
    if (!('run' in found)) throw new Error('it is readable');
    const { run } = found;
    expect(isSameRun(current, run, run)).toBe(true);
    for (const change of [{ metadata: '{}' }, { zap_id: 'y' }, { headers: '{}' }, { received_at: new Date(0) }, { traceparent: null }])
      expect([change, isSameRun(current, { ...run, ...change }, run)]).toEqual([change, false]);
    expect(isSameRun(newer, run, run)).toBe(false);
  });
});
