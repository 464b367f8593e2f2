import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConnectorFile } from '../checks/connector-file.ts';
import { shardsOf } from '../contract/shards.ts';
import { CONNECTOR_NAME, EVENT_TOPIC, OFFSET_TOPIC, SLOT_NAME } from '../contract/names.ts';
import { MAX_EVENT_BYTES, RECORD_OVERHEAD_BYTES } from '../contract/limits.ts';

const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const connector = JSON.parse(text('outbox-connector.json')) as Record<string, string>;
const entries = Object.entries(connector);
const setting = (key: string) => connector[key] ?? '';

const migrations = new URL('../prisma/migrations/', import.meta.url);
const sql = readdirSync(migrations, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => text(`../prisma/migrations/${name}/migration.sql`))
  .join('\n');

/** The columns of the outbox in the migration. */
function outboxColumns(): string[] {
  const body = /CREATE TABLE zap_run_outbox \(\n(.*?)\n\);/s.exec(sql)?.[1] ?? '';
  return body.split('\n').flatMap((line) => /^ {2}([a-z_]+) +[a-z]/.exec(line)?.[1] ?? []);
}

describe('the table of settings in docs/connector.md', () => {
  const section =
    text('../docs/connector.md')
      .split('\n## ')
      .find((part) => part.startsWith('Every setting')) ?? '';
  const rows = [...section.matchAll(/^\| `([^`]+)` \| `([^`]*)` \| (.+) \|$/gm)].map(([, key, value, why]) => ({ key, value, why }));

  test('has exactly the keys of the connector, in their order', () => {
    expect(rows.map(({ key }) => key)).toEqual(Object.keys(connector));
  });

  test('has the values of outbox-connector.json', () => {
    expect(rows.map(({ key, value }) => [key, value])).toEqual(entries);
  });

  test('gives each key its own reason', () => {
    for (const { key, why } of rows) expect(why?.length, key).toBeGreaterThan(25);
    expect(new Set(rows.map(({ why }) => why)).size).toBe(rows.length);
  });
});

describe("the connector's settings", () => {
  test('are strings, as Connect returns them and register compares them', () => {
    expect(entries.filter(([, value]) => typeof value !== 'string')).toEqual([]);
  });

  test('hold no secret: secrets come from the environment of the worker', () => {
    const secrets = entries.filter(([key]) => /password|secret/i.test(key));
    expect(secrets.map(([key]) => key)).toContain('database.password');
    for (const [key, value] of secrets) expect(value, key).toMatch(/^\$\{env:[A-Z_]+\}$/);
  });

  test('name only variables that the worker lets them read', () => {
    const pattern = /^config\.providers\.env\.param\.allowlist\.pattern=(.+)$/m.exec(text('worker.properties'))?.[1] ?? '';
    const allowed = new RegExp(pattern);
    const named = [...text('outbox-connector.json').matchAll(/\$\{env:([^}]+)\}/g)].map(([, name]) => name ?? '');
    expect(named).toHaveLength(7);
    expect(named.filter((name) => !allowed.test(name))).toEqual([]);
    expect(allowed.test('PATH')).toBe(false);
  });

  test('override only client options that the worker lets them override', () => {
    const allowed = /^connector\.client\.config\.override\.allowlist=(.+)$/m.exec(text('worker.properties'))?.[1]?.split(',') ?? [];
    const overridden = entries.flatMap(([key]) => (key.startsWith('producer.override.') ? [key.slice('producer.override.'.length)] : []));
    expect(overridden).not.toEqual([]);
    expect(overridden.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  test('route by columns that the outbox has', () => {
    const columns = outboxColumns();
    const placed = setting('transforms.outbox.table.fields.additional.placement')
      .split(',')
      .map((entry) => entry.split(':')[0]);
    expect(placed).toEqual(['type', 'resends', 'traceparent']);
    // The columns that the router reads by default.
    expect(columns).toEqual(expect.arrayContaining([...placed, 'id', 'aggregateid', 'payload', 'type']));
  });

  test('order a snapshot by a column that the outbox has', () => {
    const order = /ORDER BY ([a-z_]+)$/.exec(setting('snapshot.select.statement.overrides.public.zap_run_outbox'))?.[1];
    expect(outboxColumns()).toContain(order);
  });

  test("use the migration's publication, which publishes inserts of the outbox", () => {
    const [, publication, table, publish] = /CREATE PUBLICATION (\w+) FOR TABLE (\w+) WITH \(publish = '(\w+)'\)/.exec(sql) ?? [];
    expect(setting('publication.name')).toBe(publication);
    expect([publication, setting('slot.name')]).toEqual([SLOT_NAME, SLOT_NAME]);
    expect(setting('table.include.list')).toBe(`public.${table}`);
    expect(publish).toBe('insert');
  });

  test('send the rows through the router, under the name that Debezium gives their topic', () => {
    const pattern = new RegExp(`^${setting('predicates.isOutboxRow.pattern')}$`);
    expect(`${setting('topic.prefix')}.${setting('table.include.list')}`).toMatch(pattern);
    expect('__debezium-heartbeat.outbox').not.toMatch(pattern);
  });

  test('publish to the event topic that the other services read', () => {
    expect(setting('transforms.outbox.route.topic.replacement')).toBe(EVENT_TOPIC);
  });

  test('use the names of the migrations and the worker', () => {
    expect(sql).toContain(`'${CONNECTOR_NAME}'`);
    expect(text('worker.properties')).toContain(`offset.storage.topic=${OFFSET_TOPIC}\n`);
  });

  test('exclude the logical messages of any login, whatever their prefix', () => {
    // Java's (?s) is JavaScript's s: a dot matches line breaks too.
    const [, flag, pattern] = /^\(\?(s)\)(.*)$/.exec(setting('message.prefix.exclude.list')) ?? [];
    for (const prefix of ['', 'x', 'outbox-heartbeat', 'a\nb', 'a,b']) expect(prefix).toMatch(new RegExp(`^(?:${pattern})$`, flag));
  });

  test('accept the largest event of the outbox', () => {
    const check = /octet_length\(payload\) BETWEEN 6 AND (\d+)/.exec(sql)?.[1];
    expect(MAX_EVENT_BYTES).toBe(Number(check));
    expect(Number(setting('producer.override.max.request.size'))).toBeGreaterThanOrEqual(MAX_EVENT_BYTES + RECORD_OVERHEAD_BYTES);
  });
});

test('one shard has the settings of the file, and one of several differs in what makes it a shard', () => {
  expect(shardsOf(1).map(readConnectorFile)).toEqual([connector]);
  const second = readConnectorFile(shardsOf(3)[1]);
  const select = 'snapshot.select.statement.overrides.public.zap_run_outbox';
  expect(Object.keys({ ...second, ...connector }).filter((key) => second[key] !== connector[key])).toEqual([
    ...['slot.name', 'publication.name', select, 'custom.metric.tags'],
  ]);
  expect([second['slot.name'], second['publication.name']]).toEqual(['zap_run_outbox_2of3', 'zap_run_outbox_2of3']);
  expect(second[select]).toBe(
    'SELECT * FROM public.zap_run_outbox WHERE (hashtextextended(aggregateid, 0) & 9223372036854775807) % 3 = 1 ORDER BY seq',
  );
});
