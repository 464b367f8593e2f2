import { dirname } from 'node:path';
import { z } from 'zod';
import { readText } from '../../kit/follow-files.ts';
import { matchesGlob } from '../../kit/glob.ts';
import { readSecret, textOrReference, toReference, NOT_A_REFERENCE, type SecretReference } from '../../kit/secrets.ts';
import { whyNotUrl, type Allowed } from './address-guard.ts';
import { parseSecret } from './sign.ts';
import { TOPICS } from './sns.ts';

/** One webhook of actions.json, ready to be called. */
export interface Target {
  name: string;
  zap: string;
  url: URL;
  method: string;
  headers: Record<string, string>;
  /** The first one is current. */
  keys: Buffer[];
  timeoutMs: number;
  concurrency: number;
  on4xx: 'retry' | 'dead';
  /** Plain http:// to a public address is wanted. */
  insecure: boolean;
  /** Instead of a call of `url`: confirms subscriptions of these topics of AWS SNS. */
  confirmSns?: string;
}

export interface Targets {
  all: readonly Target[];
  byName: ReadonlyMap<string, Target>;
  /** The targets of a zap, `userId/zapId`. */
  matching: (zap: string) => readonly Target[];
}

/** actions.json cannot be used; one line per fault. */
export class TargetsError extends Error {
  override readonly name = 'TargetsError';
  readonly code = 'TARGETS_INVALID';
}

export interface Reading {
  /** What references to the environment refer to. */
  env: Readonly<Record<string, string | undefined>>;
  /** Patterns of the names that may be referred to: a target is not told the rest of the environment. */
  envNames: readonly string[];
  /** The folder below which files may be referred to; that of actions.json where it is not set. */
  filesBelow?: string | undefined;
  allowed: Allowed;
  concurrency: number;
  /** No call may outlive the lease that it is made under. */
  longestTimeoutMs: number;
}

const CONFIRM_TIMEOUT_MS = 20_000;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const targetSchema = z.strictObject({
  zap: z.string().regex(/^[A-Za-z0-9_*-]{1,64}\/[A-Za-z0-9_*-]{1,64}$/, 'expected userId/zapId, * for any part of either'),
  url: textOrReference(),
  /** Each checked by itself, so that all faults of a target are told at once. */
  secrets: z.array(z.unknown()).min(1).max(2),
  method: z.enum(['POST', 'PUT', 'PATCH']).default('POST'),
  headers: z.record(z.string(), textOrReference()).default({}),
  timeoutSeconds: z.number().min(0.05).max(20).default(20),
  concurrency: z.int().min(1).max(1000).optional(),
  on4xx: z.enum(['retry', 'dead']).default('retry'),
  insecure: z.boolean().default(false),
});
const confirmingSchema = z.strictObject({
  zap: targetSchema.shape.zap,
  confirmSns: z
    .string()
    .regex(TOPICS, 'expected topics such as arn:aws:sns:eu-central-1:123456789012:orders, * for any part of region or name'),
});
const fileSchema = z.strictObject({ targets: z.record(z.string(), z.unknown()) });

/** They frame the request or are the signature's: a target's own value would break either. */
const OURS = /^(host|content-length|content-type|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|webhook-.*)$/;
const SECRET_NAME = /auth|cookie|token|secret|key|password|signature/;

/**
 * Reads actions.json.
 *
 * @throws TargetsError naming every fault of it
 */
