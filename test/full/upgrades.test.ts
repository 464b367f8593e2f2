import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CONNECTOR_NAME, DEAD_LETTER_TOPIC, EVENT_TOPIC } from '../../contract/names.ts';
import { audit, auditThisFile, topic } from '../support/audited.ts';
import { connect, untilRunning } from '../support/connector.ts';
import { endOf, runConsumer } from '../support/consumer.ts';
import { copyProduct } from '../support/copy-of-product.ts';
import { untilNoLag } from '../support/kafka.ts';
import { startIngest } from '../support/own-ingest.ts';
import { migrate, register, startCleanup, startConsumer, startWatch, type Copy } from '../support/services.ts';
import { addresses, config, query, start, stop, untilUp } from '../support/stack.ts';
import { startSteadyLoad } from '../support/steady-load.ts';
import { waitFor } from '../support/wait-for.ts';

// An upgrade as docs/operations.md has it, and the way back, while senders post without a pause and repeat nothing. The next
// version is a copy of this one with a new migration, a schema with one more field, and other settings of the connector.

auditThisFile();

const next = join(config.dir, 'next-version');
const MIGRATION = '20991231000000_next_version';
const BATCH = 'max.batch.size';

function makeNextVersion(): void {
  copyProduct(next, [
    {
      file: 'contract/schemas/zap-run.avsc',
      find: '"doc": "The request headers that are kept, names in lower case." }',
      replace:
        '"doc": "The request headers that are kept, names in lower case." },\n    { "name": "region", "type": "string", "default": "eu" }',
    },
    { file: 'connect/outbox-connector.json', find: `"${BATCH}": "4096"`, replace: `"${BATCH}": "2048"` },
  ]);
  const folder = join(next, 'prisma/migrations', MIGRATION);
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'migration.sql'),
    `ALTER TABLE zap_run ADD COLUMN region text;
     ALTER TABLE zap_run ADD CONSTRAINT zap_run_region_check CHECK (char_length(region) <= 64) NOT VALID;
     CREATE TABLE region (name text PRIMARY KEY);`,
  );
}

afterAll(async () => {
  await query(`ALTER TABLE zap_run DROP COLUMN IF EXISTS region; DROP TABLE IF EXISTS region`);
  await query('DELETE FROM _prisma_migrations WHERE migration_name = $1', [MIGRATION]);
  rmSync(next, { recursive: true, force: true });
});

const batchSize = async () => (await connect.config(CONNECTOR_NAME))?.[BATCH];
const schemaIdOf = (value: Buffer) => value.readInt32BE(1);

/** Starts the one, and ends the other when both have worked together. */
async function replace(part: string, begin: () => Promise<Copy>): Promise<Copy> {
  const copy = await begin();
  await stop(part);
  return copy;
}

test('an upgrade and its way back lose and refuse nothing, and a consumer of the old schema reads on', { timeout: 600_000 }, async () => {
  makeNextVersion();
  const deadLetters = await endOf(DEAD_LETTER_TOPIC);
  const old = await runConsumer({ topic: EVENT_TOPIC, deadLetterTopic: DEAD_LETTER_TOPIC, groupId: 'upgrades' });
  const load = startSteadyLoad(8, [addresses.ingest]);
  const untilAccepted = (count: number, target?: string) => {
    const until = load.accepted(target) + count;
    return waitFor(`${count} more posts are accepted`, () => load.accepted(target) >= until, 60_000);
  };
  const copies: { stop: () => Promise<void> }[] = [];
  const keep = <T extends { stop: () => Promise<void> }>(copy: T): T => {
    copies.push(copy);
    return copy;
  };
  try {
    await untilAccepted(100);
    await migrate(next);
    await untilAccepted(50);
    keep(await replace('watch', () => startWatch({}, next)));
    await register({}, next);
    expect(await batchSize()).toBe('2048');
    await untilAccepted(50);
    keep(await startCleanup({}, next));
    await untilAccepted(50);
    await stop('cleanup');

    const ingest = keep(await startIngest({}, next));
    load.targets = [addresses.ingest, ingest.url];
    await Promise.all([untilAccepted(100, addresses.ingest), untilAccepted(100, ingest.url)]);
    load.targets = [ingest.url];
    await stop('ingest');
    await untilAccepted(100);
    keep(await replace('consumer', () => startConsumer({}, next)));
    await untilAccepted(100);

    // The way back, in the same order, but for the migration, which older versions do not see.
    await start('ingest', 'consumer', 'cleanup');
    await untilUp('ingest', 'consumer', 'cleanup');
    load.targets = [ingest.url, addresses.ingest];
    await Promise.all([untilAccepted(100, addresses.ingest), untilAccepted(100, ingest.url)]);
    load.targets = [addresses.ingest];
    for (const copy of copies.splice(0)) await copy.stop();
    await register();
    await start('watch');
    await untilUp('watch');
    expect(await batchSize()).toBe('4096');
    await untilRunning();
    await untilAccepted(100);
  } finally {
    for (const copy of copies) await copy.stop();
    await start('watch', 'cleanup', 'ingest', 'consumer');
    await untilUp('watch', 'cleanup', 'ingest', 'consumer');
  }
  const accepted = await load.stop();
  expect(load.refused).toEqual([]);
  await audit.expectKept(topic, accepted);
  const ids = [...accepted.values()].flat();
  const records = [...accepted.keys()].flatMap((key) => topic.records(key));
  expect(new Set(records.map(({ value }) => schemaIdOf(value))).size).toBe(2);
  expect(await query('SELECT count(*)::int AS n FROM zap_run WHERE id = ANY ($1)', [ids])).toEqual([{ n: ids.length }]);
  await waitFor('the consumer of the old schema has handled all', () => {
    const handled = new Set(old.ids());
    return ids.every((id) => handled.has(id));
  });
  expect(old.gaveUp).toEqual([]);
  await old.stop();
  await untilNoLag('consumers-example');
  expect(await endOf(DEAD_LETTER_TOPIC)).toBe(deadLetters);
});
