import { z } from 'zod';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { metricsSettings } from '../kit/metrics.ts';
import { integer, list, postgresUrl } from '../kit/settings.ts';

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_cleanup'),
  ...kafkaSettings,
  ACK_GROUPS: list().describe(
    'Consumer groups that must have committed past an event before its row goes; none: the record alone counts, after GRACE_SECONDS',
  ),
  CLEANUP_GROUP: z.string().min(1).default('outbox-cleanup').describe("cleanup's own consumer group"),
  GRACE_SECONDS: integer(0, 86_400).default(5).describe('With no ACK_GROUPS: how long a record must have been on the topic'),
  CAP_REFRESH_MS: integer(10, 60_000).default(1000).describe("How often the groups' positions are read"),
  RESEND_AFTER_SECONDS: integer(1, 86_400)
    .default(60)
    .describe('How old a row must be before the reconciler asks whether its event was lost on the way'),
  STALL_SECONDS: integer(5, 86_400)
    .default(60)
    .describe('With acknowledged records ahead and no progress for so long the process ends, to be started anew'),
  RUN_KEEP_DAYS: integer(1, 36_500)
    .optional()
    .describe('How long a run stays in zap_run; it can be replayed and its idempotency key is known no longer than that; none: for ever'),
  DRY_RUN: z.stringbool().default(false).describe('true: judges and logs, deletes nothing and commits nothing'),
  ...metricsSettings(9402),
});

export type Config = Readonly<z.output<typeof settings>>;
