import { z } from 'zod';
import { registrySettings } from '../kit/http-login.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC } from '../contract/names.ts';
import { metricsSettings } from '../kit/metrics.ts';
import { integer } from '../kit/settings.ts';
import { tracingSettings } from '../kit/tracing.ts';

export const settings = z.object({
  ...kafkaSettings,
  ...registrySettings,
  GROUP_ID: z.string().min(1).default('consumers-example').describe('Consumer group; name it in ACK_GROUPS of cleanup'),
  TOPIC: z.string().min(1).default(EVENT_TOPIC).describe('Topic of the events'),
  DEAD_LETTER_TOPIC: z.string().min(1).default(DEAD_LETTER_TOPIC).describe('Topic for records that cannot be decoded or handled'),
  MAX_ATTEMPTS: integer(1, 1000).default(5).describe('How often a record is handled before it becomes a dead letter'),
  STALL_SECONDS: integer(10, 86_400)
    .default(60)
    .describe('The consumer ends, to be restarted, after this time with lag and without progress; longer than the slowest handling'),
  ...metricsSettings(9404),
  ...tracingSettings('consumers-example'),
});
