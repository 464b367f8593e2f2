import type { Pool } from 'pg';
import { withAdmin } from '../kafka.ts';
import { firstIdAt, ID_SLACK_MS } from '../runs.ts';
import { findRecords, readCalls, readGroups, readRun, type Call, type FoundRecord, type GroupPosition, type TracedRun } from '../trace.ts';
import type { Config } from './config.ts';
import { attemptsOf, type Attempt } from './logs.ts';

/** The way of one webhook, as far as it is known now. */
export interface Way {
  id: string;
  run: TracedRun;
  /** undefined: Kafka did not answer, with the reason in `silent`. */
  records: readonly FoundRecord[] | undefined;
  groups: readonly GroupPosition[];
  calls: readonly Call[];
  attempts: readonly Attempt[];
  /** When a step was first seen done, by its name, for steps that store no time. */
  seen: ReadonlyMap<string, Date>;
  silent: string | undefined;
}

const REMEMBERED = 500;

interface Memory {
  records: readonly FoundRecord[];
  seen: Map<string, Date>;
  /** Whether it was followed before all of its steps were done, so that the times in `seen` are close. */
  watched: boolean;
}

/** Follows webhooks. An event found on the topic is not searched again. */
export class Tracer {
  readonly #pool: Pool;
  readonly #config: Config;
  readonly #memory = new Map<string, Memory>();

  constructor(pool: Pool, config: Config) {
    this.#pool = pool;
    this.#config = config;
  }

  /** @param search whether the topic is read, which takes seconds. @returns undefined when no run has the id */
  async trace(id: string, search: boolean): Promise<Way | undefined> {
    const run = await readRun(this.#pool, id);
    if (run === undefined) return undefined;
    const memory = this.#memory.get(id) ?? { records: [], seen: new Map<string, Date>(), watched: run.waits_since !== null };
    this.#memory.delete(id);
    this.#memory.set(id, memory);
    for (const oldest of this.#memory.keys()) {
      if (this.#memory.size <= REMEMBERED) break;
      this.#memory.delete(oldest);
    }
    const [calls, kafka] = await Promise.all([readCalls(this.#pool, id), this.#kafka(id, run, memory, search)]);
    const way = { id, run, calls, ...kafka, attempts: attemptsOf(this.#config.CONSOLE_LOG_DIR, id), seen: memory.seen };
    if (memory.watched) for (const step of doneSteps(way)) if (!memory.seen.has(step)) memory.seen.set(step, new Date());
    return way;
  }

  async #kafka(id: string, run: TracedRun, memory: Memory, search: boolean) {
    const { ACK_GROUPS } = this.#config;
    if (!search && memory.records.length === 0) return { records: undefined, groups: [], silent: undefined };
    try {
      return await withAdmin(this.#config, async (admin) => {
        if (memory.records.length === 0) memory.records = await findRecords(this.#config, admin, id, run.received_at);
        const [first] = memory.records;
        const groups = first === undefined ? [] : await readGroups(admin, first, ACK_GROUPS);
        return { records: memory.records, groups, silent: undefined };
      });
    } catch (error) {
      return { records: undefined, groups: [], silent: error instanceof Error ? error.message : String(error) };
    }
  }
}

export const isGone = ({ waits_since: waits, buried_since: buried }: TracedRun): boolean => waits === null && buried === null;

const doneSteps = ({ run, groups }: Pick<Way, 'run' | 'groups'>): string[] => [
  ...groups.filter(({ past }) => past).map(({ group }) => `group ${group}`),
  ...(isGone(run) ? ['row'] : []),
];

/** Whether no further step is expected. */
export function isComplete({ run, records, groups, calls }: Way): boolean {
  if (run.buried_since !== null) return true;
  const awaited = groups.filter((group) => group.awaited);
  return isGone(run) && (records?.length ?? 0) > 0 && awaited.every(({ past }) => past) && calls.every(({ state }) => state !== 'pending');
}

export interface Listed {
  id: string;
  zap: string;
  received_at: Date;
  bytes: number;
}

/** The runs of a zap around a moment, or its newest. */
export async function listRuns(pool: Pool, { userId, zapId }: { userId: string; zapId: string }, at: Date | undefined): Promise<Listed[]> {
  const around = 300_000;
  const [from, to] =
    at === undefined ? [new Date(0), new Date(8.64e15)] : [new Date(at.getTime() - around), new Date(at.getTime() + around)];
  const first = firstIdAt(new Date(Math.max(0, from.getTime() - ID_SLACK_MS)));
  const { rows } = await pool.query<Listed>(
    `SELECT id, user_id || '/' || zap_id AS zap, received_at, octet_length(metadata::text) AS bytes FROM zap_run
      WHERE user_id = $1 AND zap_id = $2 AND id > $3 AND received_at BETWEEN $4 AND least($5, now() + interval '1 day')
      ORDER BY id DESC LIMIT 50`,
    [userId, zapId, first, from, to],
  );
  return rows;
}

/** The stored metadata and headers of a run. */
export async function readContent(pool: Pool, id: string): Promise<{ metadata: string; headers: string } | undefined> {
  const { rows } = await pool.query<{ metadata: string; headers: string }>(
    'SELECT metadata::text AS metadata, headers::text AS headers FROM zap_run WHERE id = $1',
    [id],
  );
  return rows[0];
}
