import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { gzipSync } from 'node:zlib';

// Ways to get past a hook's signature, as people try them. Each is a request to ingest; all but the good ones get 401.

export interface Try {
  what: string;
  zap: string;
  headers: Record<string, string>;
  body?: string | Buffer<ArrayBuffer>;
  query?: string;
  method?: string;
  /** It is signed as it should be. */
  isGood?: true;
}

const SECRET = 'a-secret-of-the-hook-that-nobody-knows';
const OTHER = 'a-secret-of-another-hook-of-the-same-user';
const KEY = Buffer.from('a key of standard webhooks that is long enough');
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const strangers = generateKeyPairSync('ed25519').privateKey;

/** What zaps.json refers to. */
export const tryEnv = {
  SECRET,
  OTHER,
  WHSEC: `whsec_${KEY.toString('base64')}`,
  PUBLIC: publicKey.export({ format: 'pem', type: 'spki' }) as string,
};
const of = (zapId: string, secret = 'env:SECRET', more: object = {}) => ({ zapId, preset: zapId, secrets: [secret], ...more });
export const tryHooks = [
  ...[of('github'), of('slack'), of('stripe'), of('gitlab'), of('basic'), of('bearer'), of('mailgun')],
  ...[of('standard-webhooks', 'env:WHSEC'), of('discord', 'env:PUBLIC'), of('twilio', 'env:SECRET', { url: 'https://hooks.example/in' })],
  { zapId: 'other', preset: 'github', secrets: ['env:OTHER'] },
];

const BODY = '{"a": 1}';
const mac = (content: string | Buffer, key: string | Buffer = SECRET, algorithm = 'sha256') => createHmac(algorithm, key).update(content);
const hex = (content: string | Buffer, key?: string | Buffer, algorithm?: string) => mac(content, key, algorithm).digest('hex');
const seconds = (late = 0) => String(Math.floor(Date.now() / 1000) - late);
const rows = (zap: string, body: Try['body'], tries: Record<string, Record<string, string>>): Try[] =>
  Object.entries(tries).map(([what, headers]) => ({ what: `${zap}: ${what}`, zap, headers, ...(body === undefined ? {} : { body }) }));

function ofTheBody(): Try[] {
  const [name, right] = ['x-hub-signature-256', `sha256=${hex(BODY)}`];
  const given = (value: string) => ({ [name]: value });
  const digit = right.endsWith('0') ? '1' : '0';
  const one = (what: string, headers: Record<string, string>, more: Partial<Try>): Try => ({
    ...{ what: `github: ${what}`, zap: 'github', headers, body: BODY, ...more },
  });
  return [
    one('the right one', given(right), { isGood: true }),
    ...rows('github', BODY, {
      none: {},
      'an empty one': given(''),
      'the prefix alone': given('sha256='),
      'no prefix': given(right.slice(7)),
      'another prefix': given(right.replace('sha256', 'sha512')),
      'that of another body': given(`sha256=${hex('{"a": 2}')}`),
      'that of an empty body': given(`sha256=${hex('')}`),
      'that of the JSON without its spaces': given(`sha256=${hex('{"a":1}')}`),
      'that of the body with a line break': given(`sha256=${hex(`${BODY}\n`)}`),
      'that of another secret': given(`sha256=${hex(BODY, 'x')}`),
      'that of another hook': given(`sha256=${hex(BODY, OTHER)}`),
      'that of an empty secret': given(`sha256=${hex(BODY, '')}`),
      'body and secret changed about': given(`sha256=${hex(SECRET, BODY)}`),
      'a hash without a secret': given(`sha256=${createHash('sha256').update(BODY).digest('hex')}`),
      'a hash of secret and body': given(
        `sha256=${createHash('sha256')
          .update(SECRET + BODY)
          .digest('hex')}`,
      ),
      'SHA-1': given(`sha256=${hex(BODY, SECRET, 'sha1')}`),
      'SHA-1 under its own name': given(`sha1=${hex(BODY, SECRET, 'sha1')}`),
      'SHA-512': given(`sha256=${hex(BODY, SECRET, 'sha512')}`),
      'the secret itself': given(SECRET),
      'one digit changed': given(right.slice(0, -1) + digit),
      'one digit less': given(right.slice(0, -1)),
      'one byte less': given(right.slice(0, -2)),
      'one byte more': given(`${right}00`),
      'half of it': given(right.slice(0, 39)),
      'it twice': given(right + right.slice(7)),
      'it in a list': given(`${right},${right}`),
      'it behind a wrong one': given(`sha256=${'0'.repeat(64)}, ${right}`),
      zeros: given(`sha256=${'0'.repeat(64)}`),
      'base64 in place of hex': given(`sha256=${mac(BODY).digest('base64')}`),
      'hex in 0x': given(`sha256=0x${hex(BODY)}`),
      'spaces inside': given(right.replace(/(..)$/, ' $1')),
      'a header of another vendor': { 'x-hub-signature': right },
    }),
    one('it in the query', {}, { query: `?${name}=${right}` }),
    one('it in the body', {}, { body: JSON.stringify({ [name]: right }) }),
    one('it with another body', given(right), { body: '{"a": 2}' }),
    one('it for a hook with another secret', given(right), { zap: 'other' }),
    one('that of what was packed', { ...given(right), 'content-encoding': 'gzip' }, { body: gzipSync(BODY) }),
    one('that of nothing for a query', given(`sha256=${hex('')}`), { body: '', query: '?a=1' }),
    one('that of the body for a GET', given(right), { method: 'GET', body: '', query: '?a=1' }),
    one('none, and another method', {}, { method: 'PUT' }),
    one('none, and DELETE', {}, { method: 'DELETE' }),
    one('none, and a slash', {}, { zap: 'github/' }),
  ];
}

