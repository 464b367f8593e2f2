import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { kafkaGrants, kafkaServices } from '../contract/kafka-grants.ts';
import { topicPlans } from '../contract/topics.ts';
import { operationName } from '../kit/kafka-acls.ts';
import { ourLogins, passwordSettings } from '../prisma/our-logins.ts';
import { isVerifierOf } from '../prisma/scram.ts';
import { bootstrapScript } from './bootstrap-script.ts';
import { administratorSettings } from './config.ts';

const none = administratorSettings.parse({});
const script = bootstrapScript(none, ['postgres', 'kafka']);
const linesOf = (text: string, start: string) => text.split('\n').filter((line) => line.startsWith(start));

/** `register: WRITE on TOPIC name`, from a line of kafka-acls.sh. */
function grantsIn(text: string): string[] {
  return linesOf(text, 'kafka-acls.sh ').flatMap((line) => {
    const [, service = '', resource = '', name = 'kafka-cluster', prefixed] =
      / --allow-principal User:(\w+) --([a-z-]+)(?: '([^']+)')?( --resource-pattern-type prefixed)?/.exec(line) ?? [];
    const about = `on ${resource} ${name}${prefixed === undefined ? '' : '…'}`;
    return [...line.matchAll(/ --operation (\w+)/g)].map(([, operation = '']) => `${service}: ${operation} ${about}`);
  });
}
const expected = (grants = kafkaGrants()) =>
  grants.map(
    ({ service, operation, resource, name, prefixed }) =>
      `${service}: ${operationName(operation)} on ${resource.toLowerCase().replace('_', '-')} ${name}${prefixed ? '…' : ''}`,
  );

test('bash runs every line of the script: the SQL reaches psql, and each line its tool', () => {
  const tools = ['psql', 'kafka-topics.sh', 'kafka-acls.sh', 'kafka-configs.sh'].map((name) =>
    name === 'psql' ? 'psql() { cat; }' : `${name}() { echo "${name}" "\${@:5}"; }`,
  );
  const variables = [
    'DATABASE_URL',
    'KAFKA_BROKERS',
    'KAFKA_ADMIN_CONFIG',
    ...kafkaServices.map((one) => `KAFKA_${one.toUpperCase()}_PASSWORD`),
  ];
  const env = { PATH: '/usr/bin:/bin', ...Object.fromEntries(variables.map((name) => [name, 'given'])) };
  const said = execFileSync('bash', { input: [...tools, script].join('\n'), env, encoding: 'utf8' }).split('\n');
  const count = (start: string) => said.filter((line) => line.startsWith(start)).length;
  expect(count('GRANT ')).toBe(linesOf(script, 'GRANT ').length);
  expect(count('GRANT ')).toBeGreaterThan(5);
  for (const tool of ['kafka-topics.sh ', 'kafka-acls.sh ']) expect([tool, count(tool)]).toEqual([tool, linesOf(script, tool).length]);
  expect(count('kafka-configs.sh ')).toBe(kafkaServices.length);
  expect(() => execFileSync('bash', { input: script, env: { PATH: env.PATH }, stdio: 'pipe' })).toThrow('DATABASE_URL');
});

