import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { order } from './client.ts';
import type { StackConfig } from './config.ts';
import { copyNames } from './copies.ts';
import type { Status } from './keeper.ts';
import { readLog } from './logs.ts';
import type { FollowCommand, Say, Stack, UpTimes } from './stack.ts';
import { openPrometheus } from './prometheus.ts';
import { openKaskade } from './ui.ts';
import { down, up } from './up.ts';

/** What each broker and each worker leaves, in every profile. */
const brokers = copyNames({ PROFILE: 'cluster' }, 'kafka').flatMap((name) => [name, `${name}.properties`, `${name}.format`]);
const workers = copyNames({ PROFILE: 'cluster' }, 'connect').slice(1);
/** The state of the stack below its folder. Jars and programs from PyPI stay, as they hold no data. */
const STATE = [
  ...['postgres', 'logs', 'run', 'cds', 'tls', ...brokers, ...workers],
  ...['kafka-admin.properties', 'kaskade.ini'],
  ...['connect.jaas', 'connect.users', 'connect.properties', 'connect.pem', 'connect.pid'],
];

/** The stack as processes of this machine, under the process runner. */
export class EmbeddedStack implements Stack {
  readonly way = 'embedded';
  readonly #config: StackConfig;

  constructor(config: StackConfig) {
    this.#config = config;
  }

  up(say: Say): Promise<UpTimes> {
    return up(this, this.#config, say);
  }

  down(): Promise<void> {
    return down(this.#config.dir);
  }

  async nuke(): Promise<void> {
    await this.down();
    for (const path of STATE) rmSync(`${this.#config.dir}/${path}`, { recursive: true, force: true });
  }

  status(): Promise<Status[] | undefined> {
    return order(this.#config.dir, 'status');
  }

  async start(names: readonly string[]): Promise<void> {
    await order(this.#config.dir, 'start', names);
  }

  async stop(names: readonly string[]): Promise<void> {
    await order(this.#config.dir, 'stop', names);
  }

  async kill(name: string): Promise<void> {
    const pid = (await this.status())?.find((part) => part.name === name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    process.kill(pid, 'SIGKILL');
  }

  async log(name: string): Promise<string> {
    return readLog(this.#config.dir, name);
  }

  followLogs(name = '*'): FollowCommand {
    // The shell expands the star.
    return { file: 'sh', args: ['-c', 'exec tail -n 20 -F "$0"/logs/$1.log', this.#config.dir, name] };
  }

  /** Per process group, so that Postgres's children count with it. Pages that processes share count once for each. */
  async memory(parts: readonly Status[]): Promise<Map<string, number>> {
    const groups = new Map<number, number>();
    const lines = execFileSync('ps', ['-A', '-o', 'pgid=,ppid=,pid=,rss='], { encoding: 'utf8' }).trim().split('\n');
    for (const line of lines) {
      const [, ppid = 0, pid = 0, rss = 0] = line.trim().split(/\s+/).map(Number);
      // Postgres's children lead groups of their own; their parent is the part.
      for (const owner of [pid, ppid]) groups.set(owner, (groups.get(owner) ?? 0) + rss);
    }
    return new Map(parts.map(({ name, pid }) => [name, Math.round((groups.get(pid ?? -1) ?? 0) / 1024)]));
  }

  ui(say: Say): Promise<void> {
    return openKaskade(this.#config, say);
  }

  metrics(say: Say): Promise<void> {
    return openPrometheus(this.#config, say);
  }
}