function ofTheTime(): Try[] {
  const slack = (at: string, signature = `v0=${hex(`v0:${at}:${BODY}`)}`) => ({
    ...{ 'x-slack-request-timestamp': at, 'x-slack-signature': signature },
  });
  const now = seconds();
  const right = slack(now)['x-slack-signature'];
  const challenge = '{"type":"url_verification","challenge":"c"}';
  const stripe = (value: string) => ({ 'stripe-signature': value });
  const v1 = hex(`${now}.${BODY}`);
  return [
    ...rows('slack', BODY, {
      'no time': { 'x-slack-signature': right },
      'no signature': { 'x-slack-request-timestamp': now },
      'a time of five minutes ago': slack(seconds(310)),
      'a time of yesterday': slack(seconds(86_400)),
      'a time to come': slack(seconds(-3600)),
      'another time beside it': slack(seconds(-5), right),
      'a time in milliseconds': slack(`${now}000`),
      'a time with a fraction': slack(`${now}.0`),
      'a time with a plus': slack(`+${now}`),
      'a time in hex': slack(`0x${Number(now).toString(16)}`),
      'a time in words': slack(new Date().toISOString()),
      'a time that is not a number': slack('NaN'),
      'an empty time': slack(''),
      'two times': slack(`${now}, ${now}`),
      'another version': slack(now, right.replace('v0=', 'v1=')),
      'that of the body alone': slack(now, `v0=${hex(BODY)}`),
      'other separators': slack(now, `v0=${hex(`v0.${now}.${BODY}`)}`),
    }),
    { what: 'slack: a challenge that is not signed', zap: 'slack', headers: {}, body: challenge },
    { what: 'slack: a challenge with the signature of an event', zap: 'slack', headers: slack(now), body: challenge },
    { what: 'slack: the right one', zap: 'slack', headers: slack(now), body: BODY, isGood: true },
    { what: 'stripe: the right one', zap: 'stripe', headers: stripe(`t=${now},v1=${v1}`), body: BODY, isGood: true },
    ...rows('stripe', BODY, {
      'no time': stripe(`v1=${v1}`),
      'two times': stripe(`t=${now},t=${seconds(-1)},v1=${v1}`),
      'the old version alone': stripe(`t=${now},v0=${v1}`),
      'another time': stripe(`t=${seconds(-7)},v1=${v1}`),
      'a time that belongs to the body': stripe(`t=${now.slice(0, 9)},v1=${v1}`),
      'a hundred guesses': stripe(`t=${now},${Array.from({ length: 100 }, () => `v1=${randomBytes(32).toString('hex')}`).join(',')}`),
    }),
  ];
}

function ofAnId(): Try[] {
  const now = seconds();
  const standard = (id: string, at = now, body = BODY, key: Buffer = KEY) => `v1,${mac(`${id}.${at}.${body}`, key).digest('base64')}`;
  const headers = (id: string, signature: string, at = now) => ({
    ...{ 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature },
  });
  return [
    { what: 'standard: the right one', zap: 'standard-webhooks', headers: headers('good', standard('good')), body: BODY, isGood: true },
    ...rows('standard-webhooks', BODY, {
      'another id': headers('b', standard('a')),
      'no id': { 'webhook-timestamp': now, 'webhook-signature': standard('') },
      'an id that takes over the time': headers(`a.${now}`, standard('a', now, `${now}.${BODY}`)),
      'another version': headers('a', standard('a').replace('v1,', 'v1a,')),
      'no version': headers('a', standard('a').slice(3)),
      'a comma in place of the space': headers('a', `v1,AAAA,${standard('a')}`),
      'the secret as it is written': headers('a', standard('a', now, BODY, Buffer.from(tryEnv.WHSEC))),
      'another key beside the id': { ...headers('a', standard('a')), 'idempotency-key': 'b' },
      'an old one': headers('a', standard('a', seconds(301)), seconds(301)),
    }),
  ];
}

