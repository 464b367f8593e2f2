import { readFileSync } from 'node:fs';
import kafkajs, { type Admin, type Kafka, type KafkaConfig, type LogEntry } from 'kafkajs';
import type { Logger } from 'pino';
import { kafkaFault } from './kafka-fault.ts';
import { oauthTokens } from './kafka-oauth.ts';
import { usesTls, type KafkaSettings } from './kafka-settings.ts';
import './quiet-kafkajs.ts';

// The only place that makes a Kafka client, so that every process finds the brokers and logs in the same way.

const { logLevel } = kafkajs;

export interface ClientOptions extends Pick<KafkaConfig, 'retry' | 'connectionTimeout'> {
  /** The caller's name in the broker's log. */
  clientId: string;
  /** Receives the warnings and errors of kafkajs; without it they are dropped. */
  log?: Logger;
}

/**
 * Makes a Kafka client from the settings. Certificates are read for every connection, so replaced files take effect.
 * User and password are read once, at the start. What its clients throw when they connect is a ConnectionFault.
 */
export function createKafka(settings: KafkaSettings, { log, ...options }: ClientOptions): Kafka {
  const ssl = tlsOptions(settings);
  const sasl = saslOptions(settings);
  const client = new kafkajs.Kafka({
    ...options,
    brokers: [...settings.KAFKA_BROKERS],
    ...(ssl && { ssl }),
    ...(sasl && { sasl }),
    ...(log === undefined
      ? { logLevel: logLevel.NOTHING }
      : { logLevel: logLevel.WARN, logCreator: () => (entry: LogEntry) => logged(log, entry) }),
  });
  const { admin, consumer, producer } = client;
  const named = <C extends { connect: () => Promise<void> }>(one: C): C => ({
    ...one,
    connect: () =>
      one.connect().catch((error: unknown) => {
        throw kafkaFault(settings, error);
      }),
  });
  client.admin = (config) => {
    const one = topicsInTurn(admin.call(client, config));
    // A broker tells its version to a client without a login, and kafkajs does not read the answer to a token: both seem
    // connected until the first request.
    const connect = () => one.connect().then(() => one.describeCluster());
    return named({
      ...one,
      connect: sasl === undefined || sasl.mechanism === 'oauthbearer' ? () => connect().then(() => undefined) : one.connect,
    });
  };
  client.consumer = (config) => named(consumer.call(client, config));
  client.producer = (config) => named(producer.call(client, config));
  return client;
}

/**
 * kafkajs 2.2.4 caches the cluster's metadata per admin. A call about one topic may replace the metadata while another
 * call still needs that of its own topic, which then fails with "Cannot destructure property 'partitions'". So the
 * calls about topics take turns.
 */
function topicsInTurn(admin: Admin): Admin {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <A extends unknown[], R>(ask: (...given: A) => Promise<R>) => {
    return (...given: A): Promise<R> => {
      const mine = last.then(() => ask(...given));
      last = mine.catch(() => undefined);
      return mine;
    };
  };
  return {
    ...admin,
    fetchTopicMetadata: inTurn(admin.fetchTopicMetadata),
    fetchOffsets: inTurn(admin.fetchOffsets),
    fetchTopicOffsets: inTurn(admin.fetchTopicOffsets),
    fetchTopicOffsetsByTimestamp: inTurn(admin.fetchTopicOffsetsByTimestamp),
  };
}

function tlsOptions(settings: KafkaSettings): KafkaConfig['ssl'] {
  const { KAFKA_CA_FILE: ca, KAFKA_CERT_FILE: cert, KAFKA_KEY_FILE: key } = settings;
  if (!usesTls(settings)) return undefined;
  const options = {};
  // kafkajs copies these at each connection, and the getters then read the files.
  for (const [name, path] of Object.entries({ ca, cert, key }))
    if (path !== undefined) Object.defineProperty(options, name, { enumerable: true, get: () => readFileSync(path, 'utf8') });
  return options;
}

function saslOptions(settings: KafkaSettings): KafkaConfig['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_USERNAME: username = '', KAFKA_PASSWORD: password = '' } = settings;
  switch (mechanism) {
    case undefined:
      return undefined;
    case 'PLAIN':
      return { mechanism: 'plain', username, password };
    case 'SCRAM-SHA-256':
      return { mechanism: 'scram-sha-256', username, password };
    case 'SCRAM-SHA-512':
      return { mechanism: 'scram-sha-512', username, password };
    case 'OAUTHBEARER': {
      const tokens = oauthTokens({
        url: settings.KAFKA_OAUTH_TOKEN_URL ?? '',
        clientId: settings.KAFKA_OAUTH_CLIENT_ID ?? '',
        clientSecret: settings.KAFKA_OAUTH_CLIENT_SECRET ?? '',
        scope: settings.KAFKA_OAUTH_SCOPE,
      });
      return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await tokens() }) };
    }
  }
}

function logged(log: Logger, { level, namespace, log: { message, ...about } }: LogEntry): void {
  log[level === logLevel.ERROR ? 'error' : 'warn']({ ...about, kafkajs: namespace }, message);
}
