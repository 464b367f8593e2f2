import { z } from 'zod';
import { host, list, port, secret } from '../../kit/settings.ts';
import { settings as operate } from '../config.ts';

const metricsOf = (service: string) => list().describe(`Metrics of ${service}, URLs of all its copies; none: its numbers are not shown`);

/** The settings of the console: those of the operator's commands, and its own. */
export const settings = operate.extend({
  PORT: port().default(3004).describe('Port of the page'),
  HOST: host().default('127.0.0.1').describe('Address to listen on; beyond loopback only with CONSOLE_PASSWORD or CONSOLE_USER_HEADER'),
  CONSOLE_PASSWORD: secret()
    .min(12)
    .optional()
    .describe('Password of the page, at least 12 characters; none: no login, and only on loopback'),
  CONSOLE_USER_HEADER: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/)
    .optional()
    .describe('Header in which a proxy names the user, such as X-Forwarded-User. Only that proxy may reach the port'),
  CONSOLE_HOSTS: list().describe('Host names besides localhost under which browsers may open the page, without ports'),
  CONSOLE_READ_ONLY: z.stringbool().default(false).describe('true: shows everything and allows no act'),
  CONSOLE_LOG_DIR: z.string().optional().describe("Folder of the parts' logs, NAME.log; none: no log lines are shown"),
  INGEST_URL: z.url().default('http://localhost:3002').describe('Where a test webhook is posted'),
  INGEST_METRICS_URL: metricsOf('ingest'),
  WATCH_METRICS_URL: metricsOf('the watchdog'),
  CLEANUP_METRICS_URL: metricsOf('cleanup'),
  CONSUMER_METRICS_URL: metricsOf('the typed consumer'),
  ACTIONS_METRICS_URL: metricsOf('the action consumer'),
});

export type Config = Readonly<z.output<typeof settings>>;

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** Why the page must not be served with these settings; undefined when it may. */
export function exposed({ HOST, CONSOLE_PASSWORD, CONSOLE_USER_HEADER }: Config): string | undefined {
  if (LOOPBACK.test(HOST) || CONSOLE_PASSWORD !== undefined || CONSOLE_USER_HEADER !== undefined) return undefined;
  return `HOST is ${HOST}, so others can reach the page: set CONSOLE_PASSWORD, or CONSOLE_USER_HEADER behind a proxy that names the user`;
}
