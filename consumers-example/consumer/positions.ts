/** One assignment of a member: from joining the group to the next rebalance. */
export interface Tenure {
  readonly partitions: ReadonlySet<number>;
  /** Aborted when the assignment ends. Its unfinished work is not committed any more. */
  readonly over: AbortController;
}

/**
 * The finished and the committed offset of each partition in the current assignment. A position of an earlier
 * assignment is never committed: the partition may have another owner, whose position a late commit would set back.
 */
export class Positions {
  #tenure: Tenure | undefined;
  readonly #done = new Map<number, string>();
  readonly #committed = new Map<number, string>();

  /** undefined while joining the group. */
  get tenure(): Tenure | undefined {
    return this.#tenure;
  }

  begin(partitions: readonly number[]): void {
    this.end();
    this.#tenure = { partitions: new Set(partitions), over: new AbortController() };
  }

  end(): void {
    this.#tenure?.over.abort();
    this.#tenure = undefined;
    this.#done.clear();
    this.#committed.clear();
  }

  /** @param next the offset after the last finished record */
  done(tenure: Tenure, partition: number, next: string): void {
    if (tenure === this.#tenure) this.#done.set(partition, next);
  }

  uncommitted(): { partition: number; offset: string }[] {
    return [...this.#done]
      .filter(([partition, offset]) => this.#committed.get(partition) !== offset)
      .map(([partition, offset]) => ({ partition, offset }));
  }

  committed(tenure: Tenure | undefined, positions: readonly { partition: number; offset: string }[]): void {
    if (tenure === undefined || tenure !== this.#tenure) return;
    for (const { partition, offset } of positions) this.#committed.set(partition, offset);
  }
}
