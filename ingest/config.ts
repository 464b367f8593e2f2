import { z } from 'zod';
import { integer, list, port, postgresUrl } from '../settings.ts';

/** A kept header's name may carry nothing that is or proves a secret: it would be on the topic for everybody. */
const SECRET_NAME = /authorization|cookie|token|secret|key|signature|hmac|auth|password/i;

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe('PostgreSQL URL of a member of outbox_ingest'),
  PORT: port().default(3002).describe('Port that takes the webhooks'),
  HOST: z.string().default('0.0.0.0').describe('Address to listen on'),
  DATABASE_CONNECTIONS: integer(2, 100).default(6).describe('Connections to Postgres'),
  BODY_LIMIT_BYTES: integer(1, 800_000).default(524_288).describe('Largest body that is accepted'),
  MAX_EVENT_BYTES: integer(1_000, 900_000).default(900_000).describe('Largest encoded event; the outbox has a CHECK of 900,000'),
  QUEUE_LIMIT: integer(1, 1_000_000).default(10_000).describe('Requests that may wait for the database before others get 503'),
  KEEP_HEADERS: list()
    .refine((names) => !names.some((name) => SECRET_NAME.test(name)), 'a header that may carry a secret cannot be kept')
    .describe('More request headers to keep with the event, names separated by commas'),
  SHUTDOWN_SECONDS: integer(1, 300).default(10).describe('How long requests in flight may take once asked to stop'),
});

export type Config = Readonly<z.output<typeof settings>>;
