import { z } from 'zod';
import { registrySettings } from '../../kit/http-login.ts';
import { kafkaSettings } from '../../kit/kafka-settings.ts';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC } from '../../contract/names.ts';
import { metricsSettings } from '../../kit/metrics.ts';
import { integer, list, port, postgresUrl } from '../../kit/settings.ts';
import { parseAllowed } from './address-guard.ts';
import { parseDuration } from '../../kit/duration.ts';
import { tracingSettings } from '../../kit/tracing.ts';

/** A text that a function parses; what the function throws is the fault. */
function parsed<In, Out>(parse: (value: In) => Out) {
  return (value: In, context: z.RefinementCtx): Out => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  };
}

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_actions'),
  ...kafkaSettings,
  ...registrySettings,
  TOPIC: z.string().min(1).default(EVENT_TOPIC).describe('The topic of the events'),
  GROUP_ID: z.string().min(1).default('actions').describe('Consumer group; name it in ACK_GROUPS of cleanup'),
  DEAD_LETTER_TOPIC: z.string().min(1).default(DEAD_LETTER_TOPIC).describe('Topic for records that can never become a call'),
  ACTIONS_FILE: z
    .string()
    .min(1)
    .default('consumers-example/actions/actions.json')
    .describe('JSON file that says which zap calls which webhook'),
  ACTIONS_ENV: list()
    .default(['*_SECRET', '*_TOKEN'])
    .describe('Environment variables that actions.json may refer to, names with *, separated by commas'),
  ACTIONS_FILES: z.string().min(1).optional().describe('The folder below which actions.json may refer to files; none: its own'),
  RETRY_SCHEDULE: list()
    .default(['5s', '5m', '30m', '2h', '5h', '10h', '14h', '20h', '24h'])
    .refine((waits) => waits.every((one) => !Number.isNaN(parseDuration(one))), 'expected durations such as 500ms,5s,30m,2h')
    .describe('Waits before each further attempt, ±10 %; after the last of them a delivery is dead'),
  ALLOW_TARGETS: list()
    .superRefine((entries, context) => void parsed(() => parseAllowed(entries, []))(entries, context))
    .describe('Targets on private addresses that are allowed: host:port, or ranges such as 10.1.0.0/16, separated by commas'),
  ALLOW_PORTS: list()
    .default(['80', '443'])
    .refine((ports) => ports.every((one) => port().safeParse(one).success), 'expected ports')
    .describe('Ports of public targets that are allowed'),
  CONCURRENCY: integer(1, 10_000).default(512).describe('Most concurrent calls in all'),
  TARGET_CONCURRENCY: integer(1, 1000).default(16).describe('Most concurrent calls to one target, unless actions.json says otherwise'),
  LEASE_SECONDS: integer(3, 600)
    .default(45)
    .describe('How long a copy holds the calls that it took; after a crash they wait for that long'),
  INBOX_KEEP_HOURS: integer(1, 87_600)
    .default(336)
    .describe('How long an answered call is remembered; at least the retention of the topic plus 7 days'),
  ...metricsSettings(9405),
  ...tracingSettings('actions'),
});
