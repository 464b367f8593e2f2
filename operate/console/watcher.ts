import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Finding } from '../../checks/check.ts';
import { diagnose } from '../diagnose.ts';
import { readDead, type Letter } from '../actions.ts';
import type { Config } from './config.ts';
import { History, type Point } from './history.ts';
import type { Snapshot, Sources } from './sources.ts';
import { merged, type Placed } from './parts.ts';

const SNAPSHOT_EVERY_MS = 1000;
/** The doctor opens connections and makes forty checks: rarely while all is well, soon after a change. */
const WELL_EVERY_MS = 60_000;
const BROKEN_EVERY_MS = 5000;
/** The oldest snapshot that a newly loaded page gets. */
const FRESH_MS = 1500;

/** All that the page shows of the pipeline. */
export interface View {
  snapshot: Snapshot;
  point: Point;
  findings: readonly Placed[];
  /** Calls that were given up, and targets that said 410. */
  failing: Failing;
  /** Whether the doctor has run at least once. */
  examined: boolean;
  /** The group of cleanup. */
  ownGroup: string;
  secondsBehind: (lag: number) => number | undefined;
}

export interface Failing {
  letters: readonly Letter[];
  all: number;
  disabled: readonly { target: string; disabled_at: Date }[];
}

/** Takes a snapshot every second while a page listens, and none otherwise. */
export class Watcher {
  readonly history = new History();
  readonly #sources: Sources;
  readonly #config: Config;
  readonly #log: Logger;
  readonly #listeners = new Set<(view: View) => void>();
  #loop: Promise<void> | undefined;
  #view: View | undefined;
  #doctors: readonly Finding[] = [];
  #failing: Failing = { letters: [], all: 0, disabled: [] };
  #examinedAt = -Infinity;
  #examining: Promise<void> | undefined;
  #signature = '';

  constructor(sources: Sources, config: Config, log: Logger) {
    this.#sources = sources;
    this.#config = config;
    this.#log = log;
  }

  /** @returns stops listening */
  listen(listener: (view: View) => void): () => void {
    this.#listeners.add(listener);
    this.#start();
    return () => this.#listeners.delete(listener);
  }

  /** A recent snapshot, or a new one. */
  async current(): Promise<View> {
    if (this.#view !== undefined && Date.now() - this.#view.snapshot.at < FRESH_MS) return this.#view;
    return this.#takeSnapshot();
  }

  /** Runs the doctor at once, after an act. */
  async changed(): Promise<void> {
    await this.#examining;
    await this.#examine();
  }

  #start(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
      // A page may have come while the connections were being closed.
      if (this.#listeners.size > 0) this.#start();
    });
  }

  async #run(): Promise<void> {
    while (this.#listeners.size > 0) {
      const began = performance.now();
      await this.#takeSnapshot();
      await delay(Math.max(100, SNAPSHOT_EVERY_MS - (performance.now() - began)));
    }
    await this.#sources.rest();
  }

  async #takeSnapshot(): Promise<View> {
    const snapshot = await this.#sources.snapshot();
    const point = this.history.add(snapshot);
    const signature = signatureOf(snapshot);
    const bad = this.#doctors.some(({ grade }) => grade !== 'weak') || snapshot.silent.size > 0;
    const due = performance.now() - this.#examinedAt > (bad ? BROKEN_EVERY_MS : WELL_EVERY_MS);
    if ((due || signature !== this.#signature) && this.#examining === undefined) void this.#examine();
    this.#signature = signature;
    const view = this.#viewOf(snapshot, point);
    this.#view = view;
    // Every view is announced, because pushes are differences from the previous view.
    for (const listener of this.#listeners) listener(view);
    return view;
  }

  #viewOf(snapshot: Snapshot, point: Point): View {
    return {
      ...{ snapshot, point, failing: this.#failing, examined: Number.isFinite(this.#examinedAt) },
      findings: merged(this.#doctors, snapshot, failingTargets(this.#failing)),
      ownGroup: this.#config.CLEANUP_GROUP,
      secondsBehind: (lag) => this.history.secondsBehind(snapshot, lag),
    };
  }

  async #examine(): Promise<void> {
    this.#examining = (async () => {
      const [findings, failing] = await Promise.all([diagnose(this.#config), this.#readFailing()]);
      this.#doctors = findings;
      if (failing !== undefined) this.#failing = failing;
    })()
      .catch((error: unknown) => this.#log.warn({ cause: String(error) }, 'the doctor could not run'))
      .finally(() => {
        this.#examinedAt = performance.now();
        this.#examining = undefined;
        // The last snapshot may be fresh enough for the next page, but the findings are newer.
        if (this.#view !== undefined) this.#view = this.#viewOf(this.#view.snapshot, this.#view.point);
      });
    await this.#examining;
  }

  async #readFailing(): Promise<Failing | undefined> {
    try {
      const { rows } = await this.#sources.pool.query<{ target: string; disabled_at: Date }>(
        'SELECT target, disabled_at FROM actions.disabled_target ORDER BY target LIMIT 100',
      );
      return { ...(await readDead(this.#sources.pool, {}, 50)), disabled: rows };
    } catch {
      return undefined; // Postgres is away, which the snapshot says.
    }
  }
}

/** The facts that may change the doctor's findings: when they differ, the doctor runs early. */
function signatureOf({ silent, slot, paused, stop, connector, outbox }: Snapshot): string {
  const tasks = connector?.tasks.map(({ state }) => state);
  return JSON.stringify([
    [...silent.keys()].sort(),
    ...[slot?.active, slot?.walStatus, paused !== undefined, stop?.code, connector?.connector.state, tasks],
    ...[outbox === undefined, (outbox?.buried ?? 0) > 0],
  ]);
}

function failingTargets({ letters, all, disabled }: Failing): Placed[] {
  const targets = [...new Set(letters.map(({ target }) => target))].join(', ');
  const base = { grade: 'weak', part: 'actions' } as const;
  return [
    ...(all === 0
      ? []
      : [
          {
            ...{ ...base, code: 'CALLS_GIVEN_UP', found: `${all} calls were given up: ${targets}` },
            ...{
              why: 'The target did not accept them within the retry schedule.',
              remedy: 'Retry or discard them: Acts, or npm run outbox -- actions dead list',
            },
          },
        ]),
    ...disabled.map(({ target, disabled_at: at }) => ({
      ...{ ...base, code: 'TARGET_DISABLED', found: `${target} answered 410 at ${at.toISOString()}` },
      ...{
        why: 'The target asked not to be called again.',
        remedy: `If that was a mistake: npm run outbox -- actions enable --target ${target}`,
      },
    })),
  ];
}