export function readTargets(path: string, reading: Reading, read = readText): Targets {
  const { allowed, concurrency, longestTimeoutMs } = reading;
  const faults: string[] = [];
  const targets: Target[] = [];
  const attempt = <T>(where: string, act: () => T): T | undefined => {
    try {
      return act();
    } catch (error) {
      faults.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const text = attempt(path, () => read(path));
  const json = text === undefined ? undefined : attempt(path, () => parseJson(text));
  const file = json === undefined ? undefined : fileSchema.safeParse(json);
  for (const { path: at, message } of file?.error?.issues ?? []) faults.push(`${at.join('.') || path}: ${message}`);

  const parse = <T>(schema: z.ZodType<T>, name: string, value: unknown): T | undefined => {
    const parsed = schema.safeParse(value);
    for (const { path: at, message } of parsed.error?.issues ?? []) faults.push(`${[name, ...at].join('.')}: ${message}`);
    return parsed.data;
  };

  for (const [name, value] of Object.entries(file?.data?.targets ?? {})) {
    if (!NAME.test(name)) faults.push(`${name}: a name has 1 to 64 letters, digits, _ or -`);
    if (typeof value === 'object' && value !== null && 'confirmSns' in value) {
      const confirming = parse(confirmingSchema, name, value);
      if (confirming !== undefined) targets.push(confirmingTarget(name, confirming, Math.min(CONFIRM_TIMEOUT_MS, longestTimeoutMs)));
      continue;
    }
    const given = parse(targetSchema, name, value);
    if (given === undefined) continue;
    const timeoutMs = given.timeoutSeconds * 1000;
    if (timeoutMs > longestTimeoutMs)
      faults.push(`${name}.timeoutSeconds: at most ${longestTimeoutMs / 1000}, as LEASE_SECONDS has to be longer`);
    const refer = (reference: SecretReference, moreNames: readonly string[] = []) => {
      const { env, envNames, filesBelow = dirname(path) } = reading;
      const limits = { envNames: [...envNames, ...moreNames], envSetting: 'ACTIONS_ENV', filesBelow, filesSetting: 'ACTIONS_FILES' };
      return readSecret(reference, { env, read, folder: dirname(path), limits }).trim();
    };
    // A URL may come from any *_URL: what is none with http: is refused, and no target is told it but that one.
    const url = attempt(`${name}.url`, () =>
      allowedUrl(typeof given.url === 'string' ? given.url : refer(given.url, ['*_URL']), allowed, given.insecure),
    );
    const keys = given.secrets.map((secret, at) => attempt(`${name}.secrets.${at}`, () => parseSecret(refer(toReference(secret)))));
    const headers = Object.entries(given.headers).map(([header, content]) =>
      attempt(`${name}.headers.${header}`, () => allowedHeader(header.toLowerCase(), content, refer)),
    );
    targets.push({
      ...{ name, zap: given.zap, method: given.method, on4xx: given.on4xx, timeoutMs, insecure: given.insecure },
      url: url ?? new URL('invalid:'),
      keys: keys.filter((key) => key !== undefined),
      headers: Object.fromEntries(headers.filter((header) => header !== undefined)),
      concurrency: given.concurrency ?? concurrency,
    });
  }
  if (faults.length > 0) throw new TargetsError(`${path} does not fit:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return index(targets);
}

/** Its URL is in the event. A call that SNS refuses is not made again: its token is used up or too old. */
const confirmingTarget = (name: string, { zap, confirmSns }: z.output<typeof confirmingSchema>, timeoutMs: number): Target => ({
  ...{ name, zap, confirmSns, timeoutMs, url: new URL('https://sns.amazonaws.com/'), method: 'GET', headers: {}, keys: [] },
  ...{ concurrency: 1, on4xx: 'dead', insecure: false },
});

/** The rest of the message quotes the text, in which somebody may have put a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`it is not valid JSON ${/at position \d+/.exec(String(error))?.[0] ?? ''}`.trimEnd(), { cause: error });
  }
}

function allowedUrl(text: string, allowed: Allowed, insecure: boolean): URL {
  if (!URL.canParse(text)) throw new Error('it is not a URL');
  const url = new URL(text);
  const why = whyNotUrl(url, allowed, insecure);
  if (why !== undefined) throw new Error(`${why}. If it is a target of yours, name it in ALLOW_TARGETS`);
  return url;
}

function allowedHeader(name: string, content: string | SecretReference, refer: (reference: SecretReference) => string): [string, string] {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw new Error('it is not the name of a header');
  if (OURS.test(name)) throw new Error('this header is not for targets to set');
  if (SECRET_NAME.test(name) && typeof content === 'string') throw new Error(NOT_A_REFERENCE);
  const value = typeof content === 'string' ? content : refer(content);
  // Nothing beyond visible ASCII: a line end would start another header.
  if (!/^[\x20-\x7e\t]*$/.test(value)) throw new Error('it has characters that a header cannot carry');
  return [name, value];
}

/** Zaps remembered with their targets, so that patterns are not matched for every event. */
const REMEMBERED = 10_000;

function index(targets: readonly Target[]): Targets {
  const known = new Map<string, readonly Target[]>();
  return {
    all: targets,
    byName: new Map(targets.map((target) => [target.name, target])),
    matching: (zap) => {
      const before = known.get(zap);
      if (before !== undefined) return before;
      const found = targets.filter((target) => matchesZap(target.zap, zap));
      if (known.size >= REMEMBERED) known.clear();
      known.set(zap, found);
      return found;
    },
  };
}

/** Each * within its own half: it never stands for the slash. */
function matchesZap(pattern: string, zap: string): boolean {
  const [[user = '', name = ''], [userId = '', zapId = '']] = [pattern.split('/'), zap.split('/')];
  return matchesGlob(user, userId) && matchesGlob(name, zapId);
}
