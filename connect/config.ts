import { z } from 'zod';
import { connectSettings, registrySettings } from '../kit/http-login.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { topicSettings } from '../kit/kafka-topics.ts';
import { integer, postgresUrl } from '../kit/settings.ts';

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe("PostgreSQL URL of a member of outbox_operator, to store the schema's id"),
  ...kafkaSettings,
  ...connectSettings,
  ...registrySettings,
  CDC_DATABASE_USER: z.string().default('cdc').describe("The connector's Postgres login"),
  ...topicSettings,
  REGISTER_TIMEOUT_SECONDS: integer(1, 3600).default(90).describe('Deadline for the connector to be RUNNING'),
});

export type ConnectConfig = Readonly<z.output<typeof settings>>;
