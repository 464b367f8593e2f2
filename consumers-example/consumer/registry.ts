import { Agent } from 'node:https';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { ConnectionFault } from '../../kit/connection-fault.ts';
import { askService, loginFault, registryService, type HttpService, type RegistrySettings } from '../../kit/http-login.ts';
import { NotNowError, PoisonError } from './errors.ts';

/** The client has no timeout of its own: a registry that accepts and never answers would block a partition. */
const TIMEOUT_MS = 5000;

/** Confluent's code of "no schema with this id". */
const SCHEMA_NOT_FOUND = 40_403;

/**
 * Fetches schemas of a registry and caches them. The client's `retry` stays at its default, because setting it would
 * change it for every client of the process.
 *
 * getSchema throws PoisonError SCHEMA_UNKNOWN when the registry has no such id, NotNowError REGISTRY_LOGIN when it refuses the
 * login, REGISTRY_TLS when its certificate is refused, and REGISTRY_UNAVAILABLE when it does not answer.
 */
export function createRegistry(settings: RegistrySettings): Pick<SchemaRegistry, 'getSchema'> {
  const service = registryService(settings);
  const { url } = service;
  const timeout = () => ({
    prepareRequest: async <R extends { enhance: (extras: { timeout: number; headers: typeof service.headers }) => R }>(
      next: () => Promise<R>,
    ) => (await next()).enhance({ timeout: TIMEOUT_MS, headers: service.headers }),
  });
  const registry = new SchemaRegistry({ host: url, middlewares: [timeout], ...(service.ca !== undefined && { agent: agentOf(service) }) });
  return {
    getSchema: async (id) => {
      try {
        return await registry.getSchema(id);
      } catch (error) {
        const status = error instanceof Error && 'status' in error ? Number(error.status) : 0;
        const refused = loginFault(service, status, `read schema ${id}`);
        if (refused !== undefined) throw new NotNowError(refused.code, refused.message, error);
        if (status === 404 && (await hasNone(service, id))) {
          throw new PoisonError('SCHEMA_UNKNOWN', `the registry has no schema ${id}`, error);
        }
        const untrusted = await certificate(service, id);
        if (untrusted !== undefined) throw new NotNowError(untrusted.code, untrusted.message, error);
        throw new NotNowError('REGISTRY_UNAVAILABLE', `schema ${id} cannot be fetched from ${url}: ${String(error)}`, error);
      }
    },
  };
}

/** Reads the file of the CA again for each connection. */
function agentOf(service: HttpService): Agent {
  const agent = new Agent({ keepAlive: true });
  Object.defineProperty(agent.options, 'ca', { enumerable: true, get: () => service.ca });
  return agent;
}

/** The fault of TLS, of which the client's error has only the text. */
async function certificate(registry: HttpService, id: number): Promise<ConnectionFault | undefined> {
  try {
    await askService(registry, `/schemas/ids/${id}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return undefined;
  } catch (error) {
    return error instanceof ConnectionFault ? error : undefined;
  }
}

/**
 * Whether a 404 is the registry's answer about the schema. A 404 of another origin (a wrong path, a proxy's page) would
 * bury every event, and the client's error does not distinguish the two.
 */
async function hasNone(registry: HttpService, id: number): Promise<boolean> {
  try {
    const response = await askService(registry, `/schemas/ids/${id}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { error_code: code } = (await response.json()) as { error_code?: number };
    return response.status === 404 && code === SCHEMA_NOT_FOUND;
  } catch {
    return false;
  }
}
