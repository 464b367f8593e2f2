import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import type { StackConfig } from './config.ts';
import { settings } from './settings.ts';
import { requireFreePorts } from './ports.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

test.each(['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])('a port on which something listens on %s alone is taken', async (host) => {
  const server = createServer().listen({ host, port: 0, ipv6Only: true });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const config = { ...settings.parse({}), INGEST_PORT: port } as unknown as StackConfig;
  await expect(requireFreePorts(config, ['INGEST_PORT'])).rejects.toThrow(`Something else listens on port ${port} (INGEST_PORT)`);
});
