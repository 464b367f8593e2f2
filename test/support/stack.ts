import pg from 'pg';
import { inject } from 'vitest';
import { brokerAddress, connectUrl, databaseUrl, registryUrl, type Login } from '../../stack/config.ts';
import { DockerStack } from '../../stack/docker.ts';
import { EmbeddedStack } from '../../stack/embedded.ts';
import type { Status } from '../../stack/keeper.ts';
import type { Stack } from '../../stack/stack.ts';
import { waitFor } from './wait-for.ts';

/** The stack that the global setup brought up. */
export const config = inject('stack');
export const stack: Stack = inject('way') === 'docker' ? new DockerStack(config) : new EmbeddedStack(config);

export const addresses = {
  ingest: `http://127.0.0.1:${config.INGEST_PORT}`,
  broker: brokerAddress(config),
  registry: registryUrl(config),
  connect: connectUrl(config),
};

/** A query as one of the stack's logins; `outbox_owner` by default. */
export async function query<T extends pg.QueryResultRow>(sql: string, values: unknown[] = [], login: Login = 'outbox_owner'): Promise<T[]> {
  const client = new pg.Client({ connectionString: databaseUrl(config, login) });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

export async function part(name: string): Promise<Status> {
  const found = (await stack.status())?.find((status) => status.name === name);
  if (found === undefined) throw new Error(`the stack has no part ${name}`);
  return found;
}

/** kill -9 of the part's process, which is started again; wait with `untilUp` where that matters. */
export async function kill(name: string): Promise<void> {
  const { pid } = await part(name);
  if (pid === undefined) throw new Error(`${name} does not run`);
  await stack.kill(name);
  await waitFor(`${name} is seen dead or restarted`, async () => (await part(name)).pid !== pid);
}

export async function stop(...names: string[]): Promise<void> {
  await stack.stop(names);
}

export async function start(...names: string[]): Promise<void> {
  await stack.start(names);
}

export async function untilUp(...names: string[]): Promise<void> {
  for (const name of names) await waitFor(`${name} is up`, async () => (await part(name)).state === 'up', 90_000);
}
