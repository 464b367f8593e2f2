/** A row whose event was published and did not arrive. */
export interface LostRow {
  id: string;
  seq: bigint;
  resends: number;
}

export interface Decision {
  resend: LostRow[];
  bury: LostRow[];
  /** More rows would have to be buried than an hour may bring: not the rows are at fault but the pipeline. */
  fault: boolean;
}

const RESENDS = 3;
const PER_HOUR = 10;

/**
 * Decides about lost rows. A row is buried only if it was sent again three times and each time rows sent after it
 * arrived: the pipeline works, this row does not. What this process did not see itself does not count.
 */
export function createLostRowPolicy(): (lost: readonly LostRow[], arrivedSeq: bigint, buriedLastHour: number) => Decision {
  /** Row → after how many of its resends younger rows were seen to arrive. */
  let overtaken = new Map<string, number>();
  return (lost, arrivedSeq, buriedLastHour) => {
    overtaken = new Map(
      lost.filter(({ resends }) => resends > 0).map(({ id, seq }) => [id, (overtaken.get(id) ?? 0) + (arrivedSeq > seq ? 1 : 0)]),
    );
    const hopeless = lost.filter(({ id }) => (overtaken.get(id) ?? 0) >= RESENDS);
    const fault = hopeless.length + buriedLastHour > PER_HOUR;
    const bury = fault ? [] : hopeless;
    return { bury, resend: lost.filter((row) => !bury.includes(row)), fault: fault && hopeless.length > 0 };
  };
}
