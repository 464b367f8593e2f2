import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Positions } from './positions.ts';

type CommitOnce = EachBatchPayload['commitOffsetsIfNecessary'];

const AGAIN_AFTER_MS = 1000;

/**
 * Commits finished offsets beside the handling. Each commit is tried once and belongs to one generation of the group: a
 * retry by the client could write an old position after the partition has another owner, or after a newer position.
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
    // A batch brings a commit function without retries. So far only markers have come.
    this.#commitOnce = async (offsets) => {
      const flat = (offsets?.topics ?? []).flatMap(({ topic: name, partitions }) => partitions.map((one) => ({ topic: name, ...one })));
      await consumer.commitOffsets(flat);
    };
  }

  use(commitOnce: CommitOnce): void {
    this.#commitOnce = commitOnce;
  }

  /** Called by a timer: skips a turn while a commit is running or has just failed. */
  tick(): void {
    if (this.#busy || performance.now() < this.#notBefore) return;
    this.#busy = true;
    void this.commit().finally(() => (this.#busy = false));
  }

  /** A later turn repeats a failed commit; until then it costs only repeats. */
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
