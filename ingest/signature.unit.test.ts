import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { handshakeSchema } from './handshake.ts';
import { presets } from './presets.ts';
import { verifySignature, readKey, schemeSchema, type Scheme, type SchemeInput, type SignatureCheck } from './signature.ts';
import type { HookRequest } from './signed-content.ts';
import { vectors, type Vector } from '../test/support/signature-vectors.ts';

/** Published secrets are shorter than the minimum for real ones. */
const schemeOf = (name: string): Scheme => {
  const scheme = schemeSchema.parse(presets[name]!.signature);
  return { ...scheme, secret: { ...scheme.secret, atLeastBytes: 1 } };
};
const bytes = (text: string) => new TextEncoder().encode(text);
const findDoubt = (check: SignatureCheck, headers: HookRequest['headers'], body: Uint8Array, now?: number) =>
  verifySignature(check, { method: 'POST', query: check.url?.split('?')[1] ?? '', headers, body }, now).doubt;

/** Whether the delivery is accepted, with the given values in place of its own. */
function isBelieved(vector: Vector, given: Partial<Vector> & { secrets?: string[]; add?: Record<string, string> } = {}): boolean {
  const { scheme: name, secret, headers, body, at, url } = { ...vector, ...given };
  const scheme = schemeOf(name);
  const keys = (given.secrets ?? [secret]).flatMap((one) => readKey(scheme, one) ?? []);
  const all: Record<string, string> = { ...headers, ...given.add };
  return findDoubt({ scheme, keys, url }, all, bytes(body), at * 1000) === undefined;
}

describe.each(vectors)('the published delivery of $scheme', (vector) => {
  const signature = schemeOf(vector.scheme).header!;

  test('is accepted', () => {
    expect(isBelieved(vector)).toBe(true);
  });

  test('is refused with another secret, and accepted with the right one among several', () => {
    const isPublic = vector.scheme === 'sendgrid';
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
    const other = isPublic ? String(pair) : Buffer.from('another secret that is long enough').toString('base64');
    expect(isBelieved(vector, { secret: other })).toBe(false);
    expect(isBelieved(vector, { secrets: [other, vector.secret] })).toBe(true);
    expect(isBelieved(vector, { secrets: [vector.secret, other] })).toBe(true);
    expect(isBelieved(vector, { secrets: [] })).toBe(false);
  });

  test('is refused with a body that differs in one byte, or was serialized again', () => {
    expect(isBelieved(vector, { body: `${vector.body} ` })).toBe(false);
    expect(isBelieved(vector, { body: vector.body.slice(1) })).toBe(false);
    expect(isBelieved(vector, { body: '' })).toBe(false);
  });

  test('is refused without its signature, or with a truncated, extended or altered one, or without its prefix', () => {
    const whole = vector.headers[signature]!;
    const { prefix } = schemeOf(vector.scheme);
    for (const wrong of ['', whole.slice(0, -100), whole.slice(prefix.length + 2), prefix, `${prefix},`]) {
      expect(isBelieved(vector, { add: { [signature]: wrong } })).toBe(false);
    }
    expect(isBelieved(vector, { headers: { ...vector.headers, [signature]: whole.replaceAll(/[0-9]/g, '0') } })).toBe(false);
  });
});

describe.each(vectors.filter(({ scheme }) => schemeOf(scheme).timestamp !== undefined))('a timestamp of $scheme', (vector) => {
  test('may be 300 seconds old or early, and not 301', () => {
    for (const late of [300, -300]) expect(isBelieved(vector, { at: vector.at + late })).toBe(true);
    for (const late of [301, -301, 1e9]) expect(isBelieved(vector, { at: vector.at + late })).toBe(false);
  });

  test('is refused with another time, or a malformed one', () => {
    const at = vector.at + 1000;
    const name = schemeOf(vector.scheme).timestamp!.header!;
    for (const text of [String(at), '', 'now', `${at}.0`, `-${at}`, ` ${at}`, `0x${at.toString(16)}`, 'NaN', '9'.repeat(30)]) {
      const value = ['stripe-signature', 'mux-signature'].includes(name) ? vector.headers[name]!.replace(/t=\d+/, `t=${text}`) : text;
      expect(isBelieved(vector, { at, add: { [name]: value } })).toBe(false);
    }
  });
});

