import type { KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { followFiles, readText, UnreadableError, type ReadText } from '../kit/follow-files.ts';
import { describeReference, readSecret, type SecretReference, type SecretSources } from '../kit/secrets.ts';
import { handshakeSchema, needsKey, needsToken, type Handshake, type HookAnswer } from './handshake.ts';
import { zapsSchema, type HookEntry } from './hook-schema.ts';
import { idempotencySchema, type Idempotency } from './idempotency.ts';
import { presets } from './presets.ts';
import type { Reading } from './reading.ts';
import { readKey, schemeSchema, type Scheme, type SignatureCheck } from './signature.ts';
import { placeholdersOf } from './signed-content.ts';

/** zaps.json does not fit. The message has one line per fault and never a secret. */
export class ZapsError extends Error {
  override readonly name = 'ZapsError';
  readonly code = 'ZAPS_INVALID';
}

/** How one hook is to be treated. */
export interface HookSettings {
  /** Undefined where anyone who knows the URL may post. */
  signature?: (SignatureCheck & { replayIsRepeat: boolean }) | undefined;
  handshake?: Handshake | undefined;
  response?: HookAnswer | undefined;
  reading: Reading;
  idempotency?: Idempotency | undefined;
  origins?: ReadonlySet<string> | undefined;
}

/** By `userId/zapId`. */
export type Zaps = ReadonlyMap<string, HookSettings>;

const CHECK_EVERY_MS = 1000;
const schemesOfPresets = Object.entries(presets).flatMap(([name, { signature }]) =>
  signature === undefined ? [] : [[name, schemeSchema.parse(signature)] as const],
);
const handshakesOfPresets = new Map(
  Object.entries(presets).flatMap(([name, { handshake }]) => (handshake === undefined ? [] : [[name, handshakeSchema.parse(handshake)]])),
);

/**
 * Reads zaps.json and the secrets that it names.
 *
 * @throws ZapsError naming every fault
 */
export function loadZaps(path: string, env: NodeJS.ProcessEnv, read = readText): Zaps {
  const parsed = zapsSchema.safeParse(readJson(path, read));
  const faults = (parsed.error?.issues ?? []).map((issue) => `${z.core.toDotPath(issue.path)}: ${issue.message}`);
  const { schemes, zaps: listed } = parsed.data ?? { schemes: {}, zaps: [] };
  for (const name of Object.keys(schemes)) if (Object.hasOwn(presets, name)) faults.push(`schemes.${name}: is the name of a preset`);
  const named = new Map([...Object.entries(schemes), ...schemesOfPresets]);

  const zaps = new Map<string, HookSettings>();
  for (const [at, entry] of listed.entries()) {
    const zap = `${entry.userId}/${entry.zapId}`;
    const fault = (where: string, what: string) => faults.push(`zaps[${at}]${where}: ${what}`);
    if (zaps.has(zap)) fault('', `${zap} is there twice`);
    zaps.set(zap, settingsOf(entry, named, secretsFrom({ env, read, folder: dirname(path) }, fault), fault));
  }
  if (faults.length > 0) throw new ZapsError(`${path} does not fit:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return zaps;
}

function settingsOf(
  entry: HookEntry,
  schemes: ReadonlyMap<string, Scheme>,
  secretOf: SecretOf,
  fault: (where: string, what: string) => void,
): HookSettings {
  const { preset: name = '', secrets, handshakeToken } = entry;
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (entry.preset !== undefined && preset === undefined) fault('.preset', `"${name}" is none of ${Object.keys(presets).join(', ')}`);
  if (secrets !== undefined && preset?.signature === undefined)
    fault('.secrets', 'belong to a preset that signs; else they are part of "signature"');
  if (secrets !== undefined && entry.signature !== undefined) fault('.secrets', 'are there twice, here and in "signature"');
  const wanted = entry.signature ?? (secrets === undefined ? undefined : { scheme: name, secrets, url: entry.url });
  const signature = wanted && checkOf(wanted, entry.signature === undefined ? '' : '.signature', schemes, secretOf, fault);

  const chosen = entry.handshake ?? (preset?.handshake === undefined ? undefined : name);
  const rules = typeof chosen === 'string' ? handshakesOfPresets.get(chosen) : chosen;
  if (chosen !== undefined && rules === undefined)
    fault('.handshake', `"${typeof chosen === 'string' ? chosen : ''}" is none of ${[...handshakesOfPresets.keys()].join(', ')}`);
  const token = handshakeToken === undefined ? undefined : secretOf(handshakeToken, '.handshakeToken');
  const [key] = signature?.keys ?? [];
  if (rules !== undefined && needsToken(rules) && handshakeToken === undefined) fault('.handshakeToken', 'is needed for this handshake');
  if (rules !== undefined && needsKey(rules) && key === undefined) fault('.handshake', 'needs the secret of a signature');

  const response = entry.response ?? preset?.response;
  return {
    signature,
    handshake: rules && { rules, token: token === undefined ? undefined : Buffer.from(token), key },
    response: response && {
      status: response.status ?? 200,
      headers: response.status === 204 ? {} : { 'content-type': response.type ?? 'text/plain; charset=utf-8' },
      body: response.body ?? '',
    },
    reading: { body: entry.body, ndjson: entry.ndjson, split: entry.split },
    idempotency: idempotencyOf(entry),
    origins: entry.origins && new Set(entry.origins),
  };
}

/** Of its own, else of the preset by which its requests are checked. */
function idempotencyOf({ idempotency, preset, secrets, signature }: HookEntry): Idempotency | undefined {
  if (idempotency !== undefined) return idempotency === false ? undefined : idempotency;
  const name = signature?.scheme ?? (secrets === undefined ? '' : (preset ?? ''));
  const known = Object.hasOwn(presets, name) ? presets[name]?.idempotency : undefined;
  return known && idempotencySchema.parse(known);
}

function checkOf(
  wanted: NonNullable<HookEntry['signature']>,
  at: string,
  schemes: ReadonlyMap<string, Scheme>,
  secretOf: SecretOf,
  fault: (where: string, what: string) => void,
): HookSettings['signature'] {
  const { scheme: name, secrets, url, toleranceSeconds, replays } = wanted;
  const scheme = schemes.get(name);
  if (scheme === undefined) {
    fault(`${at}.scheme`, `"${name}" is none of ${[...schemes.keys()].join(', ')}`);
    return undefined;
  }
  const placeholders = placeholdersOf(scheme.signed);
  if (placeholders.includes('url') && url === undefined) fault(`${at}.url`, `is needed: ${name} signs the hook's public address`);
  const keys = secrets.map((source, index): Buffer | KeyObject | undefined => {
    const where = `${at}.secrets[${index}]`;
    const secret = secretOf(source, where);
    if (secret === undefined) return undefined;
    const key = readKey(scheme, secret);
    const { atLeastBytes } = scheme.secret;
    if (key === undefined) fault(where, `${describeReference(source)} is shorter than ${atLeastBytes} bytes or not as ${name} has it`);
    return key;
  });
  return {
    scheme: toleranceSeconds === undefined ? scheme : { ...scheme, toleranceSeconds },
    keys: keys.filter((key) => key !== undefined),
    url,
    replayIsRepeat: replays === undefined ? Object.hasOwn(presets, name) : replays === 'repeat',
  };
}

/** A secret that cannot be read is a fault of the entry. It stays in ingest, so it may come from anywhere. */
type SecretOf = (reference: SecretReference, where: string) => string | undefined;
function secretsFrom(sources: SecretSources, fault: (where: string, what: string) => void): SecretOf {
  return (reference, where) => {
    try {
      return readSecret(reference, sources);
    } catch (error) {
      fault(where, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
}

function readJson(path: string, read: ReadText): unknown {
  try {
    return JSON.parse(read(path));
  } catch (error) {
    if (error instanceof UnreadableError) throw new ZapsError(error.message);
    if (!(error instanceof SyntaxError)) throw error;
    // The rest of the message quotes the text, in which somebody may have put a secret.
    throw new ZapsError(`${path} is not valid JSON ${/at position \d+/.exec(error.message)?.[0] ?? ''}`.trimEnd());
  }
}

/** Follows zaps.json and its secrets' files. @throws ZapsError when the file does not fit at the start */
export function followZaps(path: string, env: NodeJS.ProcessEnv, log: Logger): () => Zaps {
  return followFiles((read) => loadZaps(path, env, read), {
    ...{ name: 'zaps.json', everyMs: CHECK_EVERY_MS, log },
    describe: ({ size }) => ({ zaps: size }),
  }).current;
}
