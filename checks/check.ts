import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import type { Shard } from '../contract/shards.ts';
import type { ConnectApi, ConnectorConfig } from '../kit/connect-api.ts';

/**
 * unsafe: an accepted webhook, or the only copy of an event, could be lost. broken: events do not flow, or not as
 * promised. weak: events flow, but something is worse than it should be.
 */
export type Grade = 'unsafe' | 'broken' | 'weak';

/** What was found, and what to do about it. */
export interface Fault {
  found: string;
  remedy: string;
}

/** A requirement that is not met. */
export interface Finding extends Fault {
  code: string;
  grade: Grade;
  /** Why it matters. */
  why: string;
}

export type System = 'postgres' | 'kafka' | 'connect' | 'registry';

/** The clients that the checks read with, and the expected state. */
export interface CheckContext {
  pool: Pool;
  admin: Admin;
  connect: ConnectApi;
  /** All shards of the outbox. */
  shards: readonly Shard[];
  /** The shard that is checked. */
  shard: Shard;
  /** connect/outbox-connector.json: the expected configuration of the shard's connector. */
  connector: ConnectorConfig;
  cdcUser: string;
}

/** Runs a read once per round. Checks with the same `read` evaluate one answer. */
type Ask<Context> = <Read>(read: (context: Context) => Promise<Read>) => Promise<Read>;

export interface Check<Context = CheckContext> {
  code: string;
  grade: Grade;
  why: string;
  /** The systems that the check reads. */
  needs: readonly System[];
  run: (context: Context, ask: Ask<Context>) => Promise<Fault | undefined>;
}

interface Parts<Context, Read> extends Omit<Check<Context>, 'run'> {
  read: (context: Context) => Promise<Read>;
  /** The finding about what was read; undefined when all is well. */
  evaluate: (read: Read, context: Context) => Fault | undefined;
}

/** Makes a check of one read and one pure evaluation, which a test can call alone. */
export function check<Read, Context = CheckContext>(parts: Parts<Context, Read>): Check<Context> & Pick<Parts<Context, Read>, 'evaluate'> {
  const { read, evaluate } = parts;
  return { ...parts, evaluate, run: async (context, ask) => evaluate(await ask(read), context) };
}

/** @returns every finding; a check that could not be made is a finding too, with the reason */
export async function runChecks<Context>(checks: readonly Check<Context>[], context: Context): Promise<Finding[]> {
  const answers = new Map<unknown, Promise<unknown>>();
  const ask = <Read>(read: (context: Context) => Promise<Read>): Promise<Read> => {
    const asked = (answers.get(read) as Promise<Read> | undefined) ?? read(context);
    answers.set(read, asked);
    return asked;
  };
  const results = await Promise.all(
    checks.map(async ({ code, grade, why, run }): Promise<Finding | undefined> => {
      try {
        const fault = await run(context, ask);
        return fault && { code, grade, why, ...fault };
      } catch (error) {
        const found = `could not be checked: ${error instanceof Error ? error.message : String(error)}`;
        return {
          code,
          grade,
          why,
          found,
          remedy: 'Check that Postgres, Kafka and Connect run and that the URLs in the settings are right.',
        };
      }
    }),
  );
  return results.filter((finding) => finding !== undefined);
}

const GRADES: readonly Grade[] = ['unsafe', 'broken', 'weak'];

/** Sorts the gravest first. Findings of one grade keep their order. */
export const gravestFirst = <F extends { grade: Grade }>(findings: readonly F[]): F[] =>
  findings.toSorted((a, b) => GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade));