describe('a list of signatures', () => {
  const [standard, stripe] = [vectors[0]!, vectors[2]!];

  test('is accepted if one of its version matches, at any place', () => {
    const good = standard.headers['webhook-signature']!;
    const other = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=';
    for (const list of [`${other} ${good}`, `${good} ${other}`, `v1a,x ${other} ${good}`]) {
      expect(isBelieved(standard, { add: { 'webhook-signature': list } })).toBe(true);
    }
    expect(isBelieved(standard, { add: { 'webhook-signature': good.replace('v1,', 'v2,') } })).toBe(false);
  });

  test('of Stripe is refused with only its v0, and with two timestamps', () => {
    const header = stripe.headers['stripe-signature']!;
    expect(isBelieved(stripe, { add: { 'stripe-signature': header.replace(/v1=\w+,/, '') } })).toBe(false);
    expect(isBelieved(stripe, { add: { 'stripe-signature': `t=1533204620,${header}` } })).toBe(false);
    expect(isBelieved(stripe, { add: { 'stripe-signature': header.replaceAll(',', ', ') } })).toBe(true);
  });
});

test('a signed header cannot take over a part of what follows it', () => {
  const [standard] = vectors;
  const scheme = schemeOf('standard-webhooks');
  const keys = [readKey(scheme, standard!.secret)!];
  // Signed as id "m", time 1614265330, body "1614265330.{}"; posted as id "m.1614265330" with the body "{}".
  const signature = createHmac('sha256', keys[0]!).update('m.1614265330.1614265330.{}').digest('base64');
  const posted = (id: string, body: string) => {
    const headers: Record<string, string> = { 'webhook-id': id, 'webhook-timestamp': '1614265330', 'webhook-signature': `v1,${signature}` };
    return findDoubt({ scheme, keys }, headers, bytes(body), 1614265330_000);
  };
  expect(posted('m', '1614265330.{}')).toBeUndefined();
  expect(posted('m.1614265330', '{}')).toMatch(/webhook-id/);
  expect(posted('', '{}')).toMatch(/webhook-id/);
});

test('a signed id is the only key: another Idempotency-Key is refused', () => {
  const [standard] = vectors;
  const id = standard!.headers['webhook-id']!;
  expect(isBelieved(standard!, { add: { 'idempotency-key': id } })).toBe(true);
  expect(isBelieved(standard!, { add: { 'idempotency-key': `${id}2` } })).toBe(false);
  expect(isBelieved(vectors[1]!, { add: { 'idempotency-key': 'any' } })).toBe(true);
});

test('a custom scheme signs bytes that are not text', () => {
  const scheme: Scheme = schemeSchema.parse({ header: 'x-mac', encoding: 'hex', algorithm: 'sha512', signed: 'a{x-at}|{body}' });
  const key = readKey(scheme, 'ключ, который достаточно длинный')! as Buffer;
  const body = Uint8Array.from([0, 255, 0x7b, 0xc3]);
  const at = 'Zürich';
  const mac = createHmac('sha512', key)
    .update(Buffer.from(`a${at}|`, 'latin1'))
    .update(body)
    .digest('hex');
  const headers: Record<string, string> = { 'x-mac': mac, 'x-at': at };
  expect(findDoubt({ scheme, keys: [key] }, headers, body)).toBeUndefined();
  expect(findDoubt({ scheme, keys: [key] }, headers, body.subarray(1))).toBe('no signature fits');
});

