/** A member's time with one assignment: from its joining of the group to the next rebalance. */
export interface Tenure {
  readonly partitions: ReadonlySet<number>;
  /** Aborted when it ends: what was begun under it is no longer committed. */
  readonly over: AbortController;
}

/**
 * Up to where each partition of the present assignment is done, and what of it is committed. A position of an earlier
 * assignment is never committed: the partition may have another owner, which a late commit would set back.
 */
export class Positions {
  #tenure: Tenure | undefined;
  readonly #done = new Map<number, string>();
  readonly #committed = new Map<number, string>();

  /** undefined while the group is being joined. */
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

  /** @param next the offset after the last one that is done */
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
