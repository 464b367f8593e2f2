import { z } from 'zod';
import { connectSettings, registrySettings } from '../kit/http-login.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { integer, list, postgresUrl } from '../kit/settings.ts';

/** The settings of the operator's commands. Only the first has no default, so most commands need no other. */
export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_operator'),
  ...connectSettings,
  ...kafkaSettings,
  ACK_GROUPS: list().describe('The groups that cleanup waits for, as in its own settings'),
  ...registrySettings,
  CLEANUP_GROUP: z.string().min(1).default('outbox-cleanup').describe("cleanup's consumer group"),
  CDC_DATABASE_USER: z.string().default('cdc').describe("The connector's Postgres login"),
  ROW_AGE_SECONDS: integer(1, 86_400).default(300).describe('How old the oldest row of the outbox may be before the doctor reports it'),
});

export type Config = Readonly<z.output<typeof settings>>;
