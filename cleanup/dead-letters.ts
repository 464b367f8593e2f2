import type { Pipeline } from './pipeline.ts';

/** A row whose event was published and did not arrive. */
export interface Lost {
  id: string;
  seq: bigint;
  resends: number;
}

export interface Verdict {
  resend: Lost[];
  bury: Lost[];
  /** Not the rows are at fault but the pipeline: too many do not arrive, or nobody says that the connector is as it should be. */
  fault: boolean;
}

const RESENDS = 3;
const PER_HOUR = 10;

/**
 * Decides about lost rows. A row is buried only if it was sent again three times and each time rows sent after it
 * arrived: the pipeline works, this row does not. What this process did not see itself does not count, and neither does
 * what happened while the pipeline was at fault, or while nobody watched it.
 */
export function createJudge(): (
  lost: readonly Lost[],
  arrivedSeq: bigint,
  buriedLastHour: number,
  pipeline: Pick<Pipeline, 'steadySince' | 'lookedAt'>,
) => Verdict {
  /** Row → after how many of its resends younger rows were seen to arrive. */
  let overtaken = new Map<string, number>();
  let before: Pick<Pipeline, 'steadySince' | 'lookedAt'> = { steadySince: undefined, lookedAt: undefined };
  return (lost, arrivedSeq, buriedLastHour, pipeline) => {
    // From one verdict to the next without a fault, and looked at since: only then a missing event is the row's own doing.
    const steady = pipeline.steadySince !== undefined && pipeline.steadySince === before.steadySince;
    const proven = steady && pipeline.lookedAt !== before.lookedAt;
    if (!steady) overtaken.clear();
    before = pipeline;
    overtaken = new Map(
      lost.filter(({ resends }) => resends > 0).map(({ id, seq }) => [id, (overtaken.get(id) ?? 0) + (proven && arrivedSeq > seq ? 1 : 0)]),
    );
    const hopeless = lost.filter(({ id }) => (overtaken.get(id) ?? 0) >= RESENDS);
    const fault = hopeless.length + buriedLastHour > PER_HOUR;
    const bury = fault ? [] : hopeless;
    const unproven = pipeline.steadySince === undefined && lost.some(({ resends }) => resends >= RESENDS);
    return { bury, resend: lost.filter((row) => !bury.includes(row)), fault: unproven || (fault && hopeless.length > 0) };
  };
}
