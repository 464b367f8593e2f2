import { createServer } from 'node:net';
import type { StackConfig } from './config.ts';
import { portsOf, type PortSetting } from './copies.ts';
import { StackError } from './errors.ts';
import { settings } from './settings.ts';

/** The settings that name a port of the stack. */
export const portSettings = Object.keys(settings.shape).filter((name): name is PortSetting => name.endsWith('_PORT'));

/** Of those that are opened only when somebody asks for them. */
export const ON_DEMAND: readonly PortSetting[] = ['UI_PORT', 'PROMETHEUS_PORT', 'GRAFANA_PORT'];

/** @throws StackError PORT_TAKEN naming every port that something else has, and the setting that changes it */
export async function requireFreePorts(
  config: StackConfig,
  wanted: readonly PortSetting[] = portSettings.filter((name) => !ON_DEMAND.includes(name)),
): Promise<void> {
  const taken: string[] = [];
  for (const setting of wanted) {
    for (const port of portsOf(config, setting))
      if (!(await isFree(port, '127.0.0.1')) || !(await isFree(port, '::1'))) taken.push(`${port} (${setting})`);
  }
  if (taken.length === 0) return;
  const example = taken[0]?.match(/\((.*)\)/)?.[1] ?? '';
  throw new StackError(
    'PORT_TAKEN',
    `Something else listens on port ${taken.join(', ')}. Stop it, or choose another: ${example}=… make up (or a line in .env).`,
  );
}

/** On ::1 as well: `localhost` may mean that, and what listens there would be asked in place of ours. */
function isFree(port: number, host: '127.0.0.1' | '::1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // A machine without IPv6 has no ::1.
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(host === '::1' && code !== 'EADDRINUSE'));
    server.listen({ port, host, ipv6Only: true }, () => server.close(() => resolve(true)));
  });
}
