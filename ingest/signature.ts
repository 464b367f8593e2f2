import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { RequestHeaders } from './webhook.ts';

// Whether a request comes from who knows the zap's secret. How a sender signs is data, so another sender is a few lines
// of zaps.json. Fails closed: whatever is missing, there twice or out of shape counts as not signed.

const PLACEHOLDER = /\{([a-z0-9-]+)\}/g;
const TOLERANCE_SECONDS = 300;
const header = z.string().regex(/^[a-z0-9-]+$/, 'expected the name of a header in lower case');

/** How a sender signs: an HMAC over a text in which the body stands as the bytes that arrived. */
const scheme = z.strictObject({
  /** Where the signature is. */
  header,
  /** What stands between the entries where the header is a list, as several signatures are while a secret rotates. */
  separator: z.string().min(1).optional(),
  /** What a signature begins with; a list's other entries are passed over. */
  prefix: z.string().default(''),
  encoding: z.enum(['hex', 'base64']),
  algorithm: z.enum(['sha256', 'sha384', 'sha512', 'sha1']).default('sha256'),
  /** What is signed: text with `{body}`, `{timestamp}`, and `{name}` for the value of any header. */
  signed: z.string(),
  /** Where the seconds since 1970 are: a header's value, or that one of its entries that begins with the prefix. */
  timestamp: z.strictObject({ header, prefix: z.string().default('') }).optional(),
  /** How a secret is written: as it is, or in base64; in both cases with a prefix that may be absent. */
  secret: z.strictObject({ encoding: z.enum(['utf8', 'base64']), prefix: z.string() }).default({ encoding: 'utf8', prefix: '' }),
});

export const schemeSchema = scheme.superRefine(({ signed, timestamp }, context) => {
  const names = [...signed.matchAll(PLACEHOLDER)].map(([, name]) => name);
  const fault = (message: string) => context.addIssue({ code: 'custom', path: ['signed'], message });
  if (names.filter((name) => name === 'body').length !== 1) fault('{body} must be in it once');
  // A time that is not signed can be set anew by whoever posts a captured request again.
  if (names.includes('timestamp') !== (timestamp !== undefined)) fault('{timestamp} must be in it if, and only if, "timestamp" is given');
  if (signed.includes('}{')) fault('two placeholders need a text between them, or nobody knows where one ends');
});

export type Scheme = z.output<typeof scheme>;

/** What a zap demands: a way to sign, and the secrets that are live (more than one while they rotate). */
export interface SignatureCheck {
  scheme: Scheme;
  keys: readonly Buffer[];
}

/** Senders whose way to sign is published. */
const published: Record<string, z.input<typeof scheme>> = {
  'standard-webhooks': {
    header: 'webhook-signature',
    separator: ' ',
    prefix: 'v1,',
    encoding: 'base64',
    signed: '{webhook-id}.{timestamp}.{body}',
    timestamp: { header: 'webhook-timestamp' },
    secret: { encoding: 'base64', prefix: 'whsec_' },
  },
  github: { header: 'x-hub-signature-256', prefix: 'sha256=', encoding: 'hex', signed: '{body}' },
  stripe: {
    header: 'stripe-signature',
    separator: ',',
    prefix: 'v1=',
    encoding: 'hex',
    signed: '{timestamp}.{body}',
    timestamp: { header: 'stripe-signature', prefix: 't=' },
  },
  shopify: { header: 'x-shopify-hmac-sha256', encoding: 'base64', signed: '{body}' },
  slack: {
    header: 'x-slack-signature',
    prefix: 'v0=',
    encoding: 'hex',
    signed: 'v0:{timestamp}:{body}',
    timestamp: { header: 'x-slack-request-timestamp' },
  },
};
export const presets = z.record(z.string(), schemeSchema).parse(published);

/** The bytes of a secret. @returns undefined when it is not set, empty, or not what the scheme says */
export function readKey({ secret: { encoding, prefix } }: Scheme, secret = ''): Buffer | undefined {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : secret;
  const key = Buffer.from(text, encoding);
  const isWhole = key.toString(encoding).replace(/=+$/, '') === text.replace(/=+$/, '');
  return key.length > 0 && (encoding === 'utf8' || isWhole) ? key : undefined;
}

/**
 * Checks a request's signature in constant time.
 *
 * @param body the bytes that arrived; of a GET its query as it stands in the URL
 * @returns undefined when it is good, else the reason: for the log, as a sender that guesses should learn nothing
 */
export function findDoubt(
  { scheme, keys }: SignatureCheck,
  headers: RequestHeaders,
  body: Uint8Array,
  now = Date.now(),
): string | undefined {
  const valueOf = (name: string) => [headers[name]].flat().join(', ');
  const entries = (name: string, prefix: string) => {
    const value = valueOf(name);
    const all = scheme.separator === undefined ? [value] : value.split(scheme.separator).map((entry) => entry.trim());
    return all.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length));
  };

  let timestamp = '';
  if (scheme.timestamp !== undefined) {
    const [first = '', ...more] = entries(scheme.timestamp.header, scheme.timestamp.prefix);
    if (more.length > 0 || !/^\d{1,12}$/.test(first)) return `${scheme.timestamp.header} has no timestamp, or several`;
    timestamp = first;
    const ageSeconds = Math.floor(now / 1000) - Number(timestamp);
    if (Math.abs(ageSeconds) > TOLERANCE_SECONDS) return `it was signed ${ageSeconds} seconds ago`;
  }
  const content: Buffer[] = [];
  // Literals are at the even places, placeholders between them.
  const parts = scheme.signed.split(PLACEHOLDER);
  for (const [at, part] of parts.entries()) {
    const isLiteral = at % 2 === 0;
    if (isLiteral || part === 'timestamp') content.push(Buffer.from(isLiteral ? part : timestamp));
    else if (part === 'body') content.push(Buffer.from(body.buffer, body.byteOffset, body.length));
    else {
      const [value, next = ''] = [valueOf(part), parts[at + 1]];
      // With the separator in a value, one signature would fit several requests: a.b + c is a + b.c.
      if (value === '' || (next !== '' && value.includes(next))) return `${part} is missing or contains "${next}"`;
      // A key that is not signed would let a captured request in again and again, each time as another one.
      const key = headers['idempotency-key'];
      if (part === 'webhook-id' && key !== undefined && key !== value) return 'the Idempotency-Key is not the webhook-id that is signed';
      content.push(Buffer.from(value, 'latin1'));
    }
  }
  const given = entries(scheme.header, scheme.prefix).map((entry) => Buffer.from(entry));
  const fits = keys.some((key) => {
    const hmac = createHmac(scheme.algorithm, key);
    for (const part of content) hmac.update(part);
    // Compared as texts: decoding would take several texts for the same bytes.
    const wanted = Buffer.from(hmac.digest(scheme.encoding));
    return given.some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
  });
  return fits ? undefined : `${scheme.header} has no signature that fits`;
}
