import { createHash, createHmac, createPublicKey, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import {
  createReader,
  digestOf,
  forms,
  isOfBody,
  MissingError,
  partsOf,
  placeholdersOf,
  whyAmbiguous,
  type Form,
  type HookRequest,
  type Reader,
} from './signed-content.ts';

// Whether a request was signed with the hook's secret. The way a sender signs is data (presets.ts), so another sender is a
// few lines of zaps.json. It fails closed: a missing, repeated or malformed value counts as not signed.

const header = z.string().regex(/^[a-z0-9-]+$/, 'expected the name of a header in lower case');
const elsewhere = z.string().regex(/^(json|field|query):.+$/, 'expected json:path, field:name or query:name');
const form = z.enum(Object.keys(forms) as [Form, ...Form[]]);
const place = {
  header: header.optional().describe('the header that has it'),
  at: elsewhere.optional().describe('where it is if not in a header: `json:path`, `field:name` of a form, `query:name`'),
};
const HMACS = ['sha256', 'sha384', 'sha512', 'sha1'] as const;
/** Of a public key: what it is, and the digest that is signed. */
const PUBLIC_KEYS = {
  'rsa-sha256': ['rsa', 'sha256'],
  'rsa-sha1': ['rsa', 'sha1'],
  'ecdsa-sha256': ['ec', 'sha256'],
  ed25519: ['ed25519', null],
} as const;

/** How a sender signs: a MAC or a signature over a text in which the body stands as the bytes that arrived, or a token. */
const scheme = z.strictObject({
  ...place,
  separator: z.string().min(1).optional().describe('what stands between the entries where the place is a list'),
  prefix: z.string().default('').describe('what a signature begins with; other entries of a list are ignored'),
  encoding: z.enum(['hex', 'base64', 'plain']).default('hex').describe('of the signature; base64url and missing padding are base64 too'),
  algorithm: z
    .enum([...HMACS, ...(Object.keys(PUBLIC_KEYS) as (keyof typeof PUBLIC_KEYS)[]), 'token'])
    .default('sha256')
    .describe('an HMAC, a public key, or "token": the secret itself is sent'),
  signed: z.string().default('').describe('{body}, {timestamp}, {method}, {url}, {form}, {crc32}, {json:path}, {field:name} or a header'),
  timestamp: z
    .strictObject({
      ...place,
      prefix: z.string().default('').describe('what the entry of a list begins with that is the time'),
      format: z.enum(['seconds', 'milliseconds', 'iso']).default('seconds').describe('`seconds` or `milliseconds` since 1970, or `iso`'),
    })
    .optional()
    .describe('where the sender puts the time, which it has to sign'),
  toleranceSeconds: z.int().min(1).max(604_800).default(300).describe('how far the timestamp may be from now'),
  forms: z
    .record(z.string(), form)
    .default({})
    .describe('placeholders with a fixed form (`uuid`, `seconds`, `milliseconds`, `iso`), which need no text behind them'),
  bodyIsUnsigned: z.boolean().default(false).describe('the sender does not sign the body at all'),
  secret: z
    .strictObject({
      encoding: z.enum(['utf8', 'base64', 'hex']).default('utf8').describe('how the vendor shows it: as a text, in base64 or in hex'),
      prefix: z.string().default('').describe('what stands before it, or does not'),
      atLeastBytes: z.int().min(8).default(24).describe('a shorter secret is refused'),
    })
    .default({ encoding: 'utf8', prefix: '', atLeastBytes: 24 }),
});

export const schemeSchema = scheme.superRefine((given, context) => {
  const { signed, timestamp, algorithm } = given;
  const names = placeholdersOf(signed);
  const fault = (message: string, path = 'signed') => context.addIssue({ code: 'custom', path: [path], message });
  for (const one of [given, ...(timestamp === undefined ? [] : [timestamp])]) {
    if ((one.header === undefined) === (one.at === undefined))
      fault('expected either "header" or "at"', one === given ? 'header' : 'timestamp');
  }
  if (algorithm === 'token') {
    if (signed !== '' || timestamp !== undefined) fault('a token signs nothing');
    return;
  }
  if (given.encoding === 'plain') fault('a signature is in hex or base64', 'encoding');
  if (names.filter(isOfBody).length !== (given.bodyIsUnsigned ? 0 : 1)) fault('{body} must be in it once, unless "bodyIsUnsigned"');
  // A time that is not signed can be replaced by anyone who posts a captured request again.
  if (names.includes('timestamp') !== (timestamp !== undefined)) fault('{timestamp} must be in it if, and only if, "timestamp" is given');
  const why = whyAmbiguous(signed, (name) => ['timestamp', 'url', 'method'].includes(name) || name in given.forms);
  if (why !== undefined) fault(why);
});

export type Scheme = z.output<typeof scheme>;
export type SchemeInput = z.input<typeof scheme>;

/** What a hook demands: a way to sign, and the live secrets (more than one while they rotate). */
export interface SignatureCheck {
  scheme: Scheme;
  keys: readonly (Buffer | KeyObject)[];
  /** The hook's public address, where the scheme signs it. */
  url?: string | undefined;
}

/** The key of a secret. @returns undefined when it is not set, too short, or not what the scheme says */
export function readKey({ algorithm, secret: { encoding, prefix, atLeastBytes } }: Scheme, secret = ''): Buffer | KeyObject | undefined {
  if (algorithm in PUBLIC_KEYS) return readPublicKey(algorithm as keyof typeof PUBLIC_KEYS, secret);
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : secret;
  const key = encoding === 'utf8' ? Buffer.from(text) : decode(text, encoding);
  return key !== undefined && key.length >= atLeastBytes ? key : undefined;
}

/** What stands before the 32 bytes of an Ed25519 key in DER. */
const ED25519_DER = Buffer.from('302a300506032b6570032100', 'hex');

/** In PEM (a certificate as well), in base64 as DER, or, of Ed25519, as its 32 bytes in hex or base64. */
function readPublicKey(algorithm: keyof typeof PUBLIC_KEYS, text: string): KeyObject | undefined {
  const [type] = PUBLIC_KEYS[algorithm];
  try {
    const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
    const der = bytes.length === 32 ? Buffer.concat([ED25519_DER, bytes]) : bytes;
    // In the variable of an environment a line break is often written as \n.
    const pem = text.includes('-----BEGIN ') ? text.replaceAll('\\n', '\n') : undefined;
    const key = createPublicKey(pem ?? { key: der, format: 'der', type: 'spki' });
    const isWeak = type === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048;
    return key.asymmetricKeyType === type && !isWeak ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Capitals, missing padding and base64url are the same bytes. @returns undefined for what is not encoded like that */
function decode(text: string, encoding: 'hex' | 'base64' | 'plain'): Buffer | undefined {
  const trimmed = text.trim();
  if (encoding === 'plain') return Buffer.from(text, 'latin1');
  if (encoding === 'hex') return /^([0-9a-f]{2})+$/i.test(trimmed) ? Buffer.from(trimmed, 'hex') : undefined;
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : undefined;
}

export type Verdict = { doubt: string } | { doubt?: undefined; replayKey: string | undefined };

/**
 * Checks a request's signature in constant time.
 *
 * @returns the doubt, only for the log, so that a guessing sender learns nothing; for a valid request with a signed time, a
 * key that is the same whenever it is posted again
 */
export function verifySignature(check: SignatureCheck, request: HookRequest, now = Date.now()): Verdict {
  try {
    return verifyRequest(check, request, now);
  } catch (error) {
    if (error instanceof MissingError) return { doubt: error.message };
    throw error;
  }
}

function verifyRequest({ scheme, keys, url }: SignatureCheck, request: HookRequest, now: number): Verdict {
  const reader = createReader(request, url);
  const entries = ({ header, at }: { header?: string | undefined; at?: string | undefined }, prefix: string) => {
    const value = reader.read(at ?? `header:${header}`);
    const all = scheme.separator === undefined ? [value.trim()] : value.split(scheme.separator).map((entry) => entry.trim());
    const fitting = all.filter((entry) => entry.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase());
    return fitting.map((entry) => entry.slice(prefix.length));
  };
  let timestamp = '';
  if (scheme.timestamp !== undefined) {
    const { prefix, format } = scheme.timestamp;
    const [first = '', ...more] = entries(scheme.timestamp, prefix);
    if (more.length > 0 || !forms[format].test(first)) return { doubt: 'it has no timestamp, or several' };
    timestamp = first;
    const ageSeconds = Math.floor(now / 1000) - Math.floor(millisecondsOf(timestamp, format) / 1000);
    // NaN is not within the tolerance either.
    if (!(Math.abs(ageSeconds) <= scheme.toleranceSeconds)) return { doubt: `it was signed ${ageSeconds} seconds ago` };
  }
  const given = entries(scheme, scheme.prefix).flatMap((entry) => decode(entry, scheme.encoding) ?? []);
  const content = contentOf(scheme, reader, timestamp, request);
  if (!keys.some((key) => given.some((one) => fits(scheme, key, content, one)))) return { doubt: 'no signature fits' };
  const names = placeholdersOf(scheme.signed);
  return { replayKey: timestamp === '' || names.includes('webhook-id') ? undefined : digestOf(content) };
}

const millisecondsOf = (text: string, format: 'seconds' | 'milliseconds' | 'iso') =>
  format === 'iso' ? Date.parse(text) : Number(text) * (format === 'seconds' ? 1000 : 1);

function contentOf(scheme: Scheme, reader: Reader, timestamp: string, { headers }: HookRequest): Buffer[] {
  const parts = partsOf(scheme.signed);
  return parts.map((part, at) => {
    if (at % 2 === 0) return Buffer.from(part);
    if (part === 'timestamp') return Buffer.from(timestamp);
    const bytes = reader.bytesOf(part);
    const wanted = scheme.forms[part];
    if (wanted !== undefined && !forms[wanted].test(bytes.toString('latin1')))
      throw new MissingError(`${part} is not of the form ${wanted}`);
    const next = parts[at + 1] ?? '';
    const isChecked = wanted === undefined && !isOfBody(part) && part !== 'url' && part !== 'method' && next !== '';
    // With the separator in a value, one signature would fit several requests: a.b + c is a + b.c.
    if (isChecked && bytes.includes(next)) throw new MissingError(`${part} contains "${next}"`);
    // With an unsigned key, a captured request could be posted again and again as a new one.
    const key = headers['idempotency-key'];
    if (part === 'webhook-id' && key !== undefined && key !== headers['webhook-id']) {
      throw new MissingError('the Idempotency-Key is not the webhook-id that is signed');
    }
    return bytes;
  });
}

function fits({ algorithm }: Scheme, key: Buffer | KeyObject, content: readonly Buffer[], given: Buffer): boolean {
  if (algorithm === 'token') return timingSafeEqual(digest(given), digest(key as Buffer));
  if (algorithm in PUBLIC_KEYS) {
    const [, hash] = PUBLIC_KEYS[algorithm as keyof typeof PUBLIC_KEYS];
    // Of ECDSA there are two forms: DER, and two numbers of 32 bytes side by side.
    const dsaEncoding = given.length === 64 ? 'ieee-p1363' : 'der';
    return verify(hash, Buffer.concat(content), { key: key as KeyObject, dsaEncoding }, given);
  }
  const hmac = createHmac(algorithm, key);
  for (const part of content) hmac.update(part);
  const wanted = hmac.digest();
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Hashes tokens, so that the comparison does not reveal their length. */
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
