import { execFileSync } from 'node:child_process';
import { describePipeline } from '../operate/status.ts';
import { brokerAddress, connectUrl, databaseUrl, type StackConfig } from './config.ts';
import type { Status } from './keeper.ts';
import { ACK_GROUPS } from './parts.ts';

/** The parts (state, address, memory), the outbox, the slot, the connector and the groups' lag, as text. */
export async function describeStack(config: StackConfig, parts: Status[]): Promise<string> {
  const memory = residentMb();
  const services = parts.filter(({ job }) => !job);
  const rows = services.map(({ name, state, address, pid, restarts, cause }) => {
    const mb = pid === undefined ? 0 : (memory.get(pid) ?? 0);
    return { name, state, mb, text: [address ?? '', restarts > 0 ? `restarts: ${restarts}` : '', cause ?? ''].filter(Boolean).join('  ') };
  });
  const total = rows.reduce((sum, { mb }) => sum + mb, 0);
  const facts = await describePipeline({
    DATABASE_URL: databaseUrl(config, 'operator'),
    CONNECT_URL: connectUrl(config),
    KAFKA_BROKERS: [brokerAddress(config)],
    ACK_GROUPS: [...ACK_GROUPS],
  });
  return [
    ...rows.map(({ name, state, mb, text }) => `${name.padEnd(10)} ${state.padEnd(8)} ${String(mb).padStart(5)} MB  ${text}`),
    `${'in all'.padEnd(19)} ${String(total).padStart(5)} MB resident`,
    '',
    ...facts,
  ].join('\n');
}

/** Resident memory per process group, so that Postgres's children count with it. Shared pages count once per process. */
function residentMb(): Map<number, number> {
  const groups = new Map<number, number>();
  const lines = execFileSync('ps', ['-A', '-o', 'pgid=,ppid=,pid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number, number]);
  for (const [, ppid, pid, rss] of processes) {
    // Postgres's children lead groups of their own; their parent is the part.
    for (const owner of [pid, ppid]) groups.set(owner, (groups.get(owner) ?? 0) + rss);
  }
  return new Map([...groups].map(([pid, kb]) => [pid, Math.round(kb / 1024)]));
}
