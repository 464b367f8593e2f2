import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EVENT_TOPIC } from '../contract/names.ts';
import { certificates } from './certificates.ts';
import type { StackConfig } from './config.ts';
import { registryEnv } from './http-logins.ts';
import { kafkaEnv, kafkaProtocol } from './kafka-logins.ts';
import { requireFreePorts } from './ports.ts';
import { writePrivate } from './private-file.ts';
import { ensurePython } from './python.ts';
import type { Say } from './stack.ts';

// The Kafka UI of the embedded stack: kaskade, from PyPI, which runs in a terminal and is served to the browser.

/** Where kaskade's programs lie; installs them at the first call. */
export const kaskadePrograms = () => ensurePython('kaskade', new URL('kaskade.lock', import.meta.url));

/** What kaskade is asked to show, by the page's name. The logins are in a file: arguments are seen by everybody. */
export function kaskadeArguments(config: StackConfig): { topics: string[]; records: string[] } {
  const file = join(config.dir, 'kaskade.ini');
  const { KAFKA_BROKERS, KAFKA_SASL_MECHANISM, KAFKA_USERNAME, KAFKA_PASSWORD } = kafkaEnv(config, 'ui');
  const { REGISTRY_URL, REGISTRY_USERNAME, REGISTRY_PASSWORD } = registryEnv(config, 'reader');
  const { ca, client } = certificates(config.dir);
  const kafkaTls = [`ssl.ca.location=${ca}`, `ssl.certificate.location=${client.cert}`, `ssl.key.location=${client.key}`];
  writePrivate(file, [
    '[kafka]',
    `bootstrap.servers=${KAFKA_BROKERS}`,
    `security.protocol=${kafkaProtocol(config)}`,
    `sasl.mechanism=${KAFKA_SASL_MECHANISM}`,
    `sasl.username=${KAFKA_USERNAME}`,
    `sasl.password=${KAFKA_PASSWORD}`,
    ...(config.STACK_TLS ? kafkaTls : []),
    '[registry]',
    `url=${REGISTRY_URL}`,
    `basic.auth.user.info=${REGISTRY_USERNAME}:${REGISTRY_PASSWORD}`,
    ...(config.STACK_TLS ? [`ssl.ca.location=${ca}`] : []),
  ]);
  return {
    topics: ['admin', '--config-file', file],
    records: ['consumer', '--config-file', file, '--topic', EVENT_TOPIC, '--key', 'string', '--value', 'registry'],
  };
}

/** Starts the server of kaskade's pages on UI_PORT. Only who has the token gets in. */
export function startKaskade(config: StackConfig, programs: string, token: string): ChildProcess {
  const { topics, records } = kaskadeArguments(config);
  const command = (args: string[]) => [join(programs, 'kaskade'), ...args].map((word) => `'${word}'`).join(' ');
  const pages = [`topics=${command(topics)}`, `records=${command([...records, '--earliest'])}`];
  const args = [fileURLToPath(new URL('serve-kaskade.py', import.meta.url)), String(config.UI_PORT), ...pages];
  return spawn(join(programs, 'python'), args, { stdio: 'inherit', env: { ...process.env, KASKADE_TOKEN: token } });
}

/** Serves kaskade until it is interrupted. */
export async function openKaskade(config: StackConfig, say: Say): Promise<void> {
  await requireFreePorts(config, ['UI_PORT']);
  say('preparing kaskade…');
  const token = randomBytes(24).toString('hex');
  const child = startKaskade(config, kaskadePrograms(), token);
  say(`Kafka UI: http://localhost:${config.UI_PORT}/?token=${token}`);
  say('Topics, groups and their lag; records, decoded. Ctrl-C ends it.');
  // Ctrl-C reaches the whole group: the child ends by it, and this process after the child.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
  await new Promise((resolve) => child.once('exit', resolve));
}
