import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Drive, Progress } from './driver.ts';

/** One of the harness's own processes. It ends with this one. */
export function startHelper(file: string, argument: object): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(argument)], { execArgv: ['--import', 'tsx'] });
}

/** The driver. It is restarted whenever it is killed. */
export interface Driver {
  start: () => void;
  /** Events that were answered 200, and the other answers, over all its lives. @throws once it failed by itself */
  progress: () => Progress;
  pid: () => number | undefined;
  /** Lets it finish running posts. */
  stop: () => Promise<void>;
}

export function createDriver(drive: Omit<Drive, 'run'>): Driver {
  const before: Progress = { ok: 0, refused: 0, unknown: 0 };
  let now: Progress = { ...before };
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let stopping = false;
  let failed = false;

  function start(run = 1): void {
    const own = startHelper('driver.ts', { ...drive, run });
    child = own;
    own.on('message', (progress) => (now = progress as Progress));
    ended = new Promise((resolve) => {
      own.once('exit', (code) => {
        // The driver may be killed, but a fault of its own would invalidate the run.
        failed ||= code !== null && code !== 0;
        for (const kind of ['ok', 'refused', 'unknown'] as const) before[kind] += now[kind];
        now = { ok: 0, refused: 0, unknown: 0 };
        child = undefined;
        if (!stopping && !failed) start(run + 1);
        resolve();
      });
    });
  }

  return {
    start,
    progress: () => {
      if (failed) throw new Error('the driver failed');
      return { ok: before.ok + now.ok, refused: before.refused + now.refused, unknown: before.unknown + now.unknown };
    },
    pid: () => child?.pid,
    stop: async () => {
      stopping = true;
      if (child?.connected === true) child.send('stop');
      await ended;
    },
  };
}
