import { z } from 'zod';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { metricsSettings } from '../kit/metrics.ts';
import { integer, list, postgresUrl } from '../kit/settings.ts';

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_cleanup'),
  ...kafkaSettings,
  ACK_GROUPS: list().describe(
    'Consumer groups that must have committed past an event before its row is deleted; none: a row is deleted once its record is on the topic for GRACE_SECONDS',
  ),
  CLEANUP_GROUP: z.string().min(1).default('outbox-cleanup').describe('Consumer group of cleanup itself'),
  GRACE_SECONDS: integer(0, 86_400).default(5).describe('Without ACK_GROUPS: how long a record must have been on the topic'),
  CAP_REFRESH_MS: integer(10, 60_000).default(1000).describe("How often the groups' positions are read"),
  RESEND_AFTER_SECONDS: integer(1, 86_400)
    .default(60)
    .describe('How old a row must be before the reconciler checks whether its event was lost'),
  STALL_SECONDS: integer(5, 86_400)
    .default(60)
    .describe('The process ends, to be restarted, after this time without progress while acknowledged records are ahead'),
  RUN_KEEP_DAYS: integer(1, 36_500)
    .optional()
    .describe('How long a run stays in zap_run. Replay and idempotency keys work for that long; none: forever'),
  DRY_RUN: z.stringbool().default(false).describe('true: logs what it would delete, deletes nothing and commits nothing'),
  ...metricsSettings(9402),
});

export type Config = Readonly<z.output<typeof settings>>;
