import type { Edit } from '../support/copy-of-product.ts';
import type { Invariant } from './facts.ts';

/** A fault in the product that the checker must find. It is planted only in a copy. */
export interface Mutant {
  name: string;
  edits: readonly Edit[];
  /** The schedule that reveals it. */
  schedule: string;
  /** Further settings of the run. */
  env?: Readonly<Record<string, string>>;
  /** One of these invariants must be reported as broken. */
  caughtBy: readonly Invariant[];
}

const SNAPSHOT = '"snapshot.select.statement.overrides.public.zap_run_outbox": "SELECT * FROM public.zap_run_outbox ORDER BY seq"';
const snapshot = (select: string): Edit => ({
  file: 'connect/outbox-connector.json',
  find: SNAPSHOT,
  replace: SNAPSHOT.replace('SELECT * FROM public.zap_run_outbox ORDER BY seq', select),
});
const deleteWhere = (condition: string): Edit => ({
  file: 'cleanup/delete-rows.ts',
  find: 'WHERE o.id = ANY ($1) AND o.id = x.id AND ${HASH} = x.hash\n    RETURNING',
  replace: `WHERE ${condition}\n    RETURNING`,
});

export const mutants: readonly Mutant[] = [
  {
    name: 'delete by age',
    edits: [deleteWhere(`o.created_at < now() - interval '3 seconds'`)],
    // Cleanup still has records to read while newer rows cannot be published.
    schedule: 'freeze:cleanup:6&, freeze:connect:14.',
    caughtBy: ['I5'],
  },
  {
    name: 'delete by highest id',
    edits: [deleteWhere('o.id <= (SELECT i FROM unnest($1::uuid[]) AS i ORDER BY i DESC LIMIT 1)')],
    // Rows that commit late have lower ids than rows that were published long before.
    schedule: 'freeze:cleanup:10&, commit held up::4&, freeze:connect:14.',
    caughtBy: ['I5'],
  },
  {
    name: 'commit before handling',
    edits: [
      {
        file: 'consumers-example/consumer/work-off.ts',
        find: 'for (let at = 0; at < records.length;) {\n',
        replace: 'for (let at = 0; at < records.length;) {\n    turn.done(after(records.at(-1)));\n',
      },
    ],
    // Records wait for the consumer while it is frozen. When it goes on, Postgres is frozen: the position is committed, no call
    // can be noted, and then the process dies. Two freezes that do no harm take the time that it needs.
    schedule: 'freeze:actions:1&, freeze:postgres:8&, freeze:watch:1&, freeze:registry:1&, kill:actions.',
    caughtBy: ['I8'],
  },
  {
    name: 'drop one in a thousand',
    edits: [
      {
        file: 'ingest/statements.ts',
        find: 'FROM event JOIN run USING (id) ORDER BY position`',
        replace: 'FROM event JOIN run USING (id) WHERE hashtext(id::text) % 1000 <> 0 ORDER BY position`',
      },
    ],
    schedule: 'kill:ingest',
    env: { EVENTS: '6000', RATE: '200' },
    caughtBy: ['I1', 'I3'],
  },
  {
    name: 'swap events of a key',
    edits: [snapshot('SELECT * FROM public.zap_run_outbox ORDER BY seq DESC')],
    // Only the snapshot publishes rows that were written while nothing read the slot.
    schedule: 'freeze:connect:8&, slot dropped.',
    caughtBy: ['I4'],
  },
  {
    name: 'outbox row outside the transaction',
    edits: [
      {
        file: 'ingest/statements.ts',
        find: 'export async function insert(client: Queryable',
        replace: `export async function insert(client: Queryable, events: readonly RunEvent[], isBatch: boolean): Promise<number> {
  const count = await insertRuns(client, events, isBatch);
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const { id, userId, zapId, payload } of events) {
    await client.query("INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload) SELECT $1::uuid, 'zap-run', $2, 'ZapRunCreated', $3 WHERE EXISTS (SELECT FROM zap_run WHERE id = $1::uuid) ON CONFLICT DO NOTHING", [id, userId + '/' + zapId, payload]);
  }
  return count;
}

async function insertRuns(client: Queryable`,
      },
      {
        file: 'ingest/statements.ts',
        find: `
  INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent)
  SELECT id, 'zap-run', user_id || '/' || zap_id, 'ZapRunCreated', substring($12::bytea FROM starts FOR bytes), traceparent
  FROM event JOIN run USING (id) ORDER BY position\``,
        replace: '\n  SELECT id, $12::bytea IS NULL FROM run`',
      },
    ],
    schedule: 'kill:ingest, kill:ingest, kill:ingest, kill:ingest, kill:ingest, kill:ingest',
    caughtBy: ['I3'],
  },
  {
    name: 'errors.tolerance=all with an oversize row',
    edits: [
      { file: 'connect/outbox-connector.json', find: '"errors.tolerance": "none"', replace: '"errors.tolerance": "all"' },
      {
        file: 'connect/outbox-connector.json',
        find: '"producer.override.max.request.size": "1048576"',
        replace: '"producer.override.max.request.size": "10000"',
      },
      { file: 'connect/preflight.ts', find: 'cdcLogin, plugin, recordSize]', replace: 'cdcLogin, plugin]' },
    ],
    schedule: 'kill:ingest',
    env: { REST_SECONDS: '60' },
    caughtBy: ['I1', 'I6'],
  },
  {
    name: 'read uncommitted under exactly-once',
    edits: [
      { file: 'cleanup/kafka.ts', find: 'readUncommitted: false', replace: 'readUncommitted: true' },
      { file: 'consumers-example/consumer/kafka.ts', find: 'readUncommitted: false', replace: 'readUncommitted: true' },
    ],
    // A transaction that stays open for seconds and is then aborted.
    schedule: Array(6).fill('freeze:connect:5&, kill:connect.').join(', '),
    env: { EXACTLY_ONCE: 'enabled', RATE: '200' },
    caughtBy: ['I5'],
  },
  {
    name: 'answer before COMMIT',
    edits: [
      {
        file: 'ingest/write-group.ts',
        find: 'for (const member of members) member.sent = true;\n',
        replace:
          'for (const member of members) {\n    member.sent = true;\n    member.resolve({ id: member.event.id, repeated: false });\n  }\n',
      },
    ],
    // What a frozen Postgres has received it still does, so that it dies as well, after the process that would send it again.
    schedule: 'freeze:postgres:6&, kill:ingest&, kill:postgres.',
    caughtBy: ['I1'],
  },
  {
    name: 'an action marked done before its answer',
    edits: [
      {
        file: 'consumers-example/actions/dispatcher.ts',
        find: 'const attempted = await this.#given.attempt(delivery, target);',
        replace: `this.#given.settle({ delivery, state: 'delivered', delayMs: 0, disables: false, status: 204, error: null });
    const attempted = await this.#given.attempt(delivery, target);`,
      },
    ],
    schedule: 'kill:actions, kill:actions.',
    caughtBy: ['I8'],
  },
  {
    name: 'a repeat with other bytes',
    edits: [
      snapshot(
        `SELECT id, seq, aggregatetype, aggregateid, type, payload || '\\\\\\\\x00'::bytea AS payload, traceparent, resends, created_at FROM public.zap_run_outbox ORDER BY seq`,
      ),
    ],
    // Rows that were published and are not yet deleted are published again.
    schedule: 'freeze:cleanup:10&, slot dropped.',
    caughtBy: ['I2'],
  },
];
