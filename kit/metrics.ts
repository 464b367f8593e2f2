import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import { listen } from './listen.ts';
import { host, port } from './settings.ts';

// Each service serves its metrics from its own registry on its own port, which must not be public.

/** The settings of a service's metrics, to be spread into its schema. Loopback by default. */
export const metricsSettings = (defaultPort: number) => ({
  METRICS_PORT: port().default(defaultPort).describe('Port of the Prometheus metrics'),
  METRICS_HOST: host().default('127.0.0.1').describe('Address on which the metrics are served'),
});

/** A registry with the metrics of the process (memory, event loop, garbage collection). */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Reports something that needs a person. @param detail what was found and what to do, for the log line */
export type Alarm = (code: string, detail: string) => void;

/** Each alarm writes one log line (level error, field `alarm`) and increments `outbox_alarms_total`. */
export function createAlarm(registry: Registry, log: Logger): Alarm {
  const total = new Counter({ name: 'outbox_alarms_total', help: 'Alarms raised', labelNames: ['code'], registers: [registry] });
  return (code, detail) => {
    total.inc({ code });
    log.error({ alarm: code }, detail);
  };
}

/**
 * Serves `GET /metrics` in Prometheus' text format, and `GET /readyz`: 200, or 503 with the reason. Ends the process when
 * the port is taken.
 *
 * @param unready why the service does not work at the moment; undefined when it does
 * @returns stop: closes the port
 */
export async function serveMetrics(
  registry: Registry,
  { METRICS_PORT, METRICS_HOST }: { METRICS_PORT: number; METRICS_HOST: string },
  log: Logger,
  unready: () => string | undefined = () => undefined,
): Promise<() => void> {
  const server = createServer((request, response) => {
    if (request.url === '/readyz') {
      const reason = unready();
      response.writeHead(reason === undefined ? 200 : 503).end(`${reason ?? 'ready'}\n`);
      return;
    }
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await listen(server, { port: METRICS_PORT, host: METRICS_HOST }, log);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
