import { setTimeout as delay } from 'node:timers/promises';
import { StackError } from './errors.ts';
import { logPath } from './logs.ts';
import { end, forget, start, type Command } from './process.ts';

/** One member of the stack. */
export interface Part {
  name: string;
  /** Parts that must be up first. */
  needs: string[];
  /** Where it answers, for people. */
  address?: string;
  /** What must be there before the process is started. */
  prepare?: () => Promise<void> | void;
  command: Command;
  /** Resolves when it does its work, rejects with the reason when it does not. None: a job, up once it exited 0. */
  probe?: () => Promise<void>;
  /** Asked again and again once it is up: a process that lives and has not answered for a minute is ended, and started again. */
  alive?: () => Promise<void>;
  /** The signal that asks it to end; SIGTERM by default. */
  stopSignal?: NodeJS.Signals;
}

export interface Status {
  name: string;
  state: 'waiting' | 'starting' | 'up' | 'failed' | 'stopped';
  job: boolean;
  address?: string | undefined;
  pid?: number | undefined;
  /** Seconds from its start to its being up. */
  took?: number;
  restarts: number;
  /** Why it is not up. */
  cause?: string | undefined;
}

/** The pause before a restart doubles from the first to the second: short after a kill, long for a part that cannot run. */
const FIRST_BACKOFF_MS = 200;
const LAST_BACKOFF_MS = 10_000;
/** A part that ran this long starts over with the first backoff. */
const STEADY_MS = 30_000;
const STOP_WITHIN_MS = 20_000;
const PROBE_EVERY_MS = 150;
/** A pause of the whole machine is shorter than six failed probes. compose.yaml has the same limit. */
const ALIVE_EVERY_MS = 10_000;
const SILENT_TIMES = 6;

/** Keeps one part running: starts it when its needs are up, and restarts it when it dies, until it is stopped. */
export class Keeper {
  readonly part: Part;
  readonly #dir: string;
  readonly #startTimeoutMs: number;
  #status: Status;
  #stopping = new AbortController();
  #kept: Promise<void> | undefined;

  constructor(part: Part, dir: string, startTimeoutMs: number) {
    this.part = part;
    this.#dir = dir;
    this.#startTimeoutMs = startTimeoutMs;
    this.#status = this.#initial('stopped');
  }

  get status(): Status {
    return { ...this.#status };
  }

  start(needs: Keeper[]): void {
    if (this.#kept !== undefined) return;
    this.#stopping = new AbortController();
    this.#status = this.#initial('waiting');
    this.#kept = this.#keep(needs, this.#stopping.signal).finally(() => (this.#kept = undefined));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#status.pid !== undefined) await end(this.#status.pid, this.part.stopSignal ?? 'SIGTERM', STOP_WITHIN_MS);
    await this.#kept;
    this.#status = this.#initial('stopped');
  }

  async #keep(needs: Keeper[], stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted && !needs.every(({ status }) => status.state === 'up')) await pause(PROBE_EVERY_MS, stopping);
    let backoffMs = FIRST_BACKOFF_MS;
    while (!stopping.aborted) {
      const began = performance.now();
      const { succeeded, cause } = await this.#runOnce();
      if (succeeded) return;
      this.#status = { ...this.#status, state: 'failed', cause };
      if (performance.now() - began > STEADY_MS) backoffMs = FIRST_BACKOFF_MS;
      await pause(backoffMs, stopping);
      backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
      this.#status.restarts += 1;
    }
  }

  /** From the start of the process to its end: whether it was a job that did its work, else why it ended. */
  async #runOnce(): Promise<{ succeeded: boolean; cause: string }> {
    const began = performance.now();
    try {
      await this.part.prepare?.();
    } catch (error) {
      return { succeeded: false, cause: messageOf(error) };
    }
    // Stopped meanwhile: a process started now would be waited for without being ended.
    if (this.#stopping.signal.aborted) return { succeeded: false, cause: 'stopped' };
    const child = start(this.#dir, this.part.name, this.part.command);
    this.#status = { ...this.#status, state: 'starting', pid: child.pid };
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
      child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `ended by ${signal}`));
    });
    const up = () => (this.#status = { ...this.#status, state: 'up', took: (performance.now() - began) / 1000, cause: undefined });
    const over = new AbortController();
    const watched = this.#watch(child.pid, up).then(() => this.#keepAlive(child.pid, over.signal));
    const reason = await ended;
    this.#status.pid = undefined;
    over.abort();
    forget(this.#dir, this.part.name);
    await watched;
    const succeeded = this.part.probe === undefined && reason === 'exit code 0';
    if (succeeded) up();
    return { succeeded, cause: `${reason}, see ${logPath(this.#dir, this.part.name)}` };
  }

  /** Probes until the part is up. A process that lives but stays unhealthy is ended, so that it is restarted. */
  async #watch(pid: number | undefined, up: () => void): Promise<void> {
    const { probe } = this.part;
    if (probe === undefined || pid === undefined) return;
    const deadline = performance.now() + this.#startTimeoutMs;
    while (this.#status.pid === pid && performance.now() < deadline) {
      try {
        await probe();
        if (this.status.pid === pid) up();
        return;
      } catch (error) {
        this.#status.cause = `not healthy yet: ${messageOf(error)}`;
        await delay(PROBE_EVERY_MS);
      }
    }
    if (this.#status.pid === pid) await end(pid, 'SIGTERM', STOP_WITHIN_MS);
  }

  /** A process that is frozen never ends by itself, so nobody would start it again. */
  async #keepAlive(pid: number | undefined, over: AbortSignal): Promise<void> {
    const { alive } = this.part;
    if (alive === undefined || pid === undefined) return;
    for (let silent = 0; silent < SILENT_TIMES;) {
      await pause(ALIVE_EVERY_MS, over);
      if (over.aborted) return;
      silent = await alive().then(
        () => 0,
        () => silent + 1,
      );
    }
    await end(pid, 'SIGKILL', STOP_WITHIN_MS);
  }

  #initial(state: Status['state']): Status {
    return { name: this.part.name, state, job: this.part.probe === undefined, address: this.part.address, restarts: 0 };
  }
}

/** A wait that a stop ends. */
async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: stopping }).catch(() => undefined);
}

function messageOf(error: unknown): string {
  if (error instanceof StackError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
