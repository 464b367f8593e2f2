import { Command } from '@commander-js/extra-typings';
import type { Pool } from 'pg';
import { moment, runIds, zap, type Zap } from './arguments.ts';
import { withPostgres } from './postgres.ts';
import { OperateError, UsageError, type Run, type Work } from './verb.ts';

/** The most dead deliveries of one listing; the rest is counted. */
const LISTED = 100;

/** Selects deliveries. An absent field, or an empty list of ids, is not a condition, so each command checks what it needs. */
export interface Chosen {
  ids?: string[] | undefined;
  zap?: Zap | undefined;
  target?: string | undefined;
  since?: Date | undefined;
  all?: boolean | undefined;
}

/** Commands about the webhooks that the action consumer calls: dead deliveries, reruns, targets that answered 410. */
export const actions = (run: Run) => {
  const choose = (name: string) =>
    new Command(name)
      .argument('[id...]', 'ids of runs', runIds)
      .option('--zap <userId/zapId>', 'of this zap', zap)
      .option('--target <name>', 'to this target')
      .option('--since <time>', 'of events that came since then', moment);
  const dead = new Command('dead')
    .alias('dlq')
    .description('dead deliveries: calls that were given up')
    .addCommand(
      choose('list')
        .description('calls that were given up, the latest first')
        .action((ids, chosen) => run(saying((pool) => list(pool, { ids, ...chosen })))),
    )
    .addCommand(
      choose('replay')
        .description('makes calls again that were given up')
        .option('--all', 'every one')
        .action((ids, options) => run(retrying({ ids, ...options }))),
    )
    .addCommand(
      new Command('discard')
        .description('drops calls that were given up')
        .argument('[id...]', 'ids of runs', runIds)
        .option('--target <name>', 'to this target')
        .option('--all', 'every one')
        .action((ids, options) => run(discarding({ ids, ...options }))),
    );
  return new Command('actions')
    .description('the webhooks that the action consumer calls')
    .addCommand(dead)
    .addCommand(
      new Command('rerun')
        .description('makes the calls of these events, or of a zap since a time, once more, even the successful ones')
        .argument('[id...]', 'ids of runs', runIds)
        .option('--zap <userId/zapId>', 'of this zap', zap)
        .option('--since <time>', 'of events that came since then', moment)
        .action((ids, options) => run(rerunning({ ids, ...options }))),
    )
    .addCommand(new Command('targets').description('calls per target, and the disabled targets').action(() => run(saying(targets))))
    .addCommand(
      new Command('enable')
        .description('calls a target again that had answered 410')
        .requiredOption('--target <name>', 'its name in actions.json')
        .action(({ target }) => run(enabling(target))),
    );
};

/** Runs one query and prints its result. */
const saying =
  (query: (pool: Pool) => Promise<string>): Work =>
  async ({ DATABASE_URL }, { say }) => {
    say(await withPostgres(DATABASE_URL, query));
    return 0;
  };

// The work shared by the command line and the console. Invalid arguments throw before any work starts.
/** @throws UsageError */
export function retrying(chosen: Chosen): Work {
  requireNamed(chosen);
  return saying(async (pool) => due(await replayDead(pool, chosen)));
}

/** @throws UsageError */
export function discarding(chosen: Chosen): Work {
  requireNamed(chosen);
  return saying(async (pool) => `${await discardDead(pool, chosen)} dead deliveries are discarded`);
}

/** @throws UsageError */
export function rerunning(chosen: Chosen): Work {
  requireRuns(chosen);
  return saying(async (pool) => due(await rerun(pool, chosen)));
}

export const enabling = (target: string): Work =>
  saying(async (pool) => {
    await enableTarget(pool, target);
    return `${target} is called again`;
  });

const due = (count: number) => `${count} calls are due again`;
const idsOf = ({ ids = [] }: Chosen) => (ids.length === 0 ? null : ids);
const keyOf = (of: Zap | undefined) => (of === undefined ? null : `${of.userId}/${of.zapId}`);

export interface Letter {
  event_id: string;
  target: string;
  zap: string;
  attempts: number;
  last_status: number | null;
  last_error: string | null;
  settled_at: Date;
}