describe('a scheme', () => {
  const fitting = { header: 'x-mac', encoding: 'hex', signed: '{body}' };

  test.each([
    ['that does not sign the body', { signed: 'x' }],
    ['that signs the body twice', { signed: '{body}.{body}' }],
    ['whose timestamp is not signed', { timestamp: { header: 'x-at' } }],
    ['that signs a timestamp from nowhere', { signed: '{timestamp}.{body}' }],
    ['with nothing between two placeholders', { signed: '{x-id}{body}' }],
    ['with a header behind the body', { signed: '{body}.{x-id}' }],
    ['with a header right behind the body', { signed: '{body}{x-id}' }],
    ['with a JSON value behind the body', { signed: '{body}|{json:id}' }],
    ['with two headers behind a fixed form', { signed: '{x-id}{x-type}{body}', forms: { 'x-id': 'uuid' } }],
    ['with a token that signs', { algorithm: 'token' }],
    ['with no place', { header: undefined }],
    ['with two places', { at: 'json:signature' }],
    ['that does not sign the body, though it should not either', { bodyIsUnsigned: true }],
    ['with an unknown form', { signed: '{x-id}{body}', forms: { 'x-id': 'word' } }],
    ['with a header in capitals', { header: 'X-Mac' }],
    ['with an unknown algorithm', { algorithm: 'md5' }],
    ['with a misspelt key', { seperator: ',' }],
  ])('%s is refused', (_what, given) => {
    expect(schemeSchema.safeParse(fitting).success).toBe(true);
    expect(schemeSchema.safeParse({ ...fitting, ...given }).success).toBe(false);
  });
});

test('content after the body may have a fixed form', () => {
  for (const signed of ['{body}{timestamp}', '{method}{url}{body}{timestamp}', '{timestamp}{body}']) {
    expect(schemeSchema.safeParse({ header: 'x-mac', signed, timestamp: { header: 'x-at', format: 'milliseconds' } }).success).toBe(true);
  }
  expect(schemeSchema.safeParse({ header: 'x-mac', signed: '{x-id}{body}', forms: { 'x-id': 'uuid' } }).success).toBe(true);
});

/** The result of a scheme for a request that was signed over `content`. */
function tried(scheme: Partial<SchemeInput>, content: string, request: Partial<HookRequest>, at = 1_700_000_000_000, url?: string) {
  const parsed = schemeSchema.parse({ header: 'x-mac', ...scheme });
  const mac = createHmac('sha256', 'k'.repeat(24))
    .update(content)
    .digest(parsed.encoding === 'hex' ? 'hex' : 'base64');
  const headers = { 'x-mac': `${parsed.prefix}${mac}`, ...request.headers };
  const check = { scheme: parsed, keys: [Buffer.from('k'.repeat(24))], url };
  return verifySignature(check, { method: 'POST', query: '', body: bytes('{}'), ...request, headers }, at).doubt;
}

describe('what is signed', () => {
  const at = '1700000000000';
  const ms = { timestamp: { header: 'x-at', format: 'milliseconds' } } as const;
  const iso = { timestamp: { header: 'x-at', format: 'iso' } } as const;
  const url = 'https://example.com/hooks/catch/1/2?a=1';

  test.each<[string, Partial<SchemeInput>, string, Partial<HookRequest>]>([
    ['milliseconds and the body', { ...ms, signed: '{timestamp}{body}' }, `${at}{}`, { headers: { 'x-at': at } }],
    [
      'an ISO time and the body',
      { ...iso, signed: '{timestamp}{body}' },
      '2023-11-14T22:13:20Z{}',
      { headers: { 'x-at': '2023-11-14T22:13:20Z' } },
    ],
    [
      'the method, the address, the body and the time',
      { ...ms, signed: '{method}{url}{body}{timestamp}' },
      `POST${url}{}${at}`,
      { headers: { 'x-at': at }, query: 'a=1' },
    ],
    ['sorted fields', { signed: '{url}{form}' }, `${url}a1b2b3`, { body: bytes('b=3&a=1&b=2'), query: 'a=1' }],
    ['a JSON value', { signed: '{json:a.0.b}', bodyIsUnsigned: true }, '7', { body: bytes('{"a":[{"b":7}]}') }],
    ['a field', { signed: '{field:token}', bodyIsUnsigned: true }, 'x y', { body: bytes('token=x+y') }],
    ['lines of JSON values', { signed: '{json-lines:A,B,C}' }, 'A\n1\nC\n3\n', { body: bytes('{"C":"3","A":"1"}') }],
    ['a checksum of the body', { signed: '{x-id}|{crc32}' }, 'i|2745614147', { headers: { 'x-id': 'i' } }],
  ])('may be %s', (_what, scheme, content, request) => {
    expect(tried(scheme, content, request, Number(at), url)).toBeUndefined();
    expect(tried(scheme, `${content}x`, request, Number(at), url)).toBe('no signature fits');
  });

  test.each<[string, Partial<SchemeInput>, Partial<HookRequest>]>([
    ['a query that the address does not have', { signed: '{url}{body}' }, { query: 'a=2' }],
    ['a JSON value that is not there', { signed: '{json:a}', bodyIsUnsigned: true }, {}],
    ['a JSON value of a body that is not JSON', { signed: '{json:a}', bodyIsUnsigned: true }, { body: bytes('a=1') }],
    ['a JSON value of the prototype', { signed: '{json:__proto__.a}', bodyIsUnsigned: true }, {}],
    ['a field that is there twice', { signed: '{field:a}', bodyIsUnsigned: true }, { body: bytes('a=1&a=2') }],
    ['more fields than a form has', { signed: '{url}{form}' }, { body: bytes('&'.repeat(2000)) }],
    ['an id of another form', { signed: '{x-id}{body}', forms: { 'x-id': 'uuid' } }, { headers: { 'x-id': '2023-11-14T22:13:20Z' } }],
    ['a time in seconds for milliseconds', { ...ms, signed: '{timestamp}{body}' }, { headers: { 'x-at': '1700000000' } }],
    ['an impossible date', { ...iso, signed: '{timestamp}{body}' }, { headers: { 'x-at': '2023-99-14T22:13:20Z' } }],
  ])('is never %s', (_what, scheme, request) => {
    expect(tried(scheme, '', request)).toMatch(/./);
  });
});