describe('for Kafka', () => {
  test('each grant of the list stands there once, and no other', () => {
    expect(grantsIn(script).toSorted()).toEqual(expected().toSorted());
  });

  test('where names differ, the grants for them stand there as well, each once', () => {
    const config = administratorSettings.parse({ TOPIC: 'mirrored', CLEANUP_GROUP: 'sweeper' });
    const lines = grantsIn(bootstrapScript(config, ['kafka']));
    const both = [...expected(), ...expected(kafkaGrants({ topic: 'mirrored', cleanupGroup: 'sweeper' }))];
    expect(lines.toSorted()).toEqual([...new Set(both)].toSorted());
    expect(lines).toContain('cleanup: Read on group sweeper');
  });

  test('each topic is made once, as register would make it, and only where it is missing', () => {
    const config = administratorSettings.parse({ TOPIC_PARTITIONS: '12', TOPIC_REPLICATION_FACTOR: '3' });
    const lines = linesOf(bootstrapScript(config, ['kafka']), 'kafka-topics.sh ');
    const plans = topicPlans(config);
    expect(lines).toHaveLength(plans.length);
    for (const [at, { topic, partitions, config: wanted }] of plans.entries()) {
      expect(lines[at]).toContain(` --create --if-not-exists --topic ${topic} --partitions ${partitions} --replication-factor 3 `);
      for (const [name, value] of Object.entries(wanted)) expect(lines[at]).toContain(` --config ${name}=${value}`);
    }
  });

  test('a password reaches Kafka’s tool in a file, as its properties have it, whatever its characters', () => {
    const [define = ''] = /^login\(\) \{\n[^]+?\n\}$/m.exec(script) ?? [];
    const tool = `kafka-configs.sh() { while [ "$1" != --add-config-file ]; do shift; done; cat "$2"; }`;
    const run = `${define}\n${tool}\nKAFKA_BROKERS= KAFKA_ADMIN_CONFIG= login ui "$PASSWORD"`;
    const said = execFileSync('bash', ['-euc', run], {
      env: { PATH: '/usr/bin:/bin', PASSWORD: String.raw`a\b=c d$x'%s` },
      encoding: 'utf8',
    });
    expect(said).toBe(`${String.raw`SCRAM-SHA-512=password=a\\b=c d$x'%s`}\n`);
  });

  test('each login is made once, with the password that its variable has', () => {
    const made = [...script.matchAll(/ \|\| login (\w+) "\$(\w+)"$/gm)].map(([, login, variable]) => [login, variable]);
    expect(made).toEqual(kafkaServices.map((service) => [service, `KAFKA_${service.toUpperCase()}_PASSWORD`]));
  });
});

describe('for Postgres', () => {
  test('every statement can be repeated: what makes or changes something runs only where it is missing', () => {
    const [, sql = ''] = script.split("<<'SQL'\n");
    const statements = sql.split('\nSQL\n')[0]?.split('\n') ?? [];
    expect(statements.length).toBeGreaterThan(20);
    const repeatable =
      /^(SELECT '(CREATE|ALTER) .+' WHERE NOT EXISTS \(SELECT .+\) \\gexec|(GRANT|REVOKE) .+;|DO \$\$ .+ 'REVOKE .+ 'GRANT .+ \$\$;|\\connect "outbox")$/;
    expect(statements.filter((line) => !repeatable.test(line))).toEqual([]);
  });

  test('every login is made a member of its role', () => {
    for (const { name, memberOf } of ourLogins.filter((login) => login.memberOf !== undefined))
      expect(script).toContain(`\nGRANT "${memberOf}" TO "${name}";\n`);
  });

  test('no password is printed, only what Postgres keeps of it; logins without one are named', () => {
    const given = Object.values(passwordSettings).map((name) => [name, `correct horse ${name}`]);
    const text = bootstrapScript(administratorSettings.parse(Object.fromEntries(given)), ['postgres']);
    expect(text).not.toContain('correct horse');
    expect(text).not.toContain('\\password');
    const kept = new Map([...text.matchAll(/^ALTER ROLE "(\w+)" PASSWORD '(.+)';$/gm)].map(([, name, verifier]) => [name, verifier]));
    for (const { name } of ourLogins)
      expect([name, isVerifierOf(kept.get(name) ?? '', `correct horse ${passwordSettings[name]}`)]).toEqual([name, true]);
    expect([...script.matchAll(/'\\password (\w+)'/g)].map(([, name]) => name)).toEqual(ourLogins.map(({ name }) => name));
  });

  test('names with quotes in them stay names', () => {
    const text = bootstrapScript(administratorSettings.parse({ OUTBOX_DATABASE: `o'"x` }), ['postgres']);
    expect(text).toContain(`datname = 'o''"x'`);
    expect(text).toContain(`CREATE DATABASE "o''""x" `);
    expect(text).toContain(`\\connect "o'""x"`);
  });
});

test('one system alone is printed without the other', () => {
  expect(bootstrapScript(none, ['postgres'])).not.toContain('kafka-');
  expect(bootstrapScript(none, ['kafka'])).not.toContain('psql');
});
