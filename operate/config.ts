import { z } from 'zod';
import { integer, list, postgresUrl } from '../settings.ts';

// The settings of the operator's commands. A command reads the ones it uses, and none of the others.

const postgres = {
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_operator with REPLICATION'),
};
const connect = {
  CONNECT_URL: z.url().default('http://localhost:8083').describe("Kafka Connect's REST interface"),
};
const kafka = {
  KAFKA_BROKERS: list().default(['localhost:9092']).describe('Kafka brokers, host:port, separated by commas'),
};
const groups = {
  ACK_GROUPS: list().describe('The groups that cleanup waits for, as in its own settings'),
};
const cleanup = {
  CLEANUP_GROUP: z.string().min(1).default('outbox-cleanup').describe("cleanup's consumer group"),
};
const registry = {
  REGISTRY_URL: z.url().default('http://localhost:8081/apis/ccompat/v7').describe('Schema registry, Confluent API'),
};

export const postgresSettings = z.object(postgres);
export const connectorSettings = z.object({ ...postgres, ...connect });
export const statusSettings = z.object({ ...postgres, ...connect, ...kafka, ...groups });
export const topicSettings = z.object({ ...postgres, ...kafka, ...groups });
export const acceptSettings = z.object({ ...postgres, ...kafka, ...groups, ...cleanup });
export const doctorSettings = z.object({
  ...statusSettings.shape,
  ...registry,
  ...cleanup,
  CDC_DATABASE_USER: z.string().default('cdc').describe("The connector's Postgres login"),
  ROW_AGE_SECONDS: integer(1, 86_400).default(300).describe('How old the oldest row of the outbox may be before doctor names it'),
});
/** All of them, for the README. */
export const settings = doctorSettings;
