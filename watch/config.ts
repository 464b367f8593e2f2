import { z } from 'zod';
import { connectSettings } from '../kit/http-login.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { metricsSettings } from '../kit/metrics.ts';
import { integer, postgresUrl } from '../kit/settings.ts';

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_operator'),
  ...connectSettings,
  ...kafkaSettings,
  WATCH_EVERY_MS: integer(100, 600_000).default(5000).describe('How often the watchdog checks everything'),
  PUT_BACK: z
    .stringbool()
    .default(true)
    .describe("Whether the watchdog restores the file's settings on a connector that was changed by hand; false: only an alarm"),
  ...metricsSettings(9403),
});
