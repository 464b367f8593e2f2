import { z } from 'zod';
import { secret, type Fault, type Given } from './settings.ts';

// The connections to Kafka Connect's REST interface and to the schema registry. Every process has the same settings.

/** User and password belong together. */
function user(kind: HttpService['kind']) {
  const [name, password] = [`${kind}_USERNAME`, `${kind}_PASSWORD`];
  const rule = (given: Given): Fault[] => {
    if ((given[name] === undefined) === (given[password] === undefined)) return [];
    const [missing, present] = given[name] === undefined ? [name, password] : [password, name];
    return [{ name: missing, message: `${present} needs it` }];
  };
  return z
    .string()
    .regex(/^[^:]+$/, 'expected a name without a colon')
    .optional()
    .meta({ rule });
}

/** To be spread into a service's schema. */
export const connectSettings = {
  CONNECT_URL: z.url().default('http://localhost:8083').describe("Kafka Connect's REST interface"),
  CONNECT_USERNAME: user('CONNECT').describe("Basic login of Kafka Connect's REST interface"),
  CONNECT_PASSWORD: secret().optional().describe('Its password'),
};

/** To be spread into a service's schema. */
export const registrySettings = {
  REGISTRY_URL: z.url().default('http://localhost:8081/apis/ccompat/v7').describe('Schema registry, Confluent API'),
  REGISTRY_USERNAME: user('REGISTRY').describe('Basic login of the schema registry'),
  REGISTRY_PASSWORD: secret().optional().describe('Its password'),
};

export type ConnectSettings = Readonly<z.output<z.ZodObject<typeof connectSettings>>>;
export type RegistrySettings = Readonly<z.output<z.ZodObject<typeof registrySettings>>>;

/** An HTTP service with a login of its own. */
export interface HttpService {
  kind: 'CONNECT' | 'REGISTRY';
  /** Without a slash at the end. */
  url: string;
  user: string | undefined;
  /** Sent with every request. */
  headers: Readonly<Record<string, string>>;
}

/** A service refuses the login, or requires one. The message names the service and the settings. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
  readonly code: 'CONNECT_LOGIN' | 'REGISTRY_LOGIN';
  /** The names of the settings that have it. */
  readonly settings: string;

  constructor(code: LoginError['code'], message: string, settings: string) {
    super(message);
    this.code = code;
    this.settings = settings;
  }
}

export const connectService = ({ CONNECT_URL, CONNECT_USERNAME, CONNECT_PASSWORD }: ConnectSettings): HttpService =>
  service('CONNECT', CONNECT_URL, CONNECT_USERNAME, CONNECT_PASSWORD);

export const registryService = ({ REGISTRY_URL, REGISTRY_USERNAME, REGISTRY_PASSWORD }: RegistrySettings): HttpService =>
  service('REGISTRY', REGISTRY_URL, REGISTRY_USERNAME, REGISTRY_PASSWORD);

function service(kind: HttpService['kind'], url: string, user: string | undefined, password = ''): HttpService {
  const headers = user === undefined ? {} : { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
  return { kind, url: url.replace(/\/$/, ''), user, headers };
}

type AskInit = Omit<RequestInit, 'headers'> & { headers?: Readonly<Record<string, string>> };

/**
 * `fetch` of a path of the service, with its login.
 *
 * @throws LoginError for 401 and 403; what fetch throws when nothing answers
 */
export async function askService(to: HttpService, path: string, init: AskInit = {}): Promise<Response> {
  const response = await fetch(to.url + path, { ...init, headers: { ...init.headers, ...to.headers } });
  const refused = loginFault(to, response.status, `${init.method ?? 'GET'} ${path}`);
  if (refused === undefined) return response;
  await response.body?.cancel();
  throw refused;
}

/** The fault of the login that a status reports; undefined for any other status. */
export function loginFault({ kind, url, user }: HttpService, status: number, what: string): LoginError | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const name = kind === 'CONNECT' ? 'Kafka Connect' : 'The schema registry';
  const settings = `${kind}_USERNAME and ${kind}_PASSWORD`;
  const message =
    user === undefined
      ? `${name} at ${url} requires a login: set ${settings}`
      : status === 401
        ? `${name} at ${url} refuses the login "${user}". Are ${settings} right?`
        : `${name} at ${url} does not allow "${user}" to ${what}: it needs a login with more rights (${settings})`;
  return new LoginError(`${kind}_LOGIN`, message, settings);
}
