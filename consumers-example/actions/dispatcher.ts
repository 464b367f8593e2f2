import { setTimeout as delay } from 'node:timers/promises';
import { NotNowError } from '../consumer/errors.ts';
import type { Attempted } from './attempt.ts';
import type { Deliveries, Delivery, Outcome } from './deliveries.ts';
import { createLane, type Lane } from './lane.ts';
import type { Action } from './payload.ts';
import { wants } from './sns.ts';
import type { Target, Targets } from './targets.ts';

/** The interval at which due retries, and calls that another copy left, are searched. */
const POLL_EVERY_MS = 500;
/** Rows per claim. With more, the first would wait for the body of the last. */
const CLAIM_ROWS = 256;
/** Bytes of bodies in memory beyond which nothing more is taken. One claim may exceed it by its own rows. */
const HELD_BYTES = 64 * 1024 * 1024;

export interface Dispatching {
  deliveries: Pick<Deliveries, 'store' | 'claim' | 'release' | 'disabled'>;
  targets: () => Targets;
  /** Makes one call; never rejects. */
  attempt: (delivery: Delivery, target: Target) => Promise<Attempted>;
  settle: (outcome: Outcome) => void;
  onAttempt: (attempted: Attempted) => void;
  onFailure: (error: unknown) => void;
  /** The most concurrent calls in all. */
  concurrency: number;
  leaseMs: number;
}

/**
 * Calls targets. Each target has a lane: a short queue, and a number of concurrent calls that follows its answers. Lanes
 * take turns, so that neither a backlog nor a slow target delays another target.
 */
export class Dispatcher {
  readonly #given: Dispatching;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that could start a call, in turn. */
  readonly #ready = new Set<Lane>();
  #disabled: ReadonlySet<string> = new Set();
  #inFlight = 0;
  #heldBytes = 0;
  #turn = 0;
  #stopped = false;
  /** Calls still in flight are abandoned, and repeated when their lease ends. */
  #abandoned = false;
  #wake: () => void = () => undefined;
  readonly #polling: Promise<void>;

  constructor(given: Dispatching) {
    this.#given = given;
    this.#polling = this.#poll();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Stores events with all their calls, and starts the calls that can be made now.
   *
   * @throws NotNowError while Postgres does not take them
   */
  async accept(actions: readonly Action[]): Promise<void> {
    const room = new Map<string, number>();
    const wanted = actions.flatMap((action) =>
      this.#given
        .targets()
        .matching(action.zap)
        .filter((target) => wants(target, action))
        .map(({ name }) => {
          const left = room.get(name) ?? (this.#heldBytes < HELD_BYTES ? this.#lane(name).room(this.#limit(name)) : 0);
          room.set(name, left - 1);
          return { action, target: name, taken: left > 0 };
        }),
    );
    if (wanted.length === 0) return;
    const takenAt = performance.now();
    const events = [...new Set(wanted.map(({ action }) => action))];
    const taken = await this.#given.deliveries.store(events, wanted).catch((error: unknown) => {
      throw new NotNowError('DATABASE_UNAVAILABLE', `the calls cannot be stored: ${String(error)}`, error);
    });
    for (const delivery of taken) this.#hold(delivery, takenAt);
    const left = wanted.filter((one) => !one.taken);
    for (const { target } of left) this.#lane(target).more = true;
    if (left.length > 0) this.#wake();
    this.#pump();
  }

  /** Takes nothing more, waits for the calls in flight up to the deadline, and gives back calls that were not started. */
  async stop(withinMs: number): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#polling;
    const deadline = performance.now() + withinMs;
    while (this.#inFlight > 0 && performance.now() < deadline) await delay(20);
    this.#abandoned = true;
    const held = [...this.#lanes.values()].flatMap(({ queue }) => queue.map(({ delivery }) => delivery));
    if (held.length > 0) await this.#given.deliveries.release(held).catch(this.#given.onFailure);
  }

  /** The target of a name; undefined when it was removed or answered 410. */
  #open(name: string): Target | undefined {
    return this.#disabled.has(name) ? undefined : this.#given.targets().byName.get(name);
  }

