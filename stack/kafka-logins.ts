import { z } from 'zod';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import type { KafkaSettings } from '../kit/kafka-settings.ts';
import { readSettings } from '../kit/settings.ts';
import { certificates } from './certificates.ts';
import { brokerAddress, kafkaPrincipals, kafkaSecret, type KafkaPrincipal, type StackConfig } from './config.ts';
import { javaTls } from './secured.ts';

// How a part of the stack reaches its Kafka: by a login of its own, with the grants of contract/kafka-grants.ts.

/** The one kind of login that a client of the stack's Kafka can have: no password goes over the wire. */
const MECHANISM = 'SCRAM-SHA-512';

/** The settings of a part, as its environment has them. */
export const kafkaEnv = (config: StackConfig, as: KafkaPrincipal) => ({
  KAFKA_BROKERS: brokerAddress(config),
  KAFKA_SASL_MECHANISM: MECHANISM,
  KAFKA_USERNAME: as,
  KAFKA_PASSWORD: kafkaSecret(config, as),
  ...(config.STACK_TLS && kafkaTlsEnv(config)),
});

function kafkaTlsEnv({ dir }: StackConfig) {
  const { ca, client } = certificates(dir);
  return { KAFKA_CA_FILE: ca, KAFKA_CERT_FILE: client.cert, KAFKA_KEY_FILE: client.key };
}

/** The same for a client in this process. */
export const kafkaFor = (config: StackConfig, as: KafkaPrincipal): KafkaSettings =>
  readSettings(z.object(kafkaSettings), kafkaEnv(config, as));

/** The same for a Java client or tool (`--command-config`), as the lines of a file. It holds a password. */
export const kafkaProperties = (config: StackConfig, as: KafkaPrincipal): string[] => [
  `bootstrap.servers=${brokerAddress(config)}`,
  `security.protocol=${kafkaProtocol(config)}`,
  `sasl.mechanism=${MECHANISM}`,
  `sasl.jaas.config=${scramLogin(config, as)}`,
  ...(config.STACK_TLS ? javaTls(config, 'client') : []),
];

/** How Kafka's clients and brokers name the kind of connection. */
export const kafkaProtocol = ({ STACK_TLS }: StackConfig) => (STACK_TLS ? 'SASL_SSL' : 'SASL_PLAINTEXT');

/** A login in the form of Java's JAAS. */
const scramLogin = (config: StackConfig, as: KafkaPrincipal): string =>
  `org.apache.kafka.common.security.scram.ScramLoginModule required username="${as}" password="${kafkaSecret(config, as)}";`;

/**
 * The broker's own settings: its login as a client of itself, and the controller's listener, which only the broker uses. The
 * controller has no SCRAM users, as it stores them itself.
 *
 * @param listener through which the broker reaches itself
 */
export function brokerLogins(config: StackConfig, listener: string): string[] {
  const own = `username="admin" password="${kafkaSecret(config, 'admin')}"`;
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required ${own} user_admin="${kafkaSecret(config, 'admin')}";`;
  return [
    `inter.broker.listener.name=${listener}`,
    `listener.name.${listener.toLowerCase()}.scram-sha-512.sasl.jaas.config=${scramLogin(config, 'admin')}`,
    `listener.name.controller.plain.sasl.jaas.config=${plain}`,
  ];
}

/** The arguments by which `StorageTool format` makes the logins, one a line of a file: every user sees the arguments of a process. */
export const formatArguments = (config: StackConfig): string[] => {
  const mechanisms = config.STACK_TLS ? [MECHANISM, 'SCRAM-SHA-256'] : [MECHANISM];
  return mechanisms.flatMap((mechanism) =>
    kafkaPrincipals.flatMap((name) => ['--add-scram', `${mechanism}=[name=${name},password=${kafkaSecret(config, name)}]`]),
  );
};
