import { config } from './stack.ts';

type Service = 'INGEST' | 'CLEANUP' | 'WATCH' | 'CONSUMER' | 'ACTIONS';

/** What a service shows Prometheus. `metric{label="value"}` → number; 0 for one that is not there yet. */
export async function metric(service: Service | number, name: string): Promise<number> {
  const text = await metricsOf(service);
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

/** The sum over all labels. */
export async function metricSum(service: Service | number, name: string): Promise<number> {
  const lines = (await metricsOf(service)).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** @param service one of the stack's, or the metrics' port of a copy */
async function metricsOf(service: Service | number): Promise<string> {
  const port = typeof service === 'number' ? service : config[`${service}_METRICS_PORT`];
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(5000) });
  return response.text();
}
