import { setTimeout as delay } from 'node:timers/promises';
import { end, forget, logPath, start, type Command } from './process.ts';

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
  /** How it is asked to end; SIGTERM unless told. */
  stopSignal?: NodeJS.Signals;
}

export type State = 'waiting' | 'starting' | 'up' | 'failed' | 'stopped';

export interface Status {
  name: string;
  state: State;
  job: boolean;
  address?: string;
  pid?: number;
  /** Seconds from its start to its being up. */
  took?: number;
  restarts: number;
  /** Why it is not up. */
  cause?: string;
}

type Member = { part: Part; status: Status; wanted: boolean; done: Promise<void> };

/** Restarts begin at the first and double up to the second: fast for a kill, slow for a part that cannot run. */
const FIRST_BACKOFF_MS = 200;
const LAST_BACKOFF_MS = 10_000;
/** A part that was up this long starts over with the first backoff. */
const STEADY_MS = 30_000;
const STOP_WITHIN_MS = 20_000;
const PROBE_EVERY_MS = 150;

/** Runs the parts: each as soon as those it needs are up, again when it dies, the other way round at the end. */
export class Supervisor {
  readonly #members: Map<string, Member>;
  readonly #dir: string;
  readonly #startTimeoutMs: number;

  constructor(parts: Part[], dir: string, startTimeoutMs: number) {
    this.#dir = dir;
    this.#startTimeoutMs = startTimeoutMs;
    this.#members = new Map(parts.map((part) => [part.name, member(part)]));
  }

  status(): Status[] {
    return [...this.#members.values()].map(({ status }) => ({ ...status }));
  }

  start(names = [...this.#members.keys()]): void {
    for (const name of names) {
      const one = this.#member(name);
      if (one.wanted) continue;
      one.wanted = true;
      one.status = { ...fresh(one.part), state: 'waiting' };
      one.done = this.#keep(one);
    }
  }

  /** Stops the named parts, those that need others first. Nothing else is stopped with them. */
  async stop(names = [...this.#members.keys()]): Promise<void> {
    const leaving = names.map((name) => this.#member(name));
    for (const one of leaving) one.wanted = false;
    await Promise.all(leaving.map((one) => this.#stopAfterDependents(one, leaving)));
  }

  async #stopAfterDependents(one: Member, leaving: Member[]): Promise<void> {
    const dependents = leaving.filter(({ part }) => part.needs.includes(one.part.name));
    await Promise.all(dependents.map((dependent) => this.#stopAfterDependents(dependent, leaving)));
    if (one.status.pid !== undefined) await end(one.status.pid, one.part.stopSignal ?? 'SIGTERM', STOP_WITHIN_MS);
    await one.done;
    one.status = { ...fresh(one.part), state: 'stopped' };
  }

  #member(name: string): Member {
    const found = this.#members.get(name);
    if (found === undefined) throw new Error(`no part is called ${name}`);
    return found;
  }

  async #keep(one: Member): Promise<void> {
    const needs = one.part.needs.map((name) => this.#member(name));
    while (one.wanted && !needs.every(({ status }) => status.state === 'up')) await delay(PROBE_EVERY_MS);
    let backoffMs = FIRST_BACKOFF_MS;
    while (one.wanted) {
      const began = performance.now();
      const ended = await this.#runOnce(one);
      if (!one.wanted || one.status.state === 'up') return; // Stopped, or a job that is done.
      one.status = { ...one.status, state: 'failed', cause: ended };
      if (performance.now() - began > STEADY_MS) backoffMs = FIRST_BACKOFF_MS;
      await delay(backoffMs);
      backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
      one.status.restarts += 1;
    }
  }

  /** From the start of its process to its end. Resolves to the reason it ended. */
  async #runOnce(one: Member): Promise<string> {
    const { part } = one;
    const began = performance.now();
    try {
      await part.prepare?.();
    } catch (error) {
      return messageOf(error);
    }
    const child = start(this.#dir, part.name, part.command);
    one.status = { ...one.status, state: 'starting', ...(child.pid === undefined ? {} : { pid: child.pid }) };
    const up = () => {
      one.status = { ...one.status, state: 'up', took: (performance.now() - began) / 1000 };
      delete one.status.cause;
    };
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        if (code === 0 && part.probe === undefined) up();
        resolve(`${signal === null ? `exit code ${code}` : `ended by ${signal}`}, see ${logPath(this.#dir, part.name)}`);
      });
    });
    const watch = this.#waitUntilUp(one, child.pid, up);
    const reason = await ended;
    forget(this.#dir, part.name);
    delete one.status.pid;
    await watch;
    return reason;
  }

  async #waitUntilUp(one: Member, pid: number | undefined, up: () => void): Promise<void> {
    const { probe } = one.part;
    const deadline = performance.now() + this.#startTimeoutMs;
    while (probe !== undefined && pid !== undefined && one.status.pid === pid && performance.now() < deadline) {
      try {
        await probe();
        if (one.status.pid === pid) up();
        return;
      } catch (error) {
        one.status.cause = `not healthy yet: ${messageOf(error)}`;
        await delay(PROBE_EVERY_MS);
      }
    }
    // Alive but useless: end it, so that it is started again.
    if (probe !== undefined && pid !== undefined && one.status.pid === pid) await end(pid, 'SIGTERM', STOP_WITHIN_MS);
  }
}

function fresh(part: Part): Status {
  const status: Status = { name: part.name, state: 'waiting', job: part.probe === undefined, restarts: 0 };
  return part.address === undefined ? status : { ...status, address: part.address };
}

function member(part: Part): Member {
  return { part, status: { ...fresh(part), state: 'stopped' }, wanted: false, done: Promise.resolve() };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
