import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Decoder } from './decode.ts';
import { NotNowError, PoisonError } from './errors.ts';
import type { ConsumerMetrics } from './observe.ts';

/** A record of the topic. */
export interface Received {
  topic: string;
  partition: number;
  offset: string;
  key: Buffer | null;
  value: Buffer | null;
  headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
}

/** A decoded record. */
export interface Delivered<T> {
  event: T;
  /** The event's id, from the record's header. A repeat has the same id. */
  id: string;
  record: Received;
  /** The W3C trace context for what the handler calls; only with tracing. */
  traceparent?: string | undefined;
}

export interface Handling<T> {
  decode: Decoder<T>;
  handleBatch: (delivered: Delivered<T>[]) => Promise<void>;
  /** The most records that `handleBatch` gets at once. */
  batchSize: number;
  /** How many attempts a record gets before it becomes a dead letter. */
  maxAttempts: number;
  /** Writes the dead letter; resolves once Kafka has acknowledged it. */
  bury: (record: Received, error: Error, attempts: number) => Promise<void>;
  log: Logger;
  metrics: ConsumerMetrics;
}

/** The state that a batch of one partition works with. */
export interface Turn {
  /** Aborted when the partition is reassigned or the consumer stops: no further record is started. */
  over: AbortSignal;
  /** Everything before this offset is handled or a dead letter. */
  done: (next: string) => void;
  /** Reports that an attempt failed and will be retried: the consumer waits and does not hang. */
  waits: () => void;
}

const FIRST_WAIT_MS = 100;
const LAST_WAIT_MS = 10_000;

/**
 * Handles the records of one partition in order, each until it is handled or a dead letter. A rejected batch is handed
 * over again record by record, so that one bad record does not affect the others.
 *
 * @returns whether all are done; false when the batch was aborted before
 */
export async function workOff<T>(records: readonly Received[], handling: Handling<T>, turn: Turn): Promise<boolean> {
  for (let at = 0; at < records.length;) {
    if (turn.over.aborted) return false;
    const ready = readable(records, at, handling);
    const together = ready.length > 1 ? await persist(() => handling.handleBatch(ready), 1, handling, turn) : undefined;
    if (together?.outcome === 'over') return false;
    if (together?.outcome === 'handled') {
      handling.metrics.records.inc({ outcome: 'handled' }, ready.length);
      for (const { id } of ready) observeAge(id, handling.metrics);
      turn.done(after(ready.at(-1)?.record));
      at += ready.length;
      continue;
    }
    const alone = ready.length > 1 ? ready : [ready[0] ?? records[at]];
    for (const one of alone) {
      if (one !== undefined && !(await settle(one, handling, turn))) return false;
      at += 1;
    }
  }
  return true;
}

/** The records from `at` that can be decoded without waiting, up to a batch; none when the first cannot. */
function readable<T>(records: readonly Received[], at: number, handling: Handling<T>): Delivered<T>[] {
  const ready: Delivered<T>[] = [];
  while (ready.length < handling.batchSize) {
    const record = records[at + ready.length];
    if (record === undefined) break;
    try {
      const event = handling.decode(record.value);
      if (event instanceof Promise) {
        event.catch(() => undefined); // It is decoded again, alone.
        break;
      }
      ready.push({ event, id: idOf(record), record });
    } catch {
      break; // It is thrown again when the record is handled alone.
    }
  }
  return ready;
}

/** @returns false when the batch was aborted before the record was handled or buried */
async function settle<T>(one: Delivered<T> | Received, handling: Handling<T>, turn: Turn): Promise<boolean> {
  const record = 'record' in one ? one.record : one;
  const work = async () => {
    const delivered = 'record' in one ? one : { event: await handling.decode(one.value), id: idOf(one), record: one };
    await handling.handleBatch([delivered]);
    observeAge(delivered.id, handling.metrics);
  };
  const result = await persist(work, handling.maxAttempts, handling, turn, record);
  if (result.outcome === 'over') return false;
  if (result.outcome === 'failed') {
    const { error, attempts } = result;
    const buried = await persist(() => bury(record, error, attempts, handling), Infinity, handling, turn, record);
    if (buried.outcome === 'over') return false;
  }
  handling.metrics.records.inc({ outcome: result.outcome === 'failed' ? 'dead_letter' : 'handled' });
  turn.done(after(record));
  return true;
}

async function bury<T>(record: Received, error: Error, attempts: number, { bury: write, log }: Handling<T>): Promise<void> {
  await write(record, error, attempts);
  log.error({ ...place(record), code: codeOf(error), attempts, cause: error.message, outcome: 'dead_letter' }, 'record buried');
}

type Outcome = { outcome: 'handled' | 'over' } | { outcome: 'failed'; error: Error; attempts: number };

/** Retries the work with growing pauses until it succeeds, is poison, has used its attempts, or the batch is aborted. */
async function persist<T>(
  work: () => Promise<void>,
  maxAttempts: number,
  { log, metrics }: Handling<T>,
  turn: Turn,
  record?: Received,
): Promise<Outcome> {
  let counted = 0;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LAST_WAIT_MS)) {
    const stopTimer = metrics.handling.startTimer();
    try {
      await work();
      stopTimer();
      return { outcome: 'handled' };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (!(error instanceof NotNowError)) counted += 1;
      if (error instanceof PoisonError || counted >= maxAttempts) return { outcome: 'failed', error, attempts: counted };
      const code = codeOf(error);
      metrics.failures.inc({ code });
      log.warn({ ...(record && place(record)), code, attempt: counted, waitMs, cause: error.message }, 'tried again');
      turn.waits();
      await delay(waitMs, undefined, { signal: turn.over }).catch(() => undefined);
      if (turn.over.aborted) return { outcome: 'over' };
    }
  }
}

/** The event's id. The outbox writes exactly one id header; another number means that the record came from elsewhere. */
function idOf({ headers: { id } }: Received): string {
  if (id === undefined || Array.isArray(id)) {
    throw new PoisonError('ID_HEADER', id === undefined ? 'no header id' : `${id.length} headers id`);
  }
  return id.toString();
}

/** A UUIDv7 begins with the time of receipt in milliseconds. Other ids have no time. */
function observeAge(id: string, { age }: ConsumerMetrics): void {
  const [, high = '', low = ''] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(id) ?? [];
  if (high !== '') age.observe(Math.max(0, Date.now() - Number.parseInt(high + low, 16)) / 1000);
}

/** A reason that is stable over versions: the error's code, or HANDLER_FAILED. */
export function codeOf(error: Error): string {
  return error instanceof PoisonError || error instanceof NotNowError ? error.code : 'HANDLER_FAILED';
}

const place = ({ topic, partition, offset }: Received) => ({ topic, partition, offset });
const after = (record: Received | undefined) => String(BigInt(record?.offset ?? -1) + 1n);
