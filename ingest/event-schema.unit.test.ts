import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { describe, expect, test } from 'vitest';
import { EVENT_SUBJECT } from '../contract/names.ts';
import type { PrismaClient } from '../prisma/client.ts';
import { eventSchema } from '../contract/event.ts';
import { findEventSchema } from './event-schema.ts';

const text = readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8');
const avro = JSON.parse(text) as avsc.Schema;
const type = avsc.Type.forSchema(avro);

const id = '019a0000-0000-7000-8000-000000000001';
const receivedAt = new Date('2026-11-01T12:00:00.123Z');
const webhook = {
  userId: 'u',
  zapId: 'z',
  metadata: ' {"🦊": "\\u0000", "n":1e400}',
  headers: { 'user-agent': 'x' },
  idempotencyKey: null,
  traceparent: '',
};

describe('encode', () => {
  test.each([1, 258, 0x7fffffff])('begins with 0x00 and the id %i in four bytes', (schemaId) => {
    const bytes = eventSchema(schemaId, avro).encode(id, receivedAt, webhook);
    expect(bytes[0]).toBe(0);
    expect(bytes.readUInt32BE(1)).toBe(schemaId);
  });

  test('goes on with Avro that gives back the same event', () => {
    const bytes = eventSchema(1, avro).encode(id, receivedAt, webhook);
    const { userId, zapId, metadata, headers } = webhook;
    expect({ ...(type.fromBuffer(bytes.subarray(5)) as object) }).toEqual({
      zapRunId: id,
      userId,
      zapId,
      receivedAt: receivedAt.getTime(),
      metadata,
      headers,
    });
  });

  test('gives the same bytes for the same event, and does not share them between calls', () => {
    const schema = eventSchema(1, avro);
    const first = schema.encode(id, receivedAt, webhook);
    const kept = Buffer.from(first);
    expect(schema.encode(id, receivedAt, webhook)).toEqual(first);
    schema.encode(id, new Date(0), { ...webhook, metadata: 'x'.repeat(100_000) });
    expect(first).toEqual(kept);
  });

  test('takes an event without headers', () => {
    const bytes = eventSchema(1, avro).encode(id, receivedAt, { ...webhook, headers: {}, metadata: 'null' });
    expect(type.fromBuffer(bytes.subarray(5))).toMatchObject({ headers: {}, metadata: 'null' });
  });
});

describe('findEventSchema', () => {
  /** A client whose only row is the one under this fingerprint. */
  const clientWith = (fingerprint: string) =>
    ({
      eventSchema: {
        findUnique: async ({ where }: { where: { subject_fingerprint: { subject: string; fingerprint: string } } }) =>
          where.subject_fingerprint.fingerprint === fingerprint && where.subject_fingerprint.subject === EVENT_SUBJECT
            ? { schemaId: 42 }
            : null,
      },
    }) as unknown as PrismaClient;
  const fingerprint = createHash('sha256').update(JSON.stringify(avro)).digest('hex');

  test('gives the schema with the id that it was registered under', async () => {
    expect((await findEventSchema(clientWith(fingerprint), text))?.id).toBe(42);
  });

  test('does not mind the white space of the file', async () => {
    expect((await findEventSchema(clientWith(fingerprint), JSON.stringify(avro, null, 8)))?.id).toBe(42);
  });

  test('gives undefined while the schema is not registered', async () => {
    expect(await findEventSchema(clientWith('another'), text)).toBeUndefined();
  });
});
