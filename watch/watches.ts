import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import { readConnectorFile } from '../checks/connector-file.ts';
import { readRecordLimit } from '../checks/kafka.ts';
import { readShards } from '../checks/state.ts';
import { ONLY_SHARD, type Shard } from '../contract/shards.ts';
import type { ConnectApi } from '../kit/connect-api.ts';
import { withAdmin } from '../kit/kafka-admin.ts';
import type { settings } from './config.ts';
import { readFacts } from './facts.ts';
import { createWatchMetrics } from './metrics.ts';
import { rules } from './rules.ts';
import { createWatch } from './watch.ts';

interface Dependencies {
  config: z.output<typeof settings>;
  pool: Pool;
  connect: ConnectApi;
  /** With a shorter deadline. */
  connectForFacts: ConnectApi;
  registry: Registry;
  log: Logger;
}

/**
 * Makes a watch for each shard. The shards are read in each round, as `outbox reshard` changes them.
 *
 * @returns runs a round of each watch; whether one of them made a repair
 */
export function createWatches({ config, pool, connect, connectForFacts, registry, log }: Dependencies): () => Promise<boolean> {
  const metrics = createWatchMetrics(registry);
  const active = rules.map(({ optional, steps = [], ...rule }) => ({
    ...rule,
    steps: optional === undefined || config[optional] ? steps : [],
  }));
  const watchOf = (shard: Shard) => {
    const connector = readConnectorFile(shard);
    return createWatch({
      rules: active,
      readFacts: () => readFacts(pool, connectForFacts, connector, shard),
      tools: {
        ...{ pool, connect, shard, config: connector },
        recordLimit: () => withAdmin(config, 'outbox-watch', (admin) => readRecordLimit(admin, connect, shard.connector)),
      },
      metrics: metrics.of(shard.connector),
      log: shard.label === undefined ? log : log.child({ shard: shard.label }),
      now: () => performance.now(),
    });
  };
  let watches = new Map<string, () => Promise<boolean>>();
  return async () => {
    // If Postgres does not answer, the last watches run and report it.
    const shards = await readShards(pool).catch(() => (watches.size === 0 ? [ONLY_SHARD] : undefined));
    if (shards !== undefined) {
      watches = new Map(shards.map((shard) => [shard.connector, watches.get(shard.connector) ?? watchOf(shard)]));
      metrics.keep([...watches.keys()]);
    }
    return (await Promise.all([...watches.values()].map((watchOnce) => watchOnce()))).some(Boolean);
  };
}
