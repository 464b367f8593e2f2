import { describe, expect, test } from 'vitest';
import { freePorts } from './support/free-ports.ts';
import { startNode, takenPort } from './support/run-node.ts';

// What all services have in common, tested on each as a process.

/** Nothing listens there. */
const given = {
  DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
  KAFKA_BROKERS: '127.0.0.1:1',
  ECHO_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
  ECHO_URL: 'http://127.0.0.1:1',
  ALLOW_TARGETS: '127.0.0.1:1',
};

const ports: [main: string, setting: string][] = [
  ['ingest/main.ts', 'PORT'],
  ['ingest/main.ts', 'METRICS_PORT'],
  ['watch/main.ts', 'METRICS_PORT'],
  ['cleanup/main.ts', 'METRICS_PORT'],
  ['consumers-example/main.ts', 'METRICS_PORT'],
  ['consumers-example/actions/main.ts', 'METRICS_PORT'],
  ['consumers-example/echo/main.ts', 'PORT'],
  ['operate/console/main.ts', 'PORT'],
];

describe('a port that is taken', { timeout: 60_000 }, () => {
  test.each(ports)('of %s, %s, ends it with 1 and one log line with a code', async (main, setting) => {
    const [port, metricsPort] = await freePorts(2);
    const env = { PORT: String(port), METRICS_PORT: String(metricsPort), [setting]: String(await takenPort()) };
    const { ended } = startNode([main], { ...given, ...env });
    const { code, errors, lines } = await ended;
    expect({ code, errors }).toEqual({ code: 1, errors: '' });
    expect(lines.filter(({ level }) => level === 60)).toEqual([
      expect.objectContaining({ code: 'CANNOT_LISTEN', cause: expect.stringContaining('EADDRINUSE') as string }),
    ]);
  });
});
