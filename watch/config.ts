import { z } from 'zod';
import { connectSettings } from '../kit/http-login.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { metricsSettings } from '../kit/metrics.ts';
import { integer, postgresUrl } from '../kit/settings.ts';

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_operator'),
  ...connectSettings,
  ...kafkaSettings,
  WATCH_EVERY_MS: integer(100, 600_000).default(5000).describe('How often everything is looked at'),
  PUT_BACK: z
    .stringbool()
    .default(true)
    .describe("Whether a connector that was changed by hand gets the file's settings back; false: only an alarm"),
  ...metricsSettings(9403),
});
