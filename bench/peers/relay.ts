import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One way from rows of an outbox table to Kafka, as the benchmark drives it. */
export interface Contestant {
  /** In the results, and in BENCH_PEERS. */
  name: string;
  title: string;
  /** What it is made of. */
  version: string;
  topic: string;
  /** Inserts rows. $1: ids, $2: zaps, $3: the payload as JSON text. */
  insert: string;
  /** Counts those of the ids ($1) that are still to be sent; undefined where the table does not tell. */
  waiting?: string;
  /** Makes its table empty and starts it. */
  start: () => Promise<void>;
  /** It sends nothing until `release`. */
  hold: () => Promise<void>;
  release: () => Promise<void>;
  /** kill -9, and a new start at once. */
  kill: () => Promise<void>;
  stop: () => Promise<void>;
  /** Its processes, for CPU and memory. */
  pids: () => Promise<number[]>;
  /** The end of its log, for the reason when it does not work. */
  log: () => string;
}

/** A program of relays/ in its own process. @param env what it is told */
export function nodeRelay(file: string, dir: string, name: string, env: Record<string, string>) {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${name}.log`);
  let child: ChildProcess | undefined;
  const run = () => {
    const out = openSync(path, 'a');
    const args = [fileURLToPath(new URL(`relays/${file}`, import.meta.url))];
    child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', out, out] });
  };
  const end = async (signal: NodeJS.Signals) => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    // Some of them have no handler that ends them.
    const late = setTimeout(() => running.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(late);
  };
  return {
    run,
    end,
    pids: async () => (child?.pid === undefined ? [] : [child.pid]),
    log: () => {
      try {
        return readFileSync(path, 'utf8').trim().slice(-600);
      } catch {
        return '';
      }
    },
  };
}
