import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { z } from 'zod';
import { readText, type ReadText } from '../../kit/follow-files.ts';
import { whyNotUrl, type Allowed } from './address-guard.ts';
import { matchesGlob } from './glob.ts';
import { parseSecret } from './sign.ts';

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
  /** What `env:` refers to. */
  env: Readonly<Record<string, string | undefined>>;
  /** Patterns of the names that `env:` may refer to: a target is not told the rest of the environment. */
  envNames: readonly string[];
  /** The folder below which `file:` may refer to files; that of actions.json where it is not set. */
  filesBelow?: string | undefined;
  allowed: Allowed;
  concurrency: number;
  /** No call may outlive the lease that it is made under. */
  longestTimeoutMs: number;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const targetSchema = z.strictObject({
  zap: z.string().regex(/^[A-Za-z0-9_*-]{1,64}\/[A-Za-z0-9_*-]{1,64}$/, 'expected userId/zapId, * for any part of either'),
  url: z.string().min(1),
  secrets: z.array(z.string()).min(1).max(2),
  method: z.enum(['POST', 'PUT', 'PATCH']).default('POST'),
  headers: z.record(z.string(), z.string()).default({}),
  timeoutSeconds: z.number().min(0.05).max(20).default(20),
  concurrency: z.int().min(1).max(1000).optional(),
  on4xx: z.enum(['retry', 'dead']).default('retry'),
  insecure: z.boolean().default(false),
});
const fileSchema = z.strictObject({ targets: z.record(z.string(), z.unknown()) });

/** They frame the request or are the signature's: a target's own value would break either. */
const OURS = /^(host|content-length|content-type|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|webhook-.*)$/;
const SECRET_NAME = /auth|cookie|token|secret|key|password|signature/;

/**
 * Reads and judges actions.json.
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

  for (const [name, value] of Object.entries(file?.data?.targets ?? {})) {
    const parsed = targetSchema.safeParse(value);
    for (const { path: at, message } of parsed.error?.issues ?? []) faults.push(`${[name, ...at].join('.')}: ${message}`);
    if (!NAME.test(name)) faults.push(`${name}: a name has 1 to 64 letters, digits, _ or -`);
    if (parsed.data === undefined) continue;
    const given = parsed.data;
    const timeoutMs = given.timeoutSeconds * 1000;
    if (timeoutMs > longestTimeoutMs)
      faults.push(`${name}.timeoutSeconds: at most ${longestTimeoutMs / 1000}, as LEASE_SECONDS has to be longer`);
    const refer = (reference: string) => dereference(reference, reading, dirname(path), read);
    // A URL may come from any *_URL: what is none with http: is refused, and no target is told it but that one.
    const referUrl = (reference: string) =>
      dereference(reference, { ...reading, envNames: [...reading.envNames, '*_URL'] }, dirname(path), read);
    const url = attempt(`${name}.url`, () =>
      judgedUrl(/^(env|file):/.test(given.url) ? referUrl(given.url) : given.url, allowed, given.insecure),
    );
    const keys = given.secrets.map((reference, at) => attempt(`${name}.secrets.${at}`, () => parseSecret(refer(reference))));
    const headers = Object.entries(given.headers).map(([header, content]) =>
      attempt(`${name}.headers.${header}`, () => judgedHeader(header.toLowerCase(), content, refer)),
    );
    targets.push({
      ...{ name, zap: given.zap, method: given.method, on4xx: given.on4xx, timeoutMs, insecure: given.insecure },
      url: url ?? new URL('invalid:'),
      keys: keys.filter((key) => key !== undefined),
      headers: Object.fromEntries(headers.filter((header) => header !== undefined)),
      concurrency: given.concurrency ?? concurrency,
    });
  }
  if (faults.length > 0) throw new TargetsError(`These lines of ${path} do not fit:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return index(targets);
}

/** The rest of the message quotes the text, in which somebody may have put a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`it is not valid JSON ${/at position \d+/.exec(String(error))?.[0] ?? ''}`.trimEnd(), { cause: error });
  }
}

/** `env:NAME` or `file:path`, the path beside actions.json: a secret is never in the file itself. */
function dereference(reference: string, { env, envNames, filesBelow }: Reading, folder: string, read: ReadText): string {
  const [, kind, where = ''] = /^(env|file):(.+)$/s.exec(reference) ?? [];
  if (kind === undefined) throw new Error('expected env:NAME or file:path; a secret does not belong into this file');
  if (kind === 'env' && !envNames.some((pattern) => matchesGlob(pattern, where))) {
    throw new Error(`${where} is not one of ${envNames.join(', ')}: name it in ACTIONS_ENV if a target may have it`);
  }
  const value = kind === 'env' ? env[where] : read(allowedFile(resolve(folder, where), filesBelow ?? folder)).trim();
  if (value === undefined || value === '') throw new Error(`${reference} is ${value === undefined ? 'not set' : 'empty'}`);
  return value;
}

/** Links are followed first, as a mounted secret is one. @throws when the file is not below the folder */
function allowedFile(path: string, below: string): string {
  const real = (one: string) => {
    try {
      return realpathSync(one);
    } catch {
      return one; // Reading it says what is wrong.
    }
  };
  const inside = relative(real(below), real(path));
  if (inside.startsWith('..') || isAbsolute(inside)) throw new Error(`the file is not below ${below}: set ACTIONS_FILES if it is meant`);
  return path;
}

function judgedUrl(text: string, allowed: Allowed, insecure: boolean): URL {
  if (!URL.canParse(text)) throw new Error('it is not a URL');
  const url = new URL(text);
  const why = whyNotUrl(url, allowed, insecure);
  if (why !== undefined) throw new Error(`${why}. If it is a target of yours, name it in ALLOW_TARGETS`);
  return url;
}

function judgedHeader(name: string, content: string, refer: (reference: string) => string): [string, string] {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw new Error('it is not the name of a header');
  if (OURS.test(name)) throw new Error('this header is not for targets to set');
  const isReference = /^(env|file):/.test(content);
  if (SECRET_NAME.test(name) && !isReference) throw new Error('expected env:NAME or file:path; a secret does not belong into this file');
  const value = isReference ? refer(content) : content;
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