/** @returns the latest dead deliveries, and how many there are in all */
export async function readDead(pool: Pool, chosen: Chosen, most = LISTED): Promise<{ letters: Letter[]; all: number }> {
  const { rows } = await pool.query<Letter & { all: string }>(
    `SELECT d.event_id, d.target, e.zap, d.attempts, d.last_status, d.last_error, d.settled_at, count(*) OVER () AS all
     FROM actions.delivery d JOIN actions.event e ON e.id = d.event_id
     WHERE d.state = 'dead' AND ($1::uuid[] IS NULL OR d.event_id = ANY ($1)) AND ($2::text IS NULL OR e.zap = $2)
       AND ($3::text IS NULL OR d.target = $3) AND ($4::timestamptz IS NULL OR e.stored_at >= $4)
     ORDER BY d.settled_at DESC LIMIT $5`,
    [idsOf(chosen), keyOf(chosen.zap), chosen.target ?? null, chosen.since ?? null, most],
  );
  return { letters: rows, all: Number(rows[0]?.all ?? 0) };
}

async function list(pool: Pool, chosen: Chosen): Promise<string> {
  const { letters, all } = await readDead(pool, chosen);
  const lines = letters.map(
    ({ event_id, target, zap: of, attempts, last_status, last_error, settled_at }) =>
      `${event_id}  ${target}  ${of}  ${settled_at.toISOString()}  after ${attempts} attempts: ${last_status ?? last_error}`,
  );
  const more = all - letters.length;
  return [...lines, ...(more > 0 ? [`and ${more} older ones`] : []), ...(letters.length === 0 ? ['no dead deliveries'] : [])].join('\n');
}

/** @throws UsageError when nothing is named; OperateError NOTHING_FOUND */
export async function replayDead(pool: Pool, chosen: Chosen): Promise<number> {
  requireNamed(chosen);
  return runAgain(pool, ['dead'], chosen);
}

/** @throws UsageError when nothing is named */
export async function discardDead(pool: Pool, chosen: Chosen): Promise<number> {
  requireNamed(chosen);
  const values = [idsOf(chosen), chosen.target ?? null];
  const { rows } = await pool.query<{ count: string }>('SELECT actions.discard_dead($1, $2) AS count', values);
  return Number(rows[0]?.count ?? 0);
}

/** @throws UsageError when neither ids nor zap and time are named; OperateError NOTHING_FOUND */
export async function rerun(pool: Pool, chosen: Chosen): Promise<number> {
  requireRuns(chosen);
  return runAgain(pool, ['pending', 'delivered', 'dead', 'discarded'], chosen);
}

/** @throws OperateError NOT_DISABLED */
export async function enableTarget(pool: Pool, target: string): Promise<void> {
  const { rows } = await pool.query<{ enabled: boolean }>('SELECT actions.enable_target($1) AS enabled', [target]);
  if (rows[0]?.enabled === true) return;
  throw new OperateError('NOT_DISABLED', `${target} is not disabled. See: npm run outbox -- actions targets`);
}

export interface TargetState {
  target: string;
  pending: string;
  delivered: string;
  dead: string;
  disabled_at: Date | null;
}

export async function readTargets(pool: Pool): Promise<TargetState[]> {
  const { rows } = await pool.query<TargetState>(
    `SELECT target, count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'delivered') AS delivered,
            count(*) FILTER (WHERE state = 'dead') AS dead, min(disabled_at) AS disabled_at
     FROM actions.delivery FULL JOIN actions.disabled_target USING (target) GROUP BY target ORDER BY target`,
  );
  return rows;
}

async function targets(pool: Pool): Promise<string> {
  const lines = (await readTargets(pool)).map(
    ({ target, pending, delivered, dead, disabled_at: at }) =>
      `${target}  pending ${pending}  delivered ${delivered}  dead ${dead}${at === null ? '' : `  disabled since ${at.toISOString()}`}`,
  );
  return lines.join('\n') || 'no target was called yet';
}

function requireNamed(chosen: Chosen): void {
  const { zap: of, target, since, all = false } = chosen;
  if (!all && idsOf(chosen) === null && of === undefined && target === undefined && since === undefined)
    throw new UsageError('name ids, --target, --zap or --since, or say --all');
}

function requireRuns(chosen: Chosen): void {
  if (idsOf(chosen) === null && (chosen.zap === undefined || chosen.since === undefined))
    throw new UsageError('rerun takes ids, or --zap and --since');
}

async function runAgain(pool: Pool, states: string[], chosen: Chosen): Promise<number> {
  const values = [states, idsOf(chosen), keyOf(chosen.zap), chosen.target ?? null, chosen.since ?? null];
  const { rows } = await pool.query<{ count: string }>('SELECT actions.run_again($1, $2, $3, $4, $5) AS count', values);
  const count = Number(rows[0]?.count ?? 0);
  if (count === 0) throw new OperateError('NOTHING_FOUND', 'no call matches. See: npm run outbox -- actions dead list');
  return count;
}