test('a signature may be written in capitals, without padding, as base64url or with a space at the end', () => {
  const mac = createHmac('sha256', 'k'.repeat(24)).update('{}>>');
  const body = bytes('{}>>');
  const digest = mac.digest();
  for (const given of [digest.toString('hex'), digest.toString('hex').toUpperCase(), `${digest.toString('hex')} `]) {
    expect(tried({ prefix: 'sha256=', signed: '{body}' }, '', { body, headers: { 'x-mac': `SHA256=${given}` } })).toBeUndefined();
  }
  const base64 = digest.toString('base64');
  for (const given of [base64, base64.replace('=', ''), digest.toString('base64url'), ` ${base64} `]) {
    expect(tried({ encoding: 'base64', signed: '{body}' }, '', { body, headers: { 'x-mac': given } })).toBeUndefined();
  }
});

test('tokens, Basic and public keys are checked too', () => {
  const doubtOf = (name: string, key: string, headers: Record<string, string>, body = '{}', at = 0) => {
    const scheme = schemeSchema.parse(presets[name]!.signature);
    return verifySignature({ scheme, keys: [readKey(scheme, key)!] }, { method: 'POST', query: '', headers, body: bytes(body) }, at).doubt;
  };
  const token = 'a-token-of-the-right-length';
  expect(doubtOf('gitlab', token, { 'x-gitlab-token': token })).toBeUndefined();
  for (const other of ['', token.slice(1), `${token}x`, token.toUpperCase()])
    expect(doubtOf('gitlab', token, { 'x-gitlab-token': other })).toMatch(/./);
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  expect(doubtOf('basic', 'user:a-long-password', basic('user:a-long-password'))).toBeUndefined();
  expect(doubtOf('basic', 'user:a-long-password', basic('user:'))).toMatch(/./);

  const ed = generateKeyPairSync('ed25519');
  const raw = ed.publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('hex');
  const signed = {
    'x-signature-ed25519': sign(null, Buffer.from('1700000000{}'), ed.privateKey).toString('hex'),
    'x-signature-timestamp': '1700000000',
  };
  expect(doubtOf('discord', raw, signed, '{}', 1_700_000_000_000)).toBeUndefined();
  expect(doubtOf('discord', raw, signed, '{ }', 1_700_000_000_000)).toBe('no signature fits');

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string;
  const message = { Message: 'm', MessageId: 'i', Timestamp: 't', TopicArn: 'a', Type: 'Notification' };
  const text = Object.entries(message)
    .map(([key, value]) => `${key}\n${value}\n`)
    .join('');
  const Signature = sign('sha256', Buffer.from(text), rsa.privateKey).toString('base64');
  expect(doubtOf('aws-sns', pem, {}, JSON.stringify({ ...message, Signature }))).toBeUndefined();
  expect(doubtOf('aws-sns', pem, {}, JSON.stringify({ ...message, Message: 'n', Signature }))).toBe('no signature fits');
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'pem', type: 'spki' }) as string;
  for (const key of [weak, raw, 'nonsense']) expect(readKey(schemeSchema.parse(presets['aws-sns']!.signature), key)).toBeUndefined();
});

