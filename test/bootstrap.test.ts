import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC } from '../contract/names.ts';
import { topicPlans } from '../contract/topics.ts';
import { aclOf } from '../kit/kafka-acls.ts';
import { topicConfigs } from '../kit/kafka-admin.ts';
import { administratorSettings } from '../operate/config.ts';
import { ourLogins, passwordSettings } from '../prisma/our-logins.ts';
import { databaseUrl } from '../stack/config.ts';
import { kafkaEnv } from '../stack/kafka-logins.ts';
import { withClient } from './support/catalog.ts';
import { codes, untilFound } from './support/doctor.ts';
import { withAdmin } from './support/kafka.ts';
import { uniqueName } from './support/names.ts';
import { outboxWith } from './support/operate.ts';
import { grantAgain } from './support/services.ts';
import { config, query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// `bootstrap` by an administrator, on a new database of the stack's Postgres and on the stack's Kafka.

const database = uniqueName('bootstrapped');
const cleanupGroup = uniqueName('cleanup');
const administrator = {
  DATABASE_URL: databaseUrl(config, 'postgres', 'postgres'),
  OUTBOX_DATABASE: database,
  ...Object.fromEntries(ourLogins.map(({ name }) => [passwordSettings[name], config.secrets[name]])),
  ...kafkaEnv(config, 'admin'),
  CLEANUP_GROUP: cleanupGroup,
};
const bootstrap = (...args: string[]) => outboxWith(administrator, 'bootstrap', ...args);

afterAll(async () => {
  await query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`, [], 'postgres');
  await grantAgain();
});

/** All that bootstrap may change in Postgres: logins, passwords, memberships, and the new database's grants. */
const rights = () =>
  withClient(databaseUrl(config, 'postgres', database), async (client) => {
    const ask = async (sql: string) => (await client.query(sql)).rows as unknown[];
    return [
      await ask('SELECT rolname, rolcanlogin, rolreplication, rolcreaterole, rolpassword FROM pg_authid ORDER BY 1'),
      await ask(
        'SELECT roleid::regrole, member::regrole, inherit_option, set_option, admin_option FROM pg_auth_members ORDER BY 1, 2, grantor',
      ),
      await ask('SELECT datname, datacl FROM pg_database ORDER BY 1'),
      await ask(`SELECT oid::regprocedure, proacl FROM pg_proc WHERE proname = 'pg_logical_emit_message' ORDER BY 1`),
    ];
  });
const grants = (group: string) =>
  withAdmin(async (admin) => {
    const wanted = aclOf({ service: 'cleanup', resource: 'GROUP', name: group, prefixed: false, operation: 'READ' });
    return (await admin.describeAcls(wanted)).resources.length;
  });

test('--apply creates what is missing, once; the migrations then have all the rights that they need', { timeout: 120_000 }, async () => {
  const first = await bootstrap('--apply');
  expect([first.code, first.stderr]).toEqual([0, '']);
  // The logins belong to the cluster, and the stack has them already, with these passwords.
  expect(first.stdout).toMatch(new RegExp(`^postgres: created database ${database}$`, 'm'));
  expect(first.stdout).toContain('kafka: no topic was missing');
  expect(first.stdout).toMatch(/^kafka: added \d+ grants$/m);
  expect(await grants(cleanupGroup)).toBe(1);

  const made = await rights();
  const second = await bootstrap('--apply');
  expect(second.code).toBe(0);
  expect(second.stdout.split('\n').slice(0, 3)).toEqual([
    'postgres: nothing was missing',
    'kafka: no topic was missing',
    'kafka: no grant was missing',
  ]);
  expect(await rights()).toEqual(made);

  const owner = { ...process.env, DATABASE_URL: databaseUrl(config, 'outbox_owner', database) };
  await promisify(execFile)(process.execPath, ['--import', 'tsx', 'prisma/migrate.ts'], { env: owner });
  const asIngest = withClient(databaseUrl(config, 'ingest', database), (client) => client.query('SELECT FROM event_schema'));
  await expect(asIngest).resolves.toMatchObject({ rowCount: 0 });
});

test('--apply adds a missing grant and names one that is not needed', { timeout: 120_000 }, async () => {
  const missing = aclOf({ service: 'watch', resource: 'CLUSTER', name: 'kafka-cluster', prefixed: false, operation: 'DESCRIBE_CONFIGS' });
  const beyond = aclOf({ service: 'watch', resource: 'TOPIC', name: EVENT_TOPIC, prefixed: false, operation: 'WRITE' });
  await withAdmin(async (admin) => {
    await admin.deleteAcls({ filters: [missing] });
    await admin.createAcls({ acl: [beyond] });
  });
  await untilFound('broken KAFKA_GRANT_MISSING');
  const { stdout } = await bootstrap('--apply', '--for', 'kafka');
  expect(stdout).toContain('kafka: added 1 grants');
  expect(stdout).toContain(`not removed: User:watch may WRITE on TOPIC ${EVENT_TOPIC}`);
  expect(await codes()).not.toContain('broken KAFKA_GRANT_MISSING');
});

test('--apply creates a missing topic with the settings of register', { timeout: 120_000 }, async () => {
  await withAdmin((admin) => admin.deleteTopics({ topics: [DEAD_LETTER_TOPIC] }));
  await waitFor('the topic is gone', () => withAdmin(async (admin) => !(await admin.listTopics()).includes(DEAD_LETTER_TOPIC)), 30_000);
  const { stdout } = await bootstrap('--apply', '--for', 'kafka');
  expect(stdout).toContain(`kafka: created ${DEAD_LETTER_TOPIC}`);
  const wanted = topicPlans(administratorSettings.parse({})).find(({ topic }) => topic === DEAD_LETTER_TOPIC)?.config;
  const found = await withAdmin((admin) => topicConfigs(admin, DEAD_LETTER_TOPIC));
  expect(Object.fromEntries(found)).toMatchObject({ ...wanted });
});

test('a login without an administrator’s rights is refused with a code, and nothing is created', async () => {
  const own = { ...administrator, DATABASE_URL: databaseUrl(config, 'operator'), OUTBOX_DATABASE: uniqueName('refused') };
  const { code, stderr } = await outboxWith(own, 'bootstrap', '--apply', '--for', 'postgres');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^POSTGRES_REFUSED: .*permission denied/) as string]);
  expect(await query('SELECT FROM pg_database WHERE datname = $1', [own.OUTBOX_DATABASE])).toEqual([]);
});
