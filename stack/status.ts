import { describePipeline } from '../operate/status.ts';
import { brokerAddress, connectUrl, databaseUrl, type StackConfig } from './config.ts';
import type { Status } from './keeper.ts';
import { ACK_GROUPS } from './parts.ts';
import type { Stack } from './stack.ts';

/** The parts (state, address, memory), the outbox, the slot, the connector and the groups' lag, as text. */
export async function describeStack(config: StackConfig, stack: Stack, parts: Status[]): Promise<string> {
  const memory = await stack.memory(parts);
  const services = parts.filter(({ job }) => !job);
  const rows = services.map(({ name, state, address, restarts, cause }) => {
    const mb = memory.get(name) ?? 0;
    return { name, state, mb, text: [address ?? '', restarts > 0 ? `restarts: ${restarts}` : '', cause ?? ''].filter(Boolean).join('  ') };
  });
  const total = rows.reduce((sum, { mb }) => sum + mb, 0);
  const facts = await describePipeline({
    DATABASE_URL: databaseUrl(config, 'operator'),
    CONNECT_URL: connectUrl(config),
    KAFKA_BROKERS: [brokerAddress(config)],
    ACK_GROUPS: [...ACK_GROUPS],
    CLEANUP_GROUP: 'outbox-cleanup',
  });
  return [
    ...rows.map(({ name, state, mb, text }) => `${name.padEnd(10)} ${state.padEnd(8)} ${String(mb).padStart(5)} MB  ${text}`),
    `${'in all'.padEnd(19)} ${String(total).padStart(5)} MB resident`,
    '',
    ...facts,
  ].join('\n');
}
