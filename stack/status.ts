import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { databaseUrl, type StackConfig } from './config.ts';
import { connectEnv } from './http-logins.ts';
import { kafkaEnv } from './kafka-logins.ts';
import type { Status } from './keeper.ts';
import { ACK_GROUPS } from './parts.ts';
import type { Stack } from './stack.ts';

const run = promisify(execFile);

/** What the operator's own verb says of the pipeline, or why it could not be asked. */
async function describePipeline(config: StackConfig): Promise<string> {
  const verb = fileURLToPath(new URL('../operate/main.ts', import.meta.url));
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl(config, 'operator'),
    ...connectEnv(config),
    ...kafkaEnv(config, 'operator'),
    ACK_GROUPS: ACK_GROUPS.join(','),
  };
  const { stdout } = await run(process.execPath, ['--import', 'tsx', verb, 'status'], { env }).catch((error: unknown) => ({
    stdout: `pipeline   unknown: ${error instanceof Error ? error.message : String(error)}`,
  }));
  return stdout.trimEnd();
}

/** The parts (state, address, memory), the outbox, the slot, the connector and the groups' lag, as text. */
export async function describeStack(config: StackConfig, stack: Stack, parts: Status[]): Promise<string> {
  const memory = await stack.memory(parts);
  const services = parts.filter(({ job }) => !job);
  const rows = services.map(({ name, state, address, restarts, cause }) => {
    const mb = memory.get(name) ?? 0;
    return { name, state, mb, text: [address ?? '', restarts > 0 ? `restarts: ${restarts}` : '', cause ?? ''].filter(Boolean).join('  ') };
  });
  const total = rows.reduce((sum, { mb }) => sum + mb, 0);
  const facts = await describePipeline(config);
  return [
    ...rows.map(({ name, state, mb, text }) => `${name.padEnd(10)} ${state.padEnd(8)} ${String(mb).padStart(5)} MB  ${text}`),
    `${'in all'.padEnd(19)} ${String(total).padStart(5)} MB resident`,
    '',
    facts,
  ].join('\n');
}
