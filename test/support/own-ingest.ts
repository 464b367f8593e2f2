import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { databaseUrl } from '../../stack/config.ts';
import { freePorts } from './free-ports.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';

export interface OwnIngest {
  port: number;
  url: string;
  pid: number;
  /** What it logged so far. */
  log: () => string;
  stop: () => Promise<void>;
}

/** An ingest on the stack's database beside the stack's own, with other settings. Ready when this resolves. @param of the product's folder */
export async function startIngest(env: Record<string, string> = {}, of = '.'): Promise<OwnIngest> {
  const { child, log, port } = await spawnIngest(env, of);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  try {
    await waitFor(`ingest on port ${port} is ready`, async () => (await fetch(`${url}/readyz`)).ok, 40_000);
  } catch (error) {
    await stop();
    throw new Error(`ingest did not get ready:\n${log().slice(-2000)}`, { cause: error });
  }
  return { port, url, pid: child.pid ?? 0, log, stop };
}

/** An ingest that is expected to end by itself. @returns its exit code and what it wrote */
export async function runIngest(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const { child, log } = await spawnIngest(env);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: log() };
}

async function spawnIngest(env: Record<string, string>, of = '.') {
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const child = spawn(process.execPath, ['--import', 'tsx', 'ingest/main.ts'], {
    cwd: of,
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl(config, 'ingest'),
      PORT: String(port),
      HOST: '127.0.0.1',
      METRICS_PORT: String(metricsPort),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      // A test under load reads only the beginning: the rest would be the test's own memory.
      if (bytes < 10_000_000) chunks.push(chunk);
      bytes += chunk.length;
    });
  }
  return { child, port, log: () => Buffer.concat(chunks).toString() };
}
