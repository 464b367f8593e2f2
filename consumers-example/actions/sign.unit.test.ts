import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { toAction } from './payload.ts';
import { parseSecret, signatureHeaders, webhookId } from './sign.ts';

const secret = (bytes = 24) => `whsec_${randomBytes(bytes).toString('base64')}`;
const body = '{"text":"größer \\u0000 😀"}';
const verifies = (signer: string, headers: Record<string, string>, text = body) => {
  try {
    new Webhook(signer).verify(text, headers);
    return true;
  } catch {
    return false;
  }
};

describe('a signature', () => {
  test.each([24, 32, 64])('with a secret of %i bytes is believed by the official library', (bytes) => {
    const one = secret(bytes);
    expect(verifies(one, signatureHeaders('run_target', new Date(), body, [parseSecret(one)]))).toBe(true);
  });

  test('is not believed with another secret, another body or another id', () => {
    const one = secret();
    const headers = signatureHeaders('run_target', new Date(), body, [parseSecret(one)]);
    expect(verifies(secret(), headers)).toBe(false);
    expect(verifies(one, headers, `${body} `)).toBe(false);
    expect(verifies(one, { ...headers, 'webhook-id': 'run_other' })).toBe(false);
  });

  test('is not believed five minutes later', () => {
    const one = secret();
    expect(verifies(one, signatureHeaders('a', new Date(Date.now() - 301_000), body, [parseSecret(one)]))).toBe(false);
  });

  test('while two secrets live is believed by those who have the old one and by those who have the new', () => {
    const [fresh, old] = [secret(), secret()];
    const headers = signatureHeaders('a', new Date(), body, [parseSecret(fresh), parseSecret(old)]);
    expect([fresh, old, secret()].map((one) => verifies(one, headers))).toEqual([true, true, false]);
  });

  test('is the one of the specification', () => {
    const headers = signatureHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', new Date(1_614_265_330_000), '{"test": 2432232314}', [
      parseSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
    ]);
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});

test('the id is the same for an event and a target, and has no dot, which separates what is signed', () => {
  expect(webhookId('0192-a', 'crm')).toBe('0192-a_crm');
});

test.each(['', 'whsec_', 'secret', `whsec_${'a'.repeat(8)}`, `whsec_${randomBytes(65).toString('base64')}`, `${secret()}!`])(
  'an invalid secret is refused and not repeated',
  (text) => {
    expect(() => parseSecret(text)).toThrow(/^it (is not of the form whsec_<base64>|has \d+ bytes, and 24 to 64 are allowed)$/);
  },
);

describe('the body', () => {
  const event = {
    ...{
      zapRunId: '01930000-0000-7000-8000-000000000000',
      userId: 'u',
      zapId: 'z',
      receivedAt: 1_764_000_000_000,
      headers: { 'x-event-type': 'a"b' },
    },
  };

  test.each(['{"a":1}', 'null', '""', '{"n":9007199254740993,"n":1e400, "s":"\\u0000\\ud800"}\n', ' [ ] ', '{"a":{"b":"}}"}}'])(
    'carries the metadata as the text that it was: %j',
    (metadata) => {
      const { body: text, zap, eventId } = toAction({ ...event, metadata });
      expect({ zap, eventId }).toEqual({ zap: 'u/z', eventId: event.zapRunId });
      expect(text.endsWith(`,"metadata":${metadata}}}`)).toBe(true);
      expect(JSON.parse(text)).toEqual({
        type: 'zap-run.created',
        timestamp: '2025-11-24T16:00:00.000Z',
        data: {
          ...{ id: event.zapRunId, userId: 'u', zapId: 'z', receivedAt: '2025-11-24T16:00:00.000Z', headers: event.headers },
          metadata: JSON.parse(metadata) as unknown,
        },
      });
    },
  );

  test.each([
    { metadata: '' },
    { metadata: '{}}' },
    { metadata: '1},"x":{' },
    { metadata: '"\0"' },
    { zapRunId: 'x' },
    { userId: 'a/b' },
    { zapId: '' },
    { receivedAt: 9e15 },
  ])('is not made of an event with %j', (fault) => {
    expect(() => toAction({ ...event, metadata: '{}', ...fault })).toThrow(expect.objectContaining({ code: 'REFUSED' }));
  });
});
