import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Commits } from './commits.ts';
import type { Positions } from './positions.ts';
import type { Watch } from './watch.ts';
import { workOff, type Handling, type Received } from './work-off.ts';

/** A slower batch continues in the background with its partition paused, so that the others keep flowing. */
const ASIDE_AFTER_MS = 50;

export interface BatchDependencies<T> {
  positions: Positions;
  commits: Commits;
  watch: Watch;
  handling: Handling<T>;
  /** Receives an error that should be impossible. */
  onBroken: (error: Error) => void;
}

/** Works off fetched batches partition by partition, and tracks where the next fetch begins. */
export class Batches<T> {
  readonly #given: BatchDependencies<T>;
  /** Partition → the running batch. It outlives an assignment, so that no record is handled twice at the same time. */
  readonly #busy = new Map<number, Promise<void>>();
  /** Partition → the next offset, within an assignment. */
  readonly #expected = new Map<number, bigint>();
  #stopping = false;

  constructor(given: BatchDependencies<T>) {
    this.#given = given;
  }

  /** Starts a new assignment: each partition begins at its committed position. */
  begin(): void {
    this.#expected.clear();
  }

  /** A fetch had only transaction markers and aborted records, which kafkajs does not hand over. */
  passed(partition: number, first: string, last: string): void {
    const { positions } = this.#given;
    this.#compare(partition, first, last);
    if (positions.tenure !== undefined) positions.done(positions.tenure, partition, following(last));
  }

  async take({ batch, resolveOffset, pause, commitOffsetsIfNecessary }: EachBatchPayload): Promise<void> {
    const { positions, commits, onBroken } = this.#given;
    const { tenure } = positions;
    if (tenure === undefined || this.#stopping) return;
    commits.use(commitOffsetsIfNecessary);
    const { partition, messages } = batch;
    const lastRecord = messages.at(-1)?.offset ?? batch.lastOffset();
    // Markers may follow the last record, and are never handed over.
    const beyond = (next: string) => (next === following(lastRecord) ? following(batch.lastOffset()) : next);
    this.#compare(partition, batch.firstOffset() ?? lastRecord, batch.lastOffset());

    const turn = {
      over: tenure.over.signal,
      done: (next: string) => positions.done(tenure, partition, beyond(next)),
      waits: () => this.#given.watch.waits(partition),
    };
    const before = this.#busy.get(partition);
    const work = (async () => {
      await before;
      const records = messages.map((message) => received(batch.topic, partition, message));
      const all = await workOff(records, this.#given.handling, turn);
      if (all && tenure === positions.tenure) resolveOffset(lastRecord);
    })().catch(onBroken);
    this.#busy.set(partition, work);
    if (await settlesWithin(ASIDE_AFTER_MS, work)) return;
    const resume = pause();
    void work.then(() => {
      if (!this.#stopping) resume();
    });
  }

  /** Starts no further batch, and resolves when running batches have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#given.positions.tenure?.over.abort();
    await Promise.all(this.#busy.values());
  }

  #compare(partition: number, first: string, last: string): void {
    const expected = this.#expected.get(partition);
    if (expected !== undefined && expected !== BigInt(first)) this.#given.watch.jumped(partition, expected, BigInt(first));
    this.#expected.set(partition, BigInt(last) + 1n);
  }
}

const following = (offset: string) => String(BigInt(offset) + 1n);

function received(topic: string, partition: number, { offset, key, value, headers = {} }: KafkaMessage): Received {
  return { topic, partition, offset, key, value, headers };
}

/** Whether the promise settled in time. */
async function settlesWithin(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)));
  const settled = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}
