import type { Schema } from 'avsc';
import type { Pool } from 'pg';
import { eventSchema, fingerprintOf, type EventSchema } from '../contract/event.ts';
import { EVENT_SUBJECT } from '../contract/names.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { askService, type HttpService } from '../kit/http-login.ts';
import { OperateError } from './verb.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** Asked for a schema that event_schema lacks. @returns its text; undefined when it is unknown there too */
type OtherSource = (id: number) => Promise<string | undefined>;

/**
 * Reads schemas by their id from event_schema, each once.
 *
 * @returns throws OperateError SCHEMA_UNKNOWN when neither event_schema nor the other source has the schema
 */
export function schemaReader(pool: Pool, other?: OtherSource): (id: number) => Promise<EventSchema> {
  const known = new Map<number, EventSchema>();
  return async (id) => {
    const found = known.get(id);
    if (found !== undefined) return found;
    const { rows } = await pool.query<{ schema: string }>('SELECT schema FROM event_schema WHERE schema_id = $1', [id]);
    const text = rows[0]?.schema ?? (await other?.(id));
    if (text === undefined) {
      const places = other === undefined ? 'event_schema does' : 'event_schema and the registry do';
      throw new OperateError(
        'SCHEMA_UNKNOWN',
        `${places} not have the schema ${id}, with which events were written. Run npm run register of the version that wrote them, or restore the registry.`,
      );
    }
    const schema = eventSchema(id, JSON.parse(text) as Schema);
    known.set(id, schema);
    return schema;
  };
}

/**
 * The registry as the other source. What it has is stored in event_schema, as a run whose schema is not there cannot be
 * sent again.
 *
 * @param dry stores nothing
 */
export function fromRegistry(registry: HttpService, pool: Pool, dry: boolean): OtherSource {
  return async (id) => {
    const schema = await askRegistry(registry, id);
    if (schema === undefined || dry) return schema;
    const { rowCount } = await pool.query(
      'INSERT INTO event_schema (subject, fingerprint, schema_id, schema) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
      [EVENT_SUBJECT, fingerprintOf(schema), id, schema],
    );
    if (rowCount === 1) return schema;
    throw new OperateError(
      'SCHEMA_ID_CHANGED',
      `event_schema has the schema ${id} under another id: the registry gave it two. Restore the registry from the backup of the same time.`,
    );
  };
}

/** @throws OperateError REGISTRY_UNAVAILABLE, REGISTRY_LOGIN */
async function askRegistry(registry: HttpService, id: number): Promise<string | undefined> {
  try {
    const response = await askService(registry, `/schemas/ids/${id}`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (response.status === 404) return undefined;
    if (response.ok) return ((await response.json()) as { schema: string }).schema;
    throw new Error(`it answers ${response.status}`);
  } catch (error) {
    if (error instanceof ConnectionFault) throw new OperateError(error.code, error.message, error);
    throw new OperateError(
      'REGISTRY_UNAVAILABLE',
      `Schema ${id} cannot be read from the registry at ${registry.url}: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}
