import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { logPath, openLog } from './logs.ts';

/** How a part's process is started. */
export interface Command {
  file: string;
  args: string[];
  /** Beside the few variables that every program gets. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** The user to run as, where it is not this one (Postgres refuses to run as root). */
  user?: { uid: number; gid: number };
}

const BASICS = /^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|NODE_EXTRA_CA_CERTS)$/;

/** Starts a process in a group of its own, appending its output to a log, and notes its id for a later recovery. */
export function start(dir: string, name: string, command: Command): ChildProcess {
  mkdirSync(join(dir, 'logs'), { recursive: true, mode: 0o700 });
  const log = openLog(logPath(dir, name));
  const child = spawn(command.file, command.args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...basics(), ...command.env },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    ...command.user,
  });
  closeSync(log);
  if (child.pid !== undefined) remember(dir, name, child.pid);
  return child;
}

/** What any program needs of its surroundings. The rest of this process's environment is none of a part's business. */
function basics(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => BASICS.test(name)));
}

const pidPath = (dir: string, name: string) => join(dir, 'run', `${name}.pid`);

function remember(dir: string, name: string, pid: number): void {
  mkdirSync(join(dir, 'run'), { recursive: true, mode: 0o700 });
  writeFileSync(pidPath(dir, name), identityOf(pid), { mode: 0o600 });
}

export function forget(dir: string, name: string): void {
  rmSync(pidPath(dir, name), { force: true });
}

/** The processes that an earlier runner started and that still run, by name. A reused id is told by its start time. */
export function leftovers(dir: string): Map<string, number> {
  const run = join(dir, 'run');
  const found = new Map<string, number>();
  for (const file of existsSync(run) ? readdirSync(run) : []) {
    const pid = runningPid(readFileSync(join(run, file), 'utf8'));
    const name = basename(file, '.pid');
    if (pid === undefined) forget(dir, name);
    else found.set(name, pid);
  }
  return found;
}

/** A process in words: its id, and when it was started, as ids are used again. */
export const identityOf = (pid: number): string => `${pid} ${startedAt(pid)}`;

/** @returns the id of the process, undefined when it does not run any more */
export function runningPid(identity: string): number | undefined {
  const [pid = '', started = ''] = identity.split(/ (.*)/s);
  return started !== '' && startedAt(Number(pid)) === started ? Number(pid) : undefined;
}

/** When the process was started, in words that are the same for as long as it runs; '' when there is none. */
export function startedAt(pid: number): string {
  try {
    if (existsSync('/proc/self/stat')) {
      // Ticks since the boot: what `ps` prints changes with the time zone, the language and a clock that is set.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return `${afterName[START_TICKS] ?? ''} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
    }
    const env = { ...process.env, TZ: 'UTC', LC_ALL: 'C' };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim();
  } catch {
    return '';
  }
}

/** Field 22 of /proc/<pid>/stat, counted from the one after the name. */
const START_TICKS = 19;

/** Asks a process group to end, and ends it when it has not done so within the time. */
export async function end(pid: number, signal: NodeJS.Signals, withinMs: number): Promise<void> {
  if (!send(pid, signal)) return;
  const deadline = performance.now() + withinMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) send(-pid, 'SIGKILL');
    await delay(50);
  }
}

export function isAlive(pid: number): boolean {
  return send(pid, 0);
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Runs a command to its end. @throws with the end of its output when it fails */
export async function execute(file: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  try {
    await promisify(execFile)(file, args, { env: { ...process.env, ...env } });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${file} failed: ${(stderr || stdout || String(error)).trim().split('\n').slice(-5).join('\n')}`);
  }
}
