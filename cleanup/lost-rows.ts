/** A row whose event was published but did not arrive. */
export interface LostRow {
  id: string;
  seq: bigint;
  resends: number;
}

export interface Decision {
  resend: LostRow[];
  bury: LostRow[];
  /** More rows would have to be buried than allowed per hour: the pipeline is at fault, not the rows. */
  fault: boolean;
}

const RESENDS = 3;
const PER_HOUR = 10;

/**
 * Decides about lost rows. A row is buried only if it was sent again three times and rows sent after it arrived each
 * time: the pipeline works, and this row does not. Only what this process saw itself counts.
 */
export function createLostRowPolicy(): (lost: readonly LostRow[], arrivedSeq: bigint, buriedLastHour: number) => Decision {
  /** Row → the number of its resends after which younger rows arrived. */
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
