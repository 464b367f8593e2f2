import * as conventions from '@opentelemetry/semantic-conventions/incubating';

const known = new Set<unknown>(Object.values(conventions));

/** The names of these attributes that OpenTelemetry does not define and that are not marked as our own. */
export const unknownNames = (attributes: Record<string, unknown>): string[] =>
  Object.keys(attributes).filter((name) => !known.has(name) && !name.startsWith('outbox.'));
