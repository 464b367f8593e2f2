import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemaFaults } from './schema-gate.ts';

const text = readFileSync(new URL('schemas/zap-run.avsc', import.meta.url), 'utf8');

interface Schema {
  name: string;
  aliases?: string[];
  fields: { name: string; type: unknown; default?: unknown; aliases?: string[] }[];
}

/** The faults of a change to the schema, which is also released as the newest version unless `release` is false. */
function change(edit: (schema: Schema) => void, { release = true } = {}): string[] {
  const schema = JSON.parse(text) as Schema;
  edit(schema);
  const current = JSON.stringify(schema);
  const released = { 'zap-run.v1.avsc': text, ...(release && { 'zap-run.v2.avsc': current }) };
  return schemaFaults({ name: 'zap-run', current, released });
}

const field = (schema: Schema, name: string) => schema.fields.find((one) => one.name === name)!;

describe('the gate lets through', () => {
  test.each<[string, (schema: Schema) => void]>([
    ['no change', () => undefined],
    ['reordered fields', ({ fields }) => fields.reverse()],
    ['a new field with a default', ({ fields }) => fields.push({ name: 'attempt', type: 'int', default: 0 })],
    ['a new optional field', ({ fields }) => fields.push({ name: 'traceparent', type: ['null', 'string'], default: null })],
    ['a removed field', (schema) => (schema.fields = schema.fields.filter(({ name }) => name !== 'headers'))],
    [
      'a renamed field with its old name as an alias',
      (schema) => Object.assign(field(schema, 'metadata'), { name: 'body', aliases: ['metadata'] }),
    ],
    ['a field that may now be null', (schema) => (field(schema, 'userId').type = ['null', 'string'])],
    ['a string that becomes bytes', (schema) => (field(schema, 'metadata').type = 'bytes')],
  ])('%s', (_what, edit) => {
    expect(change(edit)).toEqual([]);
  });
});

describe('the gate stops', () => {
  test.each<[string, (schema: Schema) => void, RegExp]>([
    ['a new field without a default', ({ fields }) => fields.push({ name: 'attempt', type: 'int' }), /zap-run\.v1\.avsc: .*attempt/],
    ['a renamed field', (schema) => (field(schema, 'metadata').name = 'body'), /zap-run\.v1\.avsc: .*body/],
    ['another type', (schema) => (field(schema, 'metadata').type = 'int'), /cannot read events written with zap-run\.v1\.avsc/],
    ['a smaller number', (schema) => (field(schema, 'receivedAt').type = 'int'), /cannot read events written with zap-run\.v1\.avsc/],
    [
      'another namespace',
      (schema) => Object.assign(schema, { namespace: 'another.place' }),
      /cannot read events written with zap-run\.v1\.avsc/,
    ],
    ['an optional field in place of another type', (schema) => (field(schema, 'userId').type = ['null', 'int']), /zap-run\.v1\.avsc/],
    ['another record name', (schema) => (schema.name = 'ZapRunMade'), /cannot read events written with zap-run\.v1\.avsc/],
    [
      'another logical type',
      (schema) => (field(schema, 'receivedAt').type = { type: 'long', logicalType: 'timestamp-micros' }),
      /gives receivedAt another logical type/,
    ],
    ['a removed logical type', (schema) => (field(schema, 'receivedAt').type = 'long'), /gives receivedAt another logical type/],
    ['an invalid schema', (schema) => (field(schema, 'userId').type = 'text'), /is not an Avro schema/],
  ])('%s, and says why', (_what, edit, reason) => {
    const [fault, ...more] = change(edit);
    expect(fault).toMatch(reason);
    expect(more).toEqual([]);
  });

  test('an unreleased version, and says where to copy it', () => {
    const faults = change(({ fields }) => fields.push({ name: 'attempt', type: 'int', default: 0 }), { release: false });
    expect(faults).toEqual([expect.stringContaining('Copy it to zap-run.v2.avsc')]);
  });

  test('a change that reads the last version but not the first', () => {
    const v1 = '{"type":"record","name":"A","fields":[{"name":"a","type":"string"}]}';
    const v2 = '{"type":"record","name":"A","fields":[{"name":"a","type":"string"},{"name":"b","type":"string","default":""}]}';
    const v3 = '{"type":"record","name":"A","fields":[{"name":"a","type":"string"},{"name":"b","type":"string"}]}';
    expect(schemaFaults({ name: 'a', current: v3, released: { 'a.v2.avsc': v2, 'a.v3.avsc': v3 } })).toEqual([]);
    expect(schemaFaults({ name: 'a', current: v3, released: { 'a.v1.avsc': v1, 'a.v2.avsc': v2, 'a.v3.avsc': v3 } })).toEqual([
      expect.stringMatching(/a\.v1\.avsc: .*b/),
    ]);
  });
});
