import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Positions } from './positions.ts';

type CommitOnce = EachBatchPayload['commitOffsetsIfNecessary'];

const AGAIN_AFTER_MS = 1000;

/**
 * Commits what is done, beside the handling. Each commit is tried once and belongs to one generation of the group: the
 * client's own retries could carry an old position into the time of another owner, or behind a newer one.
 */
export class Commits {
  readonly #topic: string;
  readonly #positions: Positions;
  #commitOnce: CommitOnce;
  #busy = false;
  #notBefore = 0;

  constructor(consumer: Consumer, topic: string, positions: Positions) {
    this.#topic = topic;
    this.#positions = positions;
    // Until a batch brings the one that is not retried: nothing but markers came so far.
    this.#commitOnce = async (offsets) => {
      const flat = (offsets?.topics ?? []).flatMap(({ topic: name, partitions }) => partitions.map((one) => ({ topic: name, ...one })));
      await consumer.commitOffsets(flat);
    };
  }

  use(commitOnce: CommitOnce): void {
    this.#commitOnce = commitOnce;
  }

  /** For a timer: leaves out a turn while a commit is under way or has just failed. */
  tick(): void {
    if (this.#busy || performance.now() < this.#notBefore) return;
    this.#busy = true;
    void this.commit().finally(() => (this.#busy = false));
  }

  /** A commit that fails is made again by a later turn; until then it costs repeats only. */
  async commit(): Promise<void> {
    const { tenure } = this.#positions;
    const partitions = this.#positions.uncommitted();
    if (partitions.length === 0) return;
    try {
      await this.#commitOnce({ topics: [{ topic: this.#topic, partitions }] });
      this.#positions.committed(tenure, partitions);
    } catch {
      this.#notBefore = performance.now() + AGAIN_AFTER_MS;
    }
  }
}
