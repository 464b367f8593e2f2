import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { findDoubt, presets, readKey, schemeSchema, type Scheme } from './signature.ts';

/** A delivery as a sender published it, with a secret that is nobody's. */
interface Vector {
  scheme: string;
  secret: string;
  headers: Record<string, string>;
  body: string;
  /** Seconds at which it was signed. */
  at: number;
}

const vectors: Vector[] = [
  {
    // standard-webhooks/standard-webhooks, libraries/javascript/src/webhook.test.ts: "sign function works".
    scheme: 'standard-webhooks',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
    at: 1614265330,
  },
  {
    // docs.github.com, "Validating webhook deliveries", the values to test an implementation with.
    scheme: 'github',
    secret: "It's a Secret to Everybody",
    headers: { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' },
    body: 'Hello, World!',
    at: 0,
  },
  {
    // stripe/stripe-dotnet, EventUtilityTest.cs and Resources/event_test_signature.json.
    scheme: 'stripe',
    secret: 'webhook_secret',
    headers: {
      'stripe-signature':
        't=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7,v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef',
    },
    body: `${JSON.stringify(
      {
        id: 'evt_123',
        object: 'event',
        account: 'acct_123',
        api_version: '2017-05-25',
        created: 1533204620,
        data: {
          object: { id: 'cus_123', object: 'customer', created: 123456789, email: 'test@stripe.com', livemode: false, metadata: {} },
        },
        livemode: false,
        pending_webhooks: 1,
        request: { id: 'req_123', idempotency_key: 'idempotency-key-123' },
        type: 'customer.created',
      },
      null,
      2,
    )}\n`,
    at: 1533204620,
  },
  {
    // Shopify/shopify-api-php, tests/Webhooks/RegistryTest.php, with the secret of BaseTestCase.php.
    scheme: 'shopify',
    secret: 'steffi',
    headers: { 'x-shopify-hmac-sha256': '/Redz4YXHLnSmmSN8grr5/Jl/Ua3d7yX3iWbjb8R8wo=' },
    body: '{"foo":"bar"}',
    at: 0,
  },
  {
    // docs.slack.dev, "Verifying requests from Slack", its step by step example.
    scheme: 'slack',
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    headers: {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    },
    body: 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
    at: 1531420618,
  },
];

const schemeOf = (name: string) => presets[name]!;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Whether the delivery is believed, with what is given in place of its own. */
function isBelieved(vector: Vector, given: Partial<Vector> & { secrets?: string[]; add?: Record<string, string> } = {}): boolean {
  const { scheme: name, secret, headers, body, at } = { ...vector, ...given };
  const scheme = schemeOf(name);
  const keys = (given.secrets ?? [secret]).map((one) => readKey(scheme, one)!);
  const all: Record<string, string> = { ...headers, ...given.add };
  return findDoubt({ scheme, keys }, all, bytes(body), at * 1000) === undefined;
}

describe.each(vectors)('the published delivery of $scheme', (vector) => {
  const signature = schemeOf(vector.scheme).header;

  test('is believed', () => {
    expect(isBelieved(vector)).toBe(true);
  });

  test('is not believed with another secret, and is while the right one is among several', () => {
    const other = Buffer.from('another secret that is long enough').toString('base64');
    expect(isBelieved(vector, { secret: other })).toBe(false);
    expect(isBelieved(vector, { secrets: [other, vector.secret] })).toBe(true);
    expect(isBelieved(vector, { secrets: [vector.secret, other] })).toBe(true);
    expect(isBelieved(vector, { secrets: [] })).toBe(false);
  });

  test('is not believed with a body that differs in one byte, or was written anew', () => {
    expect(isBelieved(vector, { body: `${vector.body} ` })).toBe(false);
    expect(isBelieved(vector, { body: vector.body.slice(1) })).toBe(false);
    expect(isBelieved(vector, { body: '' })).toBe(false);
  });

  test('is not believed without its signature, or with one cut, extended, in other letters or without its prefix', () => {
    const whole = vector.headers[signature]!;
    const { prefix } = schemeOf(vector.scheme);
    for (const wrong of ['', whole.slice(0, -100), whole.slice(prefix.length + 1), whole.toUpperCase(), prefix, `${prefix},`]) {
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

  test('that was set anew is not believed, nor one out of shape', () => {
    const at = vector.at + 1000;
    const name = schemeOf(vector.scheme).timestamp!.header;
    for (const text of [String(at), '', 'now', `${at}.0`, `-${at}`, ` ${at}`, `0x${at.toString(16)}`, 'NaN', '9'.repeat(30)]) {
      const value = name === 'stripe-signature' ? vector.headers[name]!.replace(/t=\d+/, `t=${text}`) : text;
      expect(isBelieved(vector, { at, add: { [name]: value } })).toBe(false);
    }
  });
});

describe('a list of signatures', () => {
  const [standard, stripe] = [vectors[0]!, vectors[2]!];

  test('is believed if one of its version fits, wherever it stands', () => {
    const good = standard.headers['webhook-signature']!;
    const other = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=';
    for (const list of [`${other} ${good}`, `${good} ${other}`, `v1a,x ${other} ${good}`]) {
      expect(isBelieved(standard, { add: { 'webhook-signature': list } })).toBe(true);
    }
    expect(isBelieved(standard, { add: { 'webhook-signature': good.replace('v1,', 'v2,') } })).toBe(false);
  });

  test('of Stripe is not believed with its v0 alone, nor with two timestamps', () => {
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

test('a signed id is the only key: another Idempotency-Key beside it is not believed', () => {
  const [standard] = vectors;
  const id = standard!.headers['webhook-id']!;
  expect(isBelieved(standard!, { add: { 'idempotency-key': id } })).toBe(true);
  expect(isBelieved(standard!, { add: { 'idempotency-key': `${id}2` } })).toBe(false);
  expect(isBelieved(vectors[1]!, { add: { 'idempotency-key': 'any' } })).toBe(true);
});

test('a scheme of one’s own signs bytes that are no text', () => {
  const scheme: Scheme = schemeSchema.parse({ header: 'x-mac', encoding: 'hex', algorithm: 'sha512', signed: 'a{x-at}|{body}' });
  const key = readKey(scheme, 'ключ')!;
  const body = Uint8Array.from([0, 255, 0x7b, 0xc3]);
  const at = 'Zürich';
  const mac = createHmac('sha512', key)
    .update(Buffer.from(`a${at}|`, 'latin1'))
    .update(body)
    .digest('hex');
  const headers: Record<string, string> = { 'x-mac': mac, 'x-at': at };
  expect(findDoubt({ scheme, keys: [key] }, headers, body)).toBeUndefined();
  expect(findDoubt({ scheme, keys: [key] }, headers, body.subarray(1))).toMatch(/x-mac/);
});

describe('a scheme', () => {
  const fitting = { header: 'x-mac', encoding: 'hex', signed: '{body}' };

  test.each([
    ['that does not sign the body', { signed: 'x' }],
    ['that signs the body twice', { signed: '{body}.{body}' }],
    ['whose timestamp is not signed', { timestamp: { header: 'x-at' } }],
    ['that signs a timestamp from nowhere', { signed: '{timestamp}.{body}' }],
    ['with nothing between two placeholders', { signed: '{x-id}{body}' }],
    ['with a header in capitals', { header: 'X-Mac' }],
    ['with an unknown algorithm', { algorithm: 'md5' }],
    ['with a misspelt key', { seperator: ',' }],
  ])('%s is refused', (_what, given) => {
    expect(schemeSchema.safeParse(fitting).success).toBe(true);
    expect(schemeSchema.safeParse({ ...fitting, ...given }).success).toBe(false);
  });
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
