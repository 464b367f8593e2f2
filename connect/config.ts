import { z } from 'zod';
import { connectSettings, registrySettings } from '../kit/http-login.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { integer, postgresUrl } from '../kit/settings.ts';

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe("PostgreSQL URL of a member of outbox_operator, to store the schema's id"),
  ...kafkaSettings,
  ...connectSettings,
  ...registrySettings,
  CDC_DATABASE_USER: z.string().default('cdc').describe("The connector's Postgres login"),
  TOPIC_PARTITIONS: integer(1, 1000).default(6).describe('Partitions of a new event topic'),
  TOPIC_REPLICATION_FACTOR: integer(1, 9).default(1).describe('Copies of each record; 3 in production'),
  TOPIC_RETENTION_HOURS: integer(1, 87_600).default(168).describe('How long the event topic keeps a record'),
  DEAD_LETTER_RETENTION_HOURS: integer(1, 876_000).default(2160).describe('How long the dead-letter topic keeps a record'),
  REGISTER_TIMEOUT_SECONDS: integer(1, 3600).default(90).describe('Deadline for the connector to be RUNNING'),
});

export type ConnectConfig = Readonly<z.output<typeof settings>>;
