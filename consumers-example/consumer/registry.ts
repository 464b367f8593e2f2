import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { NotNowError, PoisonError } from './errors.ts';

/** The client has no timeout by itself: a registry that accepts and never answers would hold a partition for ever. */
const TIMEOUT_MS = 5000;

/** Confluent's code of "no schema with this id". */
const SCHEMA_NOT_FOUND = 40_403;

/**
 * The schemas of a registry, kept once they have come. `retry` of the client stays at its default, as setting it
 * would change it for every client of the process.
 *
 * getSchema throws PoisonError SCHEMA_UNKNOWN when the registry has no such id, NotNowError when it cannot say.
 */
export function createRegistry(url: string): Pick<SchemaRegistry, 'getSchema'> {
  const timeout = () => ({
    prepareRequest: async <R extends { enhance: (extras: { timeout: number }) => R }>(next: () => Promise<R>) =>
      (await next()).enhance({ timeout: TIMEOUT_MS }),
  });
  const registry = new SchemaRegistry({ host: url, middlewares: [timeout] });
  return {
    getSchema: async (id) => {
      try {
        return await registry.getSchema(id);
      } catch (error) {
        const status = error instanceof Error && 'status' in error ? error.status : undefined;
        if (status === 404 && (await hasNone(url, id))) {
          throw new PoisonError('SCHEMA_UNKNOWN', `the registry has no schema ${id}`, error);
        }
        throw new NotNowError('REGISTRY_UNAVAILABLE', `schema ${id} cannot be fetched from ${url}: ${String(error)}`, error);
      }
    },
  };
}

/**
 * Whether a 404 is the registry's word on the schema. One of another origin (a wrong path, a proxy's page) would bury
 * every event, and the client's error does not tell them apart.
 */
async function hasNone(url: string, id: number): Promise<boolean> {
  try {
    const response = await fetch(`${url.replace(/\/$/, '')}/schemas/ids/${id}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { error_code: code } = (await response.json()) as { error_code?: number };
    return response.status === 404 && code === SCHEMA_NOT_FOUND;
  } catch {
    return false;
  }
}