function ofTokens(): Try[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return [
    { what: 'gitlab: the right one', zap: 'gitlab', headers: { 'x-gitlab-token': SECRET }, body: BODY, isGood: true },
    ...rows('gitlab', BODY, {
      none: {},
      empty: { 'x-gitlab-token': '' },
      'a part of it': { 'x-gitlab-token': SECRET.slice(0, -1) },
      'more than it': { 'x-gitlab-token': `${SECRET}x` },
      'in capitals': { 'x-gitlab-token': SECRET.toUpperCase() },
      twice: { 'x-gitlab-token': `${SECRET}, ${SECRET}` },
      'in base64': { 'x-gitlab-token': base64(SECRET) },
      'as a bearer': { authorization: `Bearer ${SECRET}` },
    }),
    ...rows('basic', BODY, {
      'not in base64': { authorization: `Basic ${SECRET}` },
      'without its name': { authorization: base64(SECRET) },
      'with a user in front': { authorization: `Basic ${base64(`:${SECRET}`)}` },
      'in base64 twice': { authorization: `Basic ${base64(base64(SECRET))}` },
    }),
    ...rows('bearer', BODY, {
      'under the name of Basic': { authorization: `Basic ${base64(SECRET)}` },
      'with nothing': { authorization: 'Bearer ' },
    }),
  ];
}

function inTheBody(): Try[] {
  const now = seconds();
  const mailgun = (signature: object) => JSON.stringify({ signature, 'event-data': {} });
  const right = { timestamp: now, token: 'tok', signature: hex(`${now}tok`) };
  const one = (what: string, zap: string, body: string, headers: Record<string, string> = {}): Try => ({
    what: `${zap}: ${what}`,
    zap,
    headers,
    body,
  });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const twilio = { ...form, 'x-twilio-signature': mac('https://hooks.example/ina1b2', SECRET, 'sha1').digest('base64') };
  const ed = (key = privateKey, at = now, body = BODY) => ({
    ...{ 'x-signature-timestamp': at, 'x-signature-ed25519': sign(null, Buffer.from(at + body), key).toString('hex') },
  });
  return [
    { ...one('the right one', 'mailgun', mailgun(right)), isGood: true },
    one('another token', 'mailgun', mailgun({ ...right, token: 'tok2' })),
    one('another time', 'mailgun', mailgun({ ...right, timestamp: seconds(-1) })),
    one('a token that takes from the time', 'mailgun', mailgun({ ...right, timestamp: now.slice(0, 9), token: `${now.slice(9)}tok` })),
    one('a list of signatures', 'mailgun', mailgun({ ...right, signature: [right.signature] })),
    one('none', 'mailgun', mailgun({ timestamp: now, token: 'tok' })),
    one('in the header', 'mailgun', mailgun({}), { signature: right.signature }),
    one('no JSON', 'mailgun', `signature=${right.signature}`, form),
    { ...one('the right one', 'twilio', 'b=2&a=1', twilio), isGood: true },
    one('a field more', 'twilio', 'a=1&b=2&c=3', twilio),
    one('a field less', 'twilio', 'a=1', twilio),
    one('another value', 'twilio', 'a=1&b=3', twilio),
    { ...one('a query that was not signed', 'twilio', 'a=1&b=2', twilio), query: '?c=3' },
    { ...one('the right one', 'discord', BODY, ed()), isGood: true },
    one('that of another key', 'discord', BODY, ed(strangers)),
    one('that of another body', 'discord', BODY, ed(privateKey, now, '{}')),
    one('zeros', 'discord', BODY, { ...ed(), 'x-signature-ed25519': '0'.repeat(128) }),
    one('half of it', 'discord', BODY, { ...ed(), 'x-signature-ed25519': ed()['x-signature-ed25519'].slice(0, 64) }),
    one('an HMAC with the public key', 'discord', BODY, { ...ed(), 'x-signature-ed25519': hex(now + BODY, tryEnv.PUBLIC, 'sha512') }),
  ];
}

export const tries = (): Try[] => [...ofTheBody(), ...ofTheTime(), ...ofAnId(), ...ofTokens(), ...inTheBody()];
