import { createServer } from 'node:net';
import { settings, type StackConfig } from './config.ts';
import { StackError } from './errors.ts';

type PortSetting = Extract<keyof typeof settings.shape, `${string}_PORT`>;

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
    if (!(await isFree(config[setting]))) taken.push(`${config[setting]} (${setting})`);
  }
  if (taken.length === 0) return;
  const example = taken[0]?.match(/\((.*)\)/)?.[1] ?? '';
  throw new StackError(
    'PORT_TAKEN',
    `Something else listens on port ${taken.join(', ')}. Stop it, or choose another: ${example}=… make up (or a line in .env).`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