test('a public key may have the form that its vendor shows, and an ECDSA signature either form', () => {
  const scheme = (algorithm: SchemeInput['algorithm']) =>
    schemeSchema.parse({ header: 'x-mac', encoding: 'base64', algorithm, signed: '{body}' });
  const ed = generateKeyPairSync('ed25519');
  const pem = ed.publicKey.export({ format: 'pem', type: 'spki' }) as string;
  const der = ed.publicKey.export({ format: 'der', type: 'spki' });
  const raw = der.subarray(12);
  const headers = { 'x-mac': sign(null, Buffer.from('{}'), ed.privateKey).toString('base64') };
  const spellings = [pem, pem.replaceAll('\n', '\\n'), pem.replaceAll('\n', '\r\n'), der.toString('base64'), der.toString('base64url')];
  for (const key of [
    ...spellings,
    raw.toString('hex'),
    raw.toString('hex').toUpperCase(),
    raw.toString('base64'),
    raw.toString('base64url'),
  ]) {
    expect(findDoubt({ scheme: scheme('ed25519'), keys: [readKey(scheme('ed25519'), key)!] }, headers, bytes('{}'))).toBeUndefined();
  }
  expect(readKey(scheme('rsa-sha256'), pem)).toBeUndefined();

  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const dsaEncoding of ['der', 'ieee-p1363'] as const) {
    const given = sign('sha256', Buffer.from('{}'), { key: ec.privateKey, dsaEncoding }).toString('base64url');
    const check = { scheme: scheme('ecdsa-sha256'), keys: [ec.publicKey] };
    expect(findDoubt(check, { 'x-mac': given }, bytes('{}'))).toBeUndefined();
    expect(findDoubt(check, { 'x-mac': given }, bytes('{ }'))).toBe('no signature fits');
  }
});

test('Adyen’s published notification is believed, with its key in hex and the signature in the body', () => {
  // Adyen/adyen-node-api-library, src/__tests__/hmacValidator.spec.ts.
  const item = {
    additionalData: { hmacSignature: 'coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=' },
    ...{ amount: { value: 1130, currency: 'EUR' }, pspReference: '7914073381342284', merchantAccountCode: 'TestMerchant' },
    ...{ eventCode: 'AUTHORISATION', merchantReference: 'TestPayment-1407325143704', success: 'true' },
  };
  const scheme = schemeOf('adyen');
  const keys = [readKey(scheme, '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056')!];
  const posted = (one: object) => bytes(JSON.stringify({ notificationItems: [{ NotificationRequestItem: one }] }));
  expect(findDoubt({ scheme, keys }, {}, posted(item))).toBeUndefined();
  expect(findDoubt({ scheme, keys }, {}, posted({ ...item, amount: { value: 1131, currency: 'EUR' } }))).toBe('no signature fits');
});

test('every preset fits the schema', () => {
  for (const { signature, handshake } of Object.values(presets)) {
    if (signature !== undefined) schemeSchema.parse(signature);
    if (handshake !== undefined) handshakeSchema.parse(handshake);
  }
});

describe('a secret', () => {
  test.each([
    ['standard-webhooks', undefined],
    ['standard-webhooks', ''],
    ['standard-webhooks', 'whsec_'],
    ['standard-webhooks', 'whsec_not base64!'],
    ['github', undefined],
    ['github', ''],
  ])('of %s that is %j has no key', (scheme, secret) => {
    expect(readKey(schemeOf(scheme), secret)).toBeUndefined();
  });

  test('in base64 may lack its prefix and its padding, and one in text keeps what looks like a prefix', () => {
    const scheme = schemeOf('standard-webhooks');
    expect(readKey(scheme, 'whsec_QUJDRA==')).toEqual(Buffer.from('ABCD'));
    expect(readKey(scheme, 'QUJDRA')).toEqual(Buffer.from('ABCD'));
    expect(readKey(schemeOf('stripe'), 'whsec_abc')).toEqual(Buffer.from('whsec_abc'));
  });
});
