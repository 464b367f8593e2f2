import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { ConnectionFault } from './connection-fault.ts';
import { readText } from './follow-files.ts';
import { readableFile, secret, type Fault, type Given } from './settings.ts';
import { tlsFault, type TlsFault } from './tls-fault.ts';

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

function oneLogin(given: Given): Fault[] {
  const both = given.REGISTRY_TOKEN !== undefined && given.REGISTRY_USERNAME !== undefined;
  return both ? [{ name: 'REGISTRY_TOKEN', message: 'REGISTRY_USERNAME is set too: set only one of them' }] : [];
}

function needsHttps({ REGISTRY_CA_FILE: ca, REGISTRY_URL: url = '' }: Given): Fault[] {
  return ca === undefined || url.startsWith('https://') ? [] : [{ name: 'REGISTRY_URL', message: 'REGISTRY_CA_FILE needs https://' }];
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
  REGISTRY_CA_FILE: readableFile()
    .optional()
    .meta({ rule: needsHttps })
    .describe("PEM file of the CA of the registry's certificate; without it: Node's list"),
  REGISTRY_USERNAME: user('REGISTRY').describe('Basic login of the schema registry'),
  REGISTRY_PASSWORD: secret().optional().describe('Its password'),
  REGISTRY_TOKEN: secret()
    .optional()
    .meta({ rule: oneLogin })
    .describe('Bearer token for the schema registry, in place of user and password'),
  REGISTRY_TOKEN_FILE: readableFile().optional().describe('That file. It is read for each request, so that a renewed token is used'),
};

export type ConnectSettings = Readonly<z.output<z.ZodObject<typeof connectSettings>>>;
export type RegistrySettings = Readonly<z.output<z.ZodObject<typeof registrySettings>>>;

/** An HTTP service with a login of its own. */
export interface HttpService {
  kind: 'CONNECT' | 'REGISTRY';
  /** Without a slash at the end. */
  url: string;
  /** The user of a Basic login. */
  user: string | undefined;
  /** The login in words; undefined when there is none. */
  login: string | undefined;
  /** Sent with every request. Read again for each, as a token's file may be new. */
  readonly headers: Readonly<Record<string, string>>;
  /** The PEM text of the CA of its certificate, read again for each request; undefined: Node's list. */
  readonly ca: string | undefined;
}

const NAMES: Record<HttpService['kind'], string> = { CONNECT: 'Kafka Connect', REGISTRY: 'The schema registry' };
/** The settings that have the login. */
const LOGIN_SETTINGS: Record<HttpService['kind'], string> = {
  CONNECT: 'CONNECT_USERNAME and CONNECT_PASSWORD',
  REGISTRY: 'REGISTRY_USERNAME and REGISTRY_PASSWORD, or REGISTRY_TOKEN',
};
const TLS_REMEDIES: Record<HttpService['kind'], Partial<Record<TlsFault['kind'], string>>> = {
  CONNECT: { untrusted: 'Name its CA in NODE_EXTRA_CA_CERTS' },
  REGISTRY: { untrusted: 'Name its CA in REGISTRY_CA_FILE' },
};

export const connectService = ({ CONNECT_URL, CONNECT_USERNAME, CONNECT_PASSWORD }: ConnectSettings): HttpService =>
  service('CONNECT', CONNECT_URL, basic(CONNECT_USERNAME, CONNECT_PASSWORD));

export function registryService(settings: RegistrySettings): HttpService {
  const { REGISTRY_URL, REGISTRY_CA_FILE: caFile, REGISTRY_TOKEN: token, REGISTRY_TOKEN_FILE: tokenFile } = settings;
  const login = basic(settings.REGISTRY_USERNAME, settings.REGISTRY_PASSWORD) ?? bearer(token, tokenFile);
  return service('REGISTRY', REGISTRY_URL, login, caFile);
}

interface HttpLogin {
  user?: string;
  words: string;
  authorization: () => string;
}

function basic(user: string | undefined, password = ''): HttpLogin | undefined {
  if (user === undefined) return undefined;
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return { user, words: `the login "${user}"`, authorization: () => authorization };
}

/** A token lives for minutes or hours; a renewed one is written to the file. */
function bearer(token: string | undefined, file: string | undefined): HttpLogin | undefined {
  if (token === undefined) return undefined;
  return { words: 'the token', authorization: () => `Bearer ${file === undefined ? token : readText(file).trim()}` };
}

function service(kind: HttpService['kind'], url: string, login: HttpLogin | undefined, caFile?: string): HttpService {
  return {
    ...{ kind, url: url.replace(/\/$/, ''), user: login?.user, login: login?.words },
    get headers(): Record<string, string> {
      return login === undefined ? {} : { authorization: login.authorization() };
    },
    get ca(): string | undefined {
      return caFile === undefined ? undefined : readText(caFile);
    },
  };
}

interface AskInit {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  signal?: AbortSignal;
}

/**
 * `fetch` of a path of the service, with its login and its CA.
 *
 * @throws ConnectionFault CONNECT_LOGIN and REGISTRY_LOGIN for 401 and 403, CONNECT_TLS and REGISTRY_TLS when its
 *   certificate is refused; what fetch throws when nothing answers
 */
export async function askService(to: HttpService, path: string, init: AskInit = {}): Promise<Response> {
  const { ca } = to;
  const asked = { ...init, headers: { ...init.headers, ...to.headers } };
  const response = await (ca === undefined ? fetch(to.url + path, asked) : fetchWith(ca, to.url + path, asked)).catch((error: unknown) => {
    throw certificateFault(to, error) ?? error;
  });
  const refused = loginFault(to, response.status, `${init.method ?? 'GET'} ${path}`);
  if (refused === undefined) return response;
  throw refused;
}

/** `fetch`, which has no way to name a CA. */
function fetchWith(ca: string, url: string, { body, ...options }: AskInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ...options, ca }, (message) => {
      buffer(message).then((content) => {
        const { statusCode: status = 0, headers } = message;
        const text = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
        resolve(new Response(content.length === 0 ? null : content, { status, headers: text }));
      }, reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** The fault of TLS in what a request threw; undefined for any other error. */
function certificateFault({ kind, url }: HttpService, error: unknown): ConnectionFault | undefined {
  const fault = tlsFault(error);
  if (fault === undefined) return undefined;
  const remedy = TLS_REMEDIES[kind][fault.kind] ?? `Is ${kind}_URL right?`;
  return new ConnectionFault(`${kind}_TLS`, `${NAMES[kind]} at ${url} cannot be connected to with TLS: ${fault.found}`, remedy, error);
}

/** The fault of the login that a status reports; undefined for any other status. */
export function loginFault({ kind, url, login }: HttpService, status: number, what: string): ConnectionFault | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const at = `${NAMES[kind]} at ${url}`;
  const settings = LOGIN_SETTINGS[kind];
  const fault = (found: string, remedy: string) => new ConnectionFault(`${kind}_LOGIN`, `${at} ${found}`, remedy);
  if (login === undefined) return fault('requires a login', `Set ${settings}`);
  if (status === 401) return fault(`refuses ${login}`, `Give the login that the service has: ${settings}`);
  return fault(`does not allow ${login} to ${what}`, `Give a login with more rights: ${settings}`);
}
