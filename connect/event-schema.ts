import { setTimeout as delay } from 'node:timers/promises';
import { currentSchema, fingerprintOf } from '../contract/event.ts';
import type { PrismaClient } from '../prisma/client.ts';
import { EVENT_SUBJECT } from '../contract/names.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { askService, type HttpService } from '../kit/http-login.ts';
import { RegisterError } from './errors.ts';

const REQUEST_TIMEOUT_MS = 10_000;
/** How long errors of the registry itself are retried: after a restart of its database it has one for each dead connection. */
const RETRY_MS = 40_000;
const RETRY_EVERY_MS = 500;

export interface RegisteredSchema {
  schemaId: number;
  /** Whether the schema was new to event_schema. */
  isNew: boolean;
}

/**
 * Registers contract/schemas/zap-run.avsc and stores its id in `event_schema`, from which ingest reads it.
 *
 * @throws RegisterError SCHEMA_REFUSED when the registry refuses the schema or does not answer, SCHEMA_ID_CHANGED when
 *   it returns another id than stored events carry; ConnectionFault REGISTRY_LOGIN, REGISTRY_TLS
 */
export async function registerEventSchema(registry: HttpService, prisma: PrismaClient): Promise<RegisteredSchema> {
  const schema = currentSchema();
  const fingerprint = fingerprintOf(schema);
  const known = await prisma.eventSchema.findUnique({
    where: { subject_fingerprint: { subject: EVENT_SUBJECT, fingerprint } },
  });
  await call(registry, 'PUT', `/config/${EVENT_SUBJECT}`, { compatibility: 'BACKWARD_TRANSITIVE' });
  const { id } = (await call(registry, 'POST', `/subjects/${EVENT_SUBJECT}/versions`, { schema })) as { id: number };
  if (known !== null && known.schemaId !== id) {
    throw new RegisterError(
      'SCHEMA_ID_CHANGED',
      `The registry gives ${EVENT_SUBJECT} the id ${id}, but stored events carry ${known.schemaId}: it lost its data ` +
        'or is another registry. Restore it, or point REGISTRY_URL at the one that made the id.',
    );
  }
  if (known !== null) return { schemaId: id, isNew: false };
  await prisma.eventSchema.create({ data: { subject: EVENT_SUBJECT, fingerprint, schemaId: id, schema } });
  return { schemaId: id, isNew: true };
}

/** Repeats a call whose failure is the registry's own; both calls have the same effect once and twice. */
async function call(registry: HttpService, method: string, route: string, body: unknown): Promise<unknown> {
  const until = performance.now() + RETRY_MS;
  for (;;) {
    const response = await ask(registry, method, route, body);
    if (response.ok) return response.json();
    const detail = `${response.status} ${await response.text()}`;
    if (response.status >= 500 && performance.now() < until) {
      await delay(RETRY_EVERY_MS);
      continue;
    }
    const hint = response.status === 409 ? ' Add fields with a default, rename none, and change no type.' : '';
    throw new RegisterError('SCHEMA_REFUSED', `The registry refused ${method} ${route}: ${detail}.${hint}`);
  }
}

async function ask(registry: HttpService, method: string, route: string, body: unknown): Promise<Response> {
  try {
    return await askService(registry, route, {
      method,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify(body),
    });
  } catch (error) {
    if (error instanceof ConnectionFault) throw error;
    throw new RegisterError('SCHEMA_REFUSED', `The registry does not answer at ${registry.url}. Is REGISTRY_URL right?`, error);
  }
}
