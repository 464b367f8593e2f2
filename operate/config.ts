import { z } from 'zod';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { integer, list, postgresUrl } from '../kit/settings.ts';

/** The settings of the operator's commands. Only the first has no default, so a command needs no more than it uses. */
export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_operator'),
  CONNECT_URL: z.url().default('http://localhost:8083').describe("Kafka Connect's REST interface"),
  ...kafkaSettings,
  ACK_GROUPS: list().describe('The groups that cleanup waits for, as in its own settings'),
  REGISTRY_URL: z.url().default('http://localhost:8081/apis/ccompat/v7').describe('Schema registry, Confluent API'),
  CLEANUP_GROUP: z.string().min(1).default('outbox-cleanup').describe("cleanup's consumer group"),
  CDC_DATABASE_USER: z.string().default('cdc').describe("The connector's Postgres login"),
  ROW_AGE_SECONDS: integer(1, 86_400).default(300).describe('How old the oldest row of the outbox may be before doctor names it'),
});

export type Config = Readonly<z.output<typeof settings>>;
