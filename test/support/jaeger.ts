import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { freePorts } from './free-ports.ts';
import { waitFor } from './wait-for.ts';

// Jaeger all-in-one, built from its Go modules: a receiver of OTLP that others wrote.

const VERSION = 'v1.76.0';
const PACKAGE = 'github.com/jaegertracing/jaeger/cmd/all-in-one';
const folder = resolve('.stack/jaeger', VERSION);
const binary = `${folder}/jaeger`;
const run = promisify(execFile);

/** Builds it once, which takes minutes. @throws where there is no Go */
export async function buildJaeger(): Promise<void> {
  if (existsSync(binary)) return;
  mkdirSync(folder, { recursive: true });
  // A module of its own: Jaeger's has replacements, which `go install` refuses.
  writeFileSync(`${folder}/go.mod`, 'module jaeger\n\ngo 1.24\n');
  const env = { ...process.env, GOFLAGS: '-mod=mod' };
  await run('go', ['get', `${PACKAGE}@${VERSION}`], { cwd: folder, env });
  await run('go', ['build', '-o', `${binary}.new`, PACKAGE], { cwd: folder, env });
  await run('mv', [`${binary}.new`, binary]);
}

const trace = z.object({
  data: z.array(
    z.object({
      spans: z.array(
        z.object({
          spanID: z.string(),
          operationName: z.string(),
          processID: z.string(),
          references: z.array(z.object({ refType: z.string(), spanID: z.string() })),
        }),
      ),
      processes: z.record(z.string(), z.object({ serviceName: z.string() })),
    }),
  ),
});

export interface JaegerSpan {
  id: string;
  service: string;
  name: string;
  /** The span that it continues. */
  parent: string | undefined;
}

export interface Jaeger {
  endpoint: string;
  /** The spans of a trace, as Jaeger shows them. */
  spansOf: (traceId: string) => Promise<JaegerSpan[]>;
}

/** It ends with its test. */
export async function startJaeger(): Promise<Jaeger> {
  const [otlp = 0, query = 0, ...others] = await freePorts(7);
  const at = (port: number | undefined) => `127.0.0.1:${port}`;
  const child = spawn(
    binary,
    [
      `--collector.otlp.http.host-port=${at(otlp)}`,
      `--query.http-server.host-port=${at(query)}`,
      `--query.grpc-server.host-port=${at(others[0])}`,
      `--collector.otlp.grpc.host-port=${at(others[1])}`,
      `--collector.http-server.host-port=${at(others[2])}`,
      `--collector.grpc-server.host-port=${at(others[3])}`,
      `--admin.http.host-port=${at(others[4])}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-5000)));
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL'); // It keeps spans in memory only, and takes long to stop.
    await once(child, 'exit');
  });
  await waitFor('Jaeger is up', async () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${log}`);
    return (await fetch(`http://${at(query)}/api/services`)).ok;
  });
  return {
    endpoint: `http://${at(otlp)}`,
    spansOf: async (traceId) => {
      const response = await fetch(`http://${at(query)}/api/traces/${traceId}`);
      if (response.status === 404) return [];
      const { data } = trace.parse(await response.json());
      return data.flatMap(({ spans, processes }) =>
        spans.map(({ spanID, operationName, processID, references }) => ({
          ...{ id: spanID, service: processes[processID]?.serviceName ?? '', name: operationName },
          parent: references.find(({ refType }) => refType === 'CHILD_OF')?.spanID,
        })),
      );
    },
  };
}
