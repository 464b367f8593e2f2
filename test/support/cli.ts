import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { portSettings } from '../../stack/ports.ts';
import { freePorts } from './free-ports.ts';
import { uniqueName } from './names.ts';

export interface Outcome {
  code: number;
  output: string;
}

/** Runs `stack/cli.ts` as make does, on free ports; embedded unless STACK says otherwise. */
export async function cli(verb: string, env: Record<string, string>): Promise<Outcome> {
  const ports = await freePorts(portSettings.length);
  const own = Object.fromEntries(portSettings.map((name, index) => [name, String(ports[index])]));
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...own, STACK: 'embedded', ...env }, encoding: 'utf8' as const };
    const child = execFile(process.execPath, ['--import', 'tsx', 'stack/cli.ts', verb], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

/** A folder below .stack for a stack of its own (Postgres must be able to enter it), gone after the test. */
export function ownDir(): string {
  const dir = `.stack/${uniqueName('other')}`;
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
