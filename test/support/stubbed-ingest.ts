import type { Dependencies } from '../../ingest/app.ts';
import { Budget } from '../../ingest/budget.ts';
import type { RequestLine } from '../../ingest/observe.ts';
import type { RunEvent } from '../../ingest/webhook.ts';
import { currentSchema, eventSchema } from '../../contract/event.ts';

const schema = eventSchema(7, JSON.parse(currentSchema()) as Parameters<typeof eventSchema>[1]);

/**
 * All that ingest's app needs, without a database, for unit tests.
 *
 * @returns with what was recorded and what was logged
 */
export function stubbed(given: Partial<Dependencies> = {}) {
  const recorded: RunEvent[] = [];
  const lines: RequestLine[] = [];
  const budget = given.budget ?? new Budget(10_000_000);
  const dependencies: Dependencies = {
    recordEvent: async (event) => {
      const isSame = ({ idempotencyKey, zapId }: RunEvent) => idempotencyKey === event.idempotencyKey && zapId === event.zapId;
      const first = event.idempotencyKey === null ? undefined : recorded.find(isSame);
      if (first === undefined) recorded.push(event);
      return { id: first?.id ?? event.id, repeated: first !== undefined };
    },
    eventSchema: () => schema,
    tryWrite: () => Promise.resolve(),
    outboxIsFull: () => false,
    bodyLimitBytes: 524_288,
    maxEventBytes: 900_000,
    keepHeaders: [],
    budget,
    observe: { request: (line) => lines.push(line) },
    ...given,
  };
  return { dependencies, recorded, lines, budget };
}
