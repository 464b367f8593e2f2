import { currentSchema, fingerprintOf } from '../contract/event.ts';
import { EVENT_SUBJECT } from '../contract/names.ts';
import { askService, type HttpService } from '../kit/http-login.ts';
import { check, type Check, type CheckContext } from './check.ts';

const REQUEST_TIMEOUT_MS = 5000;

/** The context of these checks. Register does not run them. */
export interface RegistryContext extends CheckContext {
  registry: HttpService;
}

/** undefined for 404 */
export async function askRegistry<T>(registry: HttpService, route: string): Promise<T | undefined> {
  const response = await askService(registry, route, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`GET ${route} of the registry answers ${response.status}: ${(await response.text()).slice(0, 200)}`);
  return (await response.json()) as T;
}

const schemaStored = check({
  code: 'SCHEMA_NOT_STORED',
  grade: 'broken',
  why: 'Ingest reads the id of its schema from event_schema; a newly started copy answers 503 until it is there.',
  needs: ['postgres'],
  read: async ({ pool }: CheckContext) => {
    const { rowCount } = await pool.query('SELECT FROM event_schema WHERE subject = $1 AND fingerprint = $2', [
      EVENT_SUBJECT,
      fingerprintOf(currentSchema()),
    ]);
    return rowCount === 1;
  },
  evaluate: (stored) => (stored ? undefined : { found: 'event_schema lacks contract/schemas/zap-run.avsc', remedy: 'npm run register' }),
});

interface Known {
  id: number;
  /** The schema with which events of this id were written. */
  written: string;
  /** The registry's schema of the id; undefined when it does not know the id. */
  registered: string | undefined;
}

const canonical = (schema: string) => JSON.stringify(JSON.parse(schema));

const schemaIds = check({
  code: 'SCHEMA_ID_CHANGED',
  grade: 'broken',
  why: 'Stored events carry the ids of event_schema. A consumer that asks the registry for such an id gets nothing, or another schema.',
  needs: ['postgres', 'registry'],
  read: async ({ pool, registry }: RegistryContext): Promise<Known[]> => {
    const { rows } = await pool.query<{ id: number; schema: string }>('SELECT schema_id AS id, schema FROM event_schema ORDER BY 1');
    return Promise.all(
      rows.map(async ({ id, schema }) => ({
        id,
        written: schema,
        registered: (await askRegistry<{ schema: string }>(registry, `/schemas/ids/${id}`))?.schema,
      })),
    );
  },
  evaluate: (known) => {
    const wrong = known.filter(({ written, registered }) => registered === undefined || canonical(written) !== canonical(registered));
    if (wrong.length === 0) return undefined;
    const found = wrong.map(({ id, registered }) => `${id} is ${registered === undefined ? 'unknown to it' : 'another schema'}`).join(', ');
    return {
      found: `of the ids in use, in the registry: ${found}`,
      remedy:
        'Restore the registry’s database, or point REGISTRY_URL at the registry that made the ids. The schemas themselves are in event_schema; ' +
        'a new id for them would not help the records that are on the topic.',
    };
  },
});

const compatibility = check({
  code: 'COMPATIBILITY',
  grade: 'weak',
  why: 'Without it a schema could be registered that cannot read older events.',
  needs: ['registry'],
  read: async ({ registry }: RegistryContext) =>
    (await askRegistry<{ compatibilityLevel: string }>(registry, `/config/${EVENT_SUBJECT}`))?.compatibilityLevel,
  evaluate: (level) =>
    level === 'BACKWARD_TRANSITIVE'
      ? undefined
      : {
          found: `${EVENT_SUBJECT} has the compatibility ${level ?? 'of the registry’s default'}`,
          remedy: 'npm run register sets BACKWARD_TRANSITIVE.',
        },
});

/** In the order in which a finding explains those after it. */
export const registryChecks: readonly Check<RegistryContext>[] = [schemaStored, schemaIds, compatibility];