  #limit(name: string): number {
    return this.#stopped ? 0 : (this.#open(name)?.concurrency ?? 0);
  }

  #lane(name: string): Lane {
    const lane = this.#lanes.get(name) ?? createLane(name);
    this.#lanes.set(name, lane);
    return lane;
  }

  #hold(delivery: Delivery, takenAt: number): void {
    const lane = this.#lane(delivery.target);
    const timeoutMs = this.#given.targets().byName.get(delivery.target)?.timeoutMs ?? 0;
    this.#heldBytes += delivery.body.length;
    lane.queue.push({ delivery, startBy: takenAt + this.#given.leaseMs - timeoutMs });
    this.#ready.add(lane);
  }

  #pump(): void {
    // A lane that is deleted and added again comes once more, behind the others.
    for (const lane of this.#ready) {
      if (this.#inFlight >= this.#given.concurrency) return;
      this.#ready.delete(lane);
      const target = this.#open(lane.name);
      // A dropped call comes back when its lease ends. A removed or disabled target gets nothing more, and a call that
      // outlives its lease might be made twice at the same time.
      while (lane.queue[0] !== undefined && (target === undefined || performance.now() > lane.queue[0].startBy)) {
        this.#heldBytes -= lane.queue.shift()?.delivery.body.length ?? 0;
      }
      if (target === undefined || !lane.mayBegin(this.#limit(lane.name))) continue;
      const job = lane.queue.shift();
      if (job === undefined) continue;
      void this.#call(lane, job.delivery, target);
      if (lane.queue.length > 0) this.#ready.add(lane);
    }
  }

  async #call(lane: Lane, delivery: Delivery, target: Target): Promise<void> {
    this.#inFlight += 1;
    lane.begin();
    const attempted = await this.#given.attempt(delivery, target);
    if (this.#abandoned) return;
    this.#inFlight -= 1;
    this.#heldBytes -= delivery.body.length;
    lane.end(attempted.outcome.status !== null, target.concurrency);
    if (attempted.outcome.disables) this.#disabled = new Set([...this.#disabled, lane.name]);
    this.#given.settle(attempted.outcome);
    this.#given.onAttempt(attempted);
    if (lane.queue.length > 0) this.#ready.add(lane);
    if (lane.wantsMore(this.#limit(lane.name))) this.#wake();
    this.#pump();
  }

  /** Takes due calls while the process lives: at once when more are known to wait, otherwise at intervals. */
  async #poll(): Promise<void> {
    let pollAt = 0;
    while (!this.#stopped) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      const everyLane = performance.now() >= pollAt;
      if (everyLane) pollAt = performance.now() + POLL_EVERY_MS;
      let taken = 0;
      try {
        taken = await this.#claim(everyLane);
      } catch (error) {
        this.#given.onFailure(error);
        await delay(POLL_EVERY_MS);
      }
      if (taken > 0 && [...this.#lanes.values()].some((lane) => lane.wantsMore(this.#limit(lane.name)))) continue;
      await Promise.race([woken, delay(Math.max(0, pollAt - performance.now()))]);
    }
  }

  /** @param everyLane also lanes that are not known to have more. @returns how many were taken */
  async #claim(everyLane: boolean): Promise<number> {
    const { deliveries, targets } = this.#given;
    if (everyLane) this.#disabled = await deliveries.disabled();
    if (this.#heldBytes >= HELD_BYTES) return 0;
    const names = [...targets().byName.keys()];
    const wanted: { name: string; room: number }[] = [];
    this.#turn += 1; // Another lane is first each time, as the last ones may get nothing.
    for (let at = 0, left = CLAIM_ROWS; at < names.length && left > 0; at += 1) {
      const name = names[(this.#turn + at) % names.length] ?? '';
      const lane = this.#lane(name);
      const room = Math.min(lane.room(this.#limit(name)), left);
      if (room <= 0 || !(everyLane || lane.more)) continue;
      wanted.push({ name, room });
      left -= room;
    }
    if (wanted.length === 0) return 0;
    const takenAt = performance.now();
    const taken = await deliveries.claim(wanted);
    const counts = new Map<string, number>();
    for (const delivery of taken) {
      counts.set(delivery.target, (counts.get(delivery.target) ?? 0) + 1);
      this.#hold(delivery, takenAt);
    }
    for (const { name, room } of wanted) this.#lane(name).more = counts.get(name) === room;
    this.#pump();
    return taken.length;
  }
}
