import { parseArgs } from 'node:util';
import pg from 'pg';
import { OperateError, UsageError, type Verb } from './verb.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Dead letters of one listing; the rest is counted. */
const LISTED = 100;

/** What a command is about. Nothing named means no condition, so each command says what it demands. */
interface Chosen {
  events: string[] | null;
  zap: string | null;
  target: string | null;
  since: Date | null;
  all: boolean;
}

interface Letter {
  event_id: string;
  target: string;
  zap: string;
  attempts: number;
  last_status: number | null;
  last_error: string | null;
  settled_at: Date;
}

type Command = (client: pg.Client, chosen: Chosen) => Promise<string>;

const commands: Record<string, Command> = {
  'dlq list': async (client, { events, zap, target, since }) => {
    const { rows } = await client.query<Letter & { all: string }>(
      `SELECT d.event_id, d.target, e.zap, d.attempts, d.last_status, d.last_error, d.settled_at, count(*) OVER () AS all
       FROM actions.delivery d JOIN actions.event e ON e.id = d.event_id
       WHERE d.state = 'dead' AND ($1::uuid[] IS NULL OR d.event_id = ANY ($1)) AND ($2::text IS NULL OR e.zap = $2)
         AND ($3::text IS NULL OR d.target = $3) AND ($4::timestamptz IS NULL OR e.stored_at >= $4)
       ORDER BY d.settled_at DESC LIMIT ${LISTED}`,
      [events, zap, target, since],
    );
    const lines = rows.map(
      ({ event_id, target: name, zap: of, attempts, last_status, last_error, settled_at }) =>
        `${event_id}  ${name}  ${of}  ${settled_at.toISOString()}  after ${attempts} attempts: ${last_status ?? last_error}`,
    );
    const more = Number(rows[0]?.all ?? 0) - rows.length;
    return [...lines, ...(more > 0 ? [`and ${more} older ones`] : []), ...(rows.length === 0 ? ['no dead letters'] : [])].join('\n');
  },
  'dlq replay': async (client, chosen) => `${await runAgain(client, ['dead'], demanded(chosen))} calls are due again`,
  'dlq discard': async (client, chosen) => {
    const { events, target, zap, since } = demanded(chosen);
    if (zap !== null || since !== null) throw new UsageError('dlq discard takes ids, --target or --all');
    const { rows } = await client.query<{ count: string }>('SELECT actions.discard_dead($1, $2) AS count', [events, target]);
    return `${rows[0]?.count} dead letters are discarded`;
  },
  rerun: async (client, chosen) => {
    const { events, zap, since } = chosen;
    if (events === null && (zap === null || since === null)) throw new UsageError('rerun takes ids, or --zap and --since');
    return `${await runAgain(client, ['pending', 'delivered', 'dead', 'discarded'], chosen)} calls are due again`;
  },
  targets: async (client) => {
    const { rows } = await client.query<{ target: string; pending: string; delivered: string; dead: string; disabled_at: Date | null }>(
      `SELECT target, count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'delivered') AS delivered,
              count(*) FILTER (WHERE state = 'dead') AS dead, min(disabled_at) AS disabled_at
       FROM actions.delivery FULL JOIN actions.disabled_target USING (target) GROUP BY target ORDER BY target`,
    );
    const lines = rows.map(
      ({ target, pending, delivered, dead, disabled_at }) =>
        `${target}  pending ${pending}  delivered ${delivered}  dead ${dead}${disabled_at === null ? '' : `  disabled since ${disabled_at.toISOString()}`}`,
    );
    return lines.join('\n') || 'no target was called yet';
  },
  enable: async (client, { target }) => {
    if (target === null) throw new UsageError('enable takes --target');
    const { rows } = await client.query<{ enabled: boolean }>('SELECT actions.enable_target($1) AS enabled', [target]);
    if (rows[0]?.enabled !== true)
      throw new OperateError('NOT_DISABLED', `${target} is not disabled. See: npm run outbox -- actions targets`);
    return `${target} is called again`;
  },
};

function demanded(chosen: Chosen): Chosen {
  const { events, zap, target, since, all } = chosen;
  if (!all && events === null && zap === null && target === null && since === null)
    throw new UsageError('name ids, --target, --zap or --since, or say --all');
  return chosen;
}

async function runAgain(client: pg.Client, states: string[], { events, zap, target, since }: Chosen): Promise<string> {
  const values = [states, events, zap, target, since];
  const { rows } = await client.query<{ count: string }>('SELECT actions.run_again($1, $2, $3, $4, $5) AS count', values);
  const count = rows[0]?.count ?? '0';
  if (count === '0') throw new OperateError('NOTHING_FOUND', 'no call fits. See: npm run outbox -- actions dlq list');
  return count;
}

function read(args: string[]): { command: Command; chosen: Chosen } {
  const usage = (message: string) => new UsageError(`${message}. actions takes: ${Object.keys(commands).join(', ')}`);
  const options = { zap: { type: 'string' }, target: { type: 'string' }, since: { type: 'string' }, all: { type: 'boolean' } } as const;
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const words = positionals[0] === 'dlq' ? 2 : 1;
  const name = positionals.slice(0, words).join(' ');
  const command = commands[name];
  if (command === undefined) throw usage(`there is no "${name}"`);
  const events = positionals.slice(words);
  const wrong = events.find((id) => !UUID.test(id));
  if (wrong !== undefined) throw usage(`"${wrong}" is no event's id`);
  const since = values.since === undefined ? null : new Date(values.since);
  if (since !== null && Number.isNaN(since.getTime())) throw usage(`--since ${values.since} is no time such as 2026-11-24T12:00:00Z`);
  const { zap = null, target = null, all = false } = values;
  return { command, chosen: { events: events.length === 0 ? null : events, zap, target, since, all } };
}

/** Calls that were given up, calls that are to be made again, targets that said 410. */
export const actions: Verb = {
  usage: 'dlq list|replay|discard, rerun <id> | --zap --since, targets, enable --target',
  about: 'the webhooks that the action consumer calls',
  run: async (args, { DATABASE_URL }) => {
    const { command, chosen } = read(args);
    const client = new pg.Client({ connectionString: DATABASE_URL, connectionTimeoutMillis: 5000 });
    try {
      await client.connect();
      process.stdout.write(`${await command(client, chosen)}\n`);
      return 0;
    } catch (error) {
      if (error instanceof OperateError) throw error;
      throw new OperateError('DATABASE_UNAVAILABLE', `Postgres does not answer: ${String(error)}`, error);
    } finally {
      await client.end();
    }
  },
};
