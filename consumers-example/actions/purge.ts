import type { Logger } from 'pino';
import type { Deliveries } from './deliveries.ts';

const EVERY_MS = 60_000;
/** Events per statement, which holds their locks and must not delay inserts. */
const AT_ONCE = 1000;

/** Periodically deletes answered calls that are older than the topic's retention. @returns stop */
export function keepPurged({ purge }: Pick<Deliveries, 'purge'>, keepHours: number, log: Logger): () => void {
  async function pass(): Promise<void> {
    let events = 0;
    let purged: number;
    do {
      purged = await purge(keepHours, AT_ONCE);
      events += purged;
    } while (purged === AT_ONCE);
    if (events > 0) log.info({ events }, 'purged');
  }
  const timer = setInterval(() => void pass().catch((error: unknown) => log.warn({ cause: String(error) }, 'not purged')), EVERY_MS);
  return () => clearInterval(timer);
}
