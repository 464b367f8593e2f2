import { z } from 'zod';
import { MAX_EVENT_BYTES } from '../contract/limits.ts';
import { metricsSettings } from '../kit/metrics.ts';
import { tracingSettings } from '../kit/tracing.ts';
import { host, integer, list, port, postgresUrl } from '../kit/settings.ts';

/** Names of headers that may carry a secret. They must not be kept: every consumer of the topic could read them. */
const SECRET_NAME = /authorization|cookie|token|secret|key|signature|hmac|auth|password/i;
const HEADER_NAME = /^[A-Za-z0-9-]+$/;

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_ingest'),
  PORT: port().default(3002).describe('Port for webhooks'),
  HOST: host().default('0.0.0.0').describe('Address to listen on; `::` means all of IPv6 and IPv4'),
  ...metricsSettings(9401),
  ...tracingSettings('ingest'),
  DATABASE_CONNECTIONS: integer(3, 100).default(6).describe('Connections to Postgres'),
  BODY_LIMIT_BYTES: integer(1, 800_000).default(524_288).describe('Largest body that is accepted'),
  MAX_EVENT_BYTES: integer(1_000, MAX_EVENT_BYTES)
    .default(MAX_EVENT_BYTES)
    .describe('Largest encoded event; the outbox has a CHECK of 900,000'),
  QUEUE_LIMIT: integer(1, 1_000_000).default(10_000).describe('Requests that may wait for the database before others get 503'),
  QUEUE_BYTES: integer(1_000_000, 10_000_000_000)
    .default(64_000_000)
    .describe('Bytes of bodies and events that may be in memory before others get 503'),
  OUTBOX_MAX_BYTES: integer(1_000_000, 1_000_000_000_000_000)
    .default(10_000_000_000)
    .describe('Size of the outbox on disk beyond which webhooks get 503'),
  KEEP_HEADERS: list()
    .refine((names) => names.every((name) => HEADER_NAME.test(name)), 'a header name has letters, digits and hyphens')
    .refine((names) => !names.some((name) => SECRET_NAME.test(name)), 'a header that may carry a secret cannot be kept')
    .describe('More request headers to keep with the event, names separated by commas'),
  ZAPS_FILE: z
    .string()
    .optional()
    .describe('JSON file of the zaps that may be posted to, with their signatures; none: anyone may post to any zap'),
  RATE_LIMIT_PER_ZAP: z.coerce.number().min(0).default(0).describe('Webhooks per second to one zap before others get 429; 0: no limit'),
  RATE_LIMIT_TOTAL: z.coerce.number().min(0).default(0).describe('The same for all zaps together'),
  RATE_LIMIT_WRONG_SIGNATURES: z.coerce
    .number()
    .min(0)
    .default(10)
    .describe('Wrong signatures per second of one zap before others get 429 instead of 401; a valid one always passes; 0: no limit'),
  RATE_LIMIT_BURST_SECONDS: z.coerce
    .number()
    .min(0)
    .max(3600)
    .default(2)
    .describe("How many seconds' worth of a rate limit may arrive at once"),
  MAX_CONNECTIONS: integer(10, 100_000)
    .default(4_000)
    .describe('Most open connections; beyond it the connection that has been idle longest is closed'),
  HEADERS_TIMEOUT_MS: integer(100, 600_000).default(5_000).describe('How long the headers of a request may take'),
  REQUEST_TIMEOUT_MS: integer(100, 600_000).default(15_000).describe('How long a request may take to arrive, headers and body'),
  KEEP_ALIVE_TIMEOUT_MS: integer(100, 600_000)
    .default(75_000)
    .describe('How long a connection may be idle between requests; longer than the 60 s of common load balancers'),
  ANSWER_TIMEOUT_MS: integer(100, 600_000).default(5_000).describe('How long a sender may take to read an answer'),
  MAX_HEADER_BYTES: integer(1_024, 1_048_576).default(16_384).describe('Largest request line and headers together'),
  SHUTDOWN_SECONDS: integer(1, 300).default(10).describe('How long requests in flight may take once asked to stop'),
});

export type Config = Readonly<z.output<typeof settings>>;
