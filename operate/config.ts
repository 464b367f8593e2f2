import { z } from 'zod';
import { connectSettings, registrySettings } from '../kit/http-login.ts';
import { grantSettings } from '../kit/kafka-acls.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { topicSettings } from '../kit/kafka-topics.ts';
import { integer, list, postgresUrl, secret } from '../kit/settings.ts';
import { passwordsOf } from '../prisma/our-logins.ts';

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

/** The settings of `bootstrap`, the only verb that needs an administrator's rights. */
export const administratorSettings = z.object({
  DATABASE_URL: postgresUrl().optional().describe("An administrator's PostgreSQL URL, on any database of the cluster; needed by --apply"),
  OUTBOX_DATABASE: z.string().min(1).default('outbox').describe('Name of the database for the outbox'),
  ...passwordsOf((login) => secret().optional().describe(`New password of the login ${login}; none: it stays as it is`)),
  ...kafkaSettings,
  ...topicSettings,
  ...grantSettings,
});

export type AdministratorConfig = Readonly<z.output<typeof administratorSettings>>;
