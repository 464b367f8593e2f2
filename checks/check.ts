import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import type { ConnectApi, ConnectorConfig } from '../kit/connect-api.ts';

/**
 * unsafe: what was answered 200, or the only copy of an event, could be lost. broken: events do not flow, or not as
 * promised. weak: they do, and something is worse than it should be.
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

/** What the checks look at. */
export interface Surroundings {
  pool: Pool;
  admin: Admin;
  connect: ConnectApi;
  /** connect/outbox-connector.json: what ought to be in force. */
  connector: ConnectorConfig;
  cdcUser: string;
}

export interface Check<Around = Surroundings> {
  code: string;
  grade: Grade;
  why: string;
  /** Without them it cannot be made. */
  needs: readonly System[];
  look: (around: Around) => Promise<Fault | undefined>;
}

interface Parts<Around, Read> extends Omit<Check<Around>, 'look'> {
  read: (around: Around) => Promise<Read>;
  /** Judges what was read; undefined when all is well. */
  judge: (read: Read, around: Around) => Fault | undefined;
}

/** A check of one read and one pure judge, which a test can ask by itself. */
export function check<Read, Around = Surroundings>(parts: Parts<Around, Read>): Check<Around> & Pick<Parts<Around, Read>, 'judge'> {
  const { read, judge } = parts;
  return { ...parts, judge, look: async (around) => judge(await read(around), around) };
}

/** @returns every finding; a check that could not be made is one too, with the reason */
export async function makeChecks<Around>(checks: readonly Check<Around>[], around: Around): Promise<Finding[]> {
  const results = await Promise.all(
    checks.map(async ({ code, grade, why, look }): Promise<Finding | undefined> => {
      try {
        const fault = await look(around);
        return fault && { code, grade, why, ...fault };
      } catch (error) {
        const found = `could not be checked: ${error instanceof Error ? error.message : String(error)}`;
        return { code, grade, why, found, remedy: 'See that Postgres, Kafka and Connect run and that the URLs in the settings are right.' };
      }
    }),
  );
  return results.filter((finding) => finding !== undefined);
}
