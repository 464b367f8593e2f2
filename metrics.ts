import { createServer } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { z } from 'zod';
import { port } from './settings.ts';

// How every service is seen by Prometheus: a registry of its own on a port of its own, which the internet never gets.

/** The settings of a service's metrics, to be spread into its schema. Loopback unless told otherwise. */
export const metricsSettings = (defaultPort: number) => ({
  METRICS_PORT: port().default(defaultPort).describe('Port of the Prometheus metrics'),
  METRICS_HOST: z.string().default('127.0.0.1').describe('Address on which the metrics are served'),
});

/** A registry with the process's own metrics (memory, event loop, garbage collection) in it. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/**
 * Serves `GET /metrics` in Prometheus' text format.
 *
 * @returns stop: closes the port
 * @throws when the port cannot be had
 */
export async function serveMetrics(registry: Registry, { port, host }: { port: number; host: string }): Promise<() => void> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
