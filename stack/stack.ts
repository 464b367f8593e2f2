import type { Status } from './keeper.ts';

export type Way = 'embedded' | 'docker';

export type Say = (line: string) => void;

export interface UpTimes {
  /** Seconds spent on what a first start fetches or builds, as far as it can be told; 0 when nothing was missing. */
  downloads: number;
  /** Seconds in all, without them. */
  boot: number;
}

export interface FollowCommand {
  file: string;
  args: string[];
  env?: Record<string, string>;
}

/** The chain as it runs in one of two ways: as processes of this machine, or as containers. Same parts, same names. */
export interface Stack {
  readonly way: Way;
  /**
   * Boots and waits until every part works. Harmless when it runs already.
   *
   * @throws StackError with the cause; whatever this call started is stopped again
   */
  up(say: Say): Promise<UpTimes>;
  /** Stops every part. The state stays. */
  down(): Promise<void>;
  /** Stops every part and removes the state. */
  nuke(): Promise<void>;
  /** Every part, undefined when the stack does not run in this way. */
  status(): Promise<Status[] | undefined>;
  /** Resident memory per part, in MB. */
  memory(parts: readonly Status[]): Promise<Map<string, number>>;
  /** @param names all parts when empty */
  start(names: readonly string[]): Promise<void>;
  stop(names: readonly string[]): Promise<void>;
  /** kill -9 of the part's process, which is then started again. */
  kill(name: string): Promise<void>;
  /** What a part has logged. */
  log(name: string): Promise<string>;
  /** The command that follows the logs, all parts' unless one is named. */
  followLogs(name: string | undefined): FollowCommand;
  /** Opens the Kafka UI; resolves when it was closed, or at once where it runs by itself. */
  ui(say: Say): Promise<void>;
  /** Opens Prometheus with the rules of deploy/prometheus/; resolves like `ui`. */
  metrics(say: Say): Promise<void>;
}
