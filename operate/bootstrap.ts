import { Command, Option } from '@commander-js/extra-typings';
import { topicPlans } from '../contract/topics.ts';
import { changeAcls, compareAcls, describeAcl, grantNames } from '../kit/kafka-acls.ts';
import { ensureTopics } from '../kit/kafka-topics.ts';
import { ensureLogins } from '../prisma/logins.ts';
import { ourDatabase, ourLogins, passwordSettings } from '../prisma/our-logins.ts';
import { bootstrapScript } from './bootstrap-script.ts';
import type { AdministratorConfig } from './config.ts';
import { withAdmin } from './kafka.ts';
import { postgresFault } from './postgres.ts';
import { UsageError, type Run } from './verb.ts';

const systems = ['postgres', 'kafka'] as const;

export const bootstrap = (run: Run<AdministratorConfig>) =>
  new Command('bootstrap')
    .description("sets up your own Postgres and Kafka with an administrator's logins: logins, database, topics and grants")
    .option('--print', 'print a shell script that does it')
    .option('--apply', 'do it; what exists stays as it is')
    .addOption(new Option('--for <system>', 'only this system').choices(systems))
    .action(({ print = false, apply = false, for: system }) =>
      run(async (config, { say }) => {
        if (print === apply) throw new UsageError('bootstrap takes --print or --apply');
        const chosen = systems.filter((one) => system === undefined || one === system);
        if (print) {
          say(bootstrapScript(config, chosen).trimEnd());
          return 0;
        }
        const lines = { postgres: () => applyToPostgres(config), kafka: () => applyToKafka(config) };
        for (const one of chosen) for (const line of await lines[one]()) say(line);
        return 0;
      }),
    );

async function applyToPostgres(config: AdministratorConfig): Promise<string[]> {
  if (config.DATABASE_URL === undefined) throw new UsageError("bootstrap --apply needs DATABASE_URL, an administrator's, or --for kafka");
  const logins = ourLogins.map((login) => ({ ...login, password: config[passwordSettings[login.name]] }));
  const made = await ensureLogins(config.DATABASE_URL, logins, [ourDatabase(config.OUTBOX_DATABASE)]).catch((error: unknown) => {
    throw postgresFault(error);
  });
  const open = logins.filter(({ name, password }) => password === undefined && made.includes(`login ${name}`)).map(({ name }) => name);
  const first = made.length === 0 ? 'postgres: nothing was missing' : `postgres: created ${made.join(', ')}`;
  return open.length === 0 ? [first] : [first, `postgres: no password yet: ${open.join(', ')}. Set each with psql's \\password`];
}

async function applyToKafka(config: AdministratorConfig): Promise<string[]> {
  const { topics, found } = await withAdmin(config, async (admin) => {
    const made = await ensureTopics(admin, topicPlans(config));
    const acls = await compareAcls(admin, grantNames(config));
    if (acls !== undefined) await changeAcls(admin, acls.missing, []);
    return { topics: made, found: acls };
  });
  const lines = [topics.length === 0 ? 'kafka: no topic was missing' : `kafka: created ${topics.join(', ')}`];
  if (found === undefined) return [...lines, 'kafka: the brokers have no access list (authorizer.class.name), so no grants were added'];
  lines.push(found.missing.length === 0 ? 'kafka: no grant was missing' : `kafka: added ${found.missing.length} grants`);
  // Not removed: another system may have a login of the same name.
  if (found.beyond.length > 0) lines.push(`kafka: grants that are not needed, not removed: ${found.beyond.map(describeAcl).join('; ')}`);
  return [...lines, 'kafka: create its logins with its own tools; bootstrap --print has the commands for SCRAM'];
}
