import { grantsToGive, kafkaServices, type Grant, type Resource } from '../contract/kafka-grants.ts';
import { topicPlans, type TopicPlan } from '../contract/topics.ts';
import { grantNames, operationName } from '../kit/kafka-acls.ts';
import { clusterSteps, insideSteps, type Step } from '../prisma/login-steps.ts';
import { ourDatabase, ourLogins, passwordSettings } from '../prisma/our-logins.ts';
import { scramVerifier } from '../prisma/scram.ts';
import type { AdministratorConfig } from './config.ts';

// What `bootstrap --apply` does, as a shell script for psql and Kafka's own tools. It can be run again. It has no passwords:
// for Postgres it has SCRAM verifiers, for Kafka the names of variables.

type Part = (config: AdministratorConfig) => string;

/** @param systems the systems that the script sets up */
export function bootstrapScript(config: AdministratorConfig, systems: readonly ('postgres' | 'kafka')[]): string {
  const parts: Record<(typeof systems)[number], Part> = { postgres: postgresPart, kafka: kafkaPart };
  return ['#!/usr/bin/env bash\nset -euo pipefail\n', ...systems.map((system) => parts[system](config))].join('\n');
}

function postgresPart(config: AdministratorConfig): string {
  const logins = ourLogins.map((login) => {
    const password = config[passwordSettings[login.name]];
    return { ...login, ...(password !== undefined && { verifier: scramVerifier(password) }) };
  });
  const database = ourDatabase(config.OUTBOX_DATABASE);
  const open = logins.filter(({ verifier }) => verifier === undefined).map(({ name }) => name);
  return `# Postgres 16 or newer, by an administrator. Its configuration needs wal_level=logical and a max_slot_wal_keep_size.
: "\${DATABASE_URL:?the PostgreSQL URL of an administrator}"
psql "$DATABASE_URL" --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
${clusterSteps(logins, [database]).map(psqlLine).join('\n')}
\\connect ${quoted(database.name, '"')}
${insideSteps(database).map(psqlLine).join('\n')}
SQL
${open.length === 0 ? '' : `# These logins get no password above. psql makes the verifier, so the server does not see the password:\n${open.map((name) => `#   psql "$DATABASE_URL" --command '\\password ${name}'\n`).join('')}`}`;
}

/** `\gexec` runs the text that a query returns: no text if there is nothing to do. */
const psqlLine = ({ sql, unless }: Step): string =>
  unless === undefined ? `${sql};` : `SELECT ${quoted(sql, "'")} WHERE NOT EXISTS (${unless}) \\gexec`;

const quoted = (text: string, mark: string): string => `${mark}${text.replaceAll(mark, mark + mark)}${mark}`;

function kafkaPart(config: AdministratorConfig): string {
  return `# Kafka, by an administrator, with the tools of its bin/ folder on the PATH.
: "\${KAFKA_BROKERS:?brokers, host:port}" "\${KAFKA_ADMIN_CONFIG:?a properties file with the login of an administrator}"
to=(--bootstrap-server "$KAFKA_BROKERS" --command-config "$KAFKA_ADMIN_CONFIG")

# Topics. An existing topic stays as it is; doctor reports unsuitable settings. Connect creates its own three topics.
${topicPlans(config).map(topicLine).join('\n')}

# Grants: what each login may do, and nothing more.
${aclLines(grantsToGive(grantNames(config))).join('\n')}

# SCRAM logins, each if its variable is set. The tool makes the verifier, so the brokers do not see the password. Logins of
# other kinds need the same names: User:register, User:connect, …
login() {
  kafka-configs.sh --bootstrap-server "$KAFKA_BROKERS" --command-config "$KAFKA_ADMIN_CONFIG" --alter \\
    --entity-type users --entity-name "$1" --add-config-file <(printf 'SCRAM-SHA-512=password=%s\\n' "\${2//\\\\/\\\\\\\\}")
}
${kafkaServices.map((service) => loginLine(service, `KAFKA_${service.toUpperCase()}_PASSWORD`)).join('\n')}
`;
}

const loginLine = (service: string, variable: string) => `[ -z "\${${variable}:-}" ] || login ${service} "$${variable}"`;

const topicLine = ({ topic, partitions, replicationFactor, config }: TopicPlan): string =>
  [
    `kafka-topics.sh "\${to[@]}" --create --if-not-exists --topic ${topic}`,
    `--partitions ${partitions} --replication-factor ${replicationFactor}`,
    ...Object.entries(config).map(([name, value]) => `--config ${name}=${value}`),
  ].join(' ');

const flags: Record<Resource, string> = {
  TOPIC: '--topic',
  GROUP: '--group',
  TRANSACTIONAL_ID: '--transactional-id',
  CLUSTER: '--cluster',
};

/** One line for what a login may do with one resource. */
function aclLines(grants: readonly Grant[]): string[] {
  const operations = new Map<string, string[]>();
  for (const grant of grants) {
    const about = aboutLine(grant);
    operations.set(about, [...(operations.get(about) ?? []), ` --operation ${operationName(grant.operation)}`]);
  }
  return [...operations].map(([about, its]) => about + its.join(''));
}

function aboutLine({ service, resource, name, prefixed }: Grant): string {
  const what = resource === 'CLUSTER' ? flags[resource] : `${flags[resource]} '${name}'`;
  return `kafka-acls.sh "\${to[@]}" --add --allow-principal User:${service} ${what}${prefixed ? ' --resource-pattern-type prefixed' : ''}`;
}
