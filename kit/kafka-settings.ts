import { z } from 'zod';
import { list, readableFile, secret, type Fault, type Given } from './settings.ts';

// The connection to Kafka. Every process has the same settings.

const PASSWORD = ['KAFKA_USERNAME', 'KAFKA_PASSWORD'] as const;
const OAUTH = ['KAFKA_OAUTH_TOKEN_URL', 'KAFKA_OAUTH_CLIENT_ID', 'KAFKA_OAUTH_CLIENT_SECRET'] as const;

/** Settings that contradict each other. A fault names the setting to change. */
function contradictions(given: Given): Fault[] {
  const mechanism = given.KAFKA_SASL_MECHANISM;
  const isSet = (name: string) => given[name] !== undefined;
  const faults: Fault[] = [];
  const need = (names: readonly string[]) => {
    for (const name of names) if (!isSet(name)) faults.push({ name, message: `KAFKA_SASL_MECHANISM=${mechanism} needs it` });
  };
  const refuse = (names: readonly string[], wanted: string) => {
    for (const name of names.filter(isSet)) faults.push({ name, message: `it is used only with KAFKA_SASL_MECHANISM=${wanted}` });
  };
  if (mechanism === 'OAUTHBEARER') need(OAUTH);
  else refuse([...OAUTH, 'KAFKA_OAUTH_SCOPE'], 'OAUTHBEARER');
  if (mechanism === undefined || mechanism === 'OAUTHBEARER') refuse(PASSWORD, 'PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512');
  else need(PASSWORD);
  if (isSet('KAFKA_CERT_FILE') !== isSet('KAFKA_KEY_FILE')) {
    const [missing, present] = isSet('KAFKA_CERT_FILE') ? ['KAFKA_KEY_FILE', 'KAFKA_CERT_FILE'] : ['KAFKA_CERT_FILE', 'KAFKA_KEY_FILE'];
    faults.push({ name: missing, message: `${present} needs it` });
  }
  if (given.KAFKA_TLS === 'false' && (isSet('KAFKA_CA_FILE') || isSet('KAFKA_CERT_FILE')))
    faults.push({ name: 'KAFKA_TLS', message: 'KAFKA_CA_FILE and KAFKA_CERT_FILE imply TLS' });
  return faults;
}

/** To be spread into a service's schema. */
export const kafkaSettings = {
  KAFKA_BROKERS: list().default(['localhost:9092']).describe('Kafka brokers, host:port, separated by commas'),
  KAFKA_TLS: z.stringbool().optional().describe('true: TLS to the brokers. A CA or a certificate implies it'),
  KAFKA_CA_FILE: readableFile().optional().describe("PEM file of the CA of the brokers' certificates; without it: Node's list"),
  KAFKA_CERT_FILE: readableFile().optional().describe('PEM file of the client certificate, with KAFKA_KEY_FILE'),
  KAFKA_KEY_FILE: readableFile().optional().describe("PEM file of the client certificate's key"),
  KAFKA_SASL_MECHANISM: z
    .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'])
    .optional()
    .meta({ rule: contradictions })
    .describe('How the process logs in to Kafka; without it: no login'),
  KAFKA_USERNAME: z.string().min(1).optional().describe('Login for PLAIN and SCRAM'),
  KAFKA_PASSWORD: secret().optional().describe('Password for PLAIN and SCRAM. PLAIN without TLS sends it in clear text'),
  KAFKA_OAUTH_TOKEN_URL: z.url().optional().describe('Token endpoint for OAUTHBEARER, by client credentials'),
  KAFKA_OAUTH_CLIENT_ID: z.string().min(1).optional().describe('Client id at the token endpoint'),
  KAFKA_OAUTH_CLIENT_SECRET: secret().optional().describe("The client's secret"),
  KAFKA_OAUTH_SCOPE: z.string().min(1).optional().describe('Scope to request'),
};

/** The settings by which a process reaches Kafka. */
export type KafkaSettings = Readonly<z.output<z.ZodObject<typeof kafkaSettings>>>;

/** Whether the settings ask for TLS. A CA or a certificate implies it. */
export const usesTls = ({ KAFKA_TLS, KAFKA_CA_FILE, KAFKA_CERT_FILE }: KafkaSettings): boolean =>
  KAFKA_TLS === true || KAFKA_CA_FILE !== undefined || KAFKA_CERT_FILE !== undefined;
