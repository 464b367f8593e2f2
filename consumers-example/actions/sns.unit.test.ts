import { describe, expect, test } from 'vitest';
import { attempt } from './attempt.ts';
import type { Delivery } from './deliveries.ts';
import { CallError, type Call } from './guarded-client.ts';
import { confirmationUrl, wants } from './sns.ts';
import type { Target } from './targets.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:orders';
// As AWS's documentation has it.
const url = (topic = TOPIC, host = 'sns.eu-central-1.amazonaws.com') =>
  `https://${host}/?Action=ConfirmSubscription&TopicArn=${topic}&Token=2336412f37`;
const message = { Type: 'SubscriptionConfirmation', MessageId: '165545c9', Token: '2336412f37', TopicArn: TOPIC, SubscribeURL: url() };
const bodyOf = (metadata: unknown) => JSON.stringify({ type: 'zap-run.created', data: { id: 'r', headers: {}, metadata } });

describe('a subscription is confirmed', () => {
  test.each([TOPIC, 'arn:aws:sns:*:123456789012:orders', 'arn:aws:sns:eu-*:123456789012:*'])('of a topic that %s names', (topics) => {
    expect(confirmationUrl(bodyOf(message), topics)?.href).toBe(url());
  });

  test.each<[string, unknown]>([
    ['another type', { ...message, Type: 'Notification' }],
    ['an unsubscription', { ...message, Type: 'UnsubscribeConfirmation' }],
    [
      'a topic of another account',
      { ...message, TopicArn: TOPIC.replace('012:', '013:'), SubscribeURL: url(TOPIC.replace('012:', '013:')) },
    ],
    ['another topic', { ...message, TopicArn: `${TOPIC}2`, SubscribeURL: url(`${TOPIC}2`) }],
    ['no topic', { ...message, TopicArn: undefined }],
    ['a URL for another topic', { ...message, SubscribeURL: url(`${TOPIC}2`) }],
    ['a URL for two topics', { ...message, SubscribeURL: `${url()}&TopicArn=${TOPIC}2` }],
    ['a URL that does something else', { ...message, SubscribeURL: url().replace('ConfirmSubscription', 'DeleteTopic') }],
    ['a URL that does two things', { ...message, SubscribeURL: `${url()}&Action=DeleteTopic` }],
    ['a URL of another region', { ...message, SubscribeURL: url(TOPIC, 'sns.us-east-1.amazonaws.com') }],
    ['no URL', { ...message, SubscribeURL: undefined }],
    ['a malformed URL', { ...message, SubscribeURL: 'confirm' }],
    ['a list of URLs', { ...message, SubscribeURL: [url()] }],
    ['plain http', { ...message, SubscribeURL: url().replace('https', 'http') }],
    ['a port', { ...message, SubscribeURL: url(TOPIC, 'sns.eu-central-1.amazonaws.com:8443') }],
    ['a user', { ...message, SubscribeURL: url(TOPIC, 'user@sns.eu-central-1.amazonaws.com') }],
    ['a path', { ...message, SubscribeURL: url().replace('/?', '/latest?') }],
    ...[
      ...[
        'sns.eu-central-1.amazonaws.com.evil.example',
        'evil.example',
        'sns.eu-central-1.amazonaws.co',
        'xsns.eu-central-1.amazonaws.com',
      ],
      ...['sns.amazonaws.com', 'sns.eu-central-1.evil.amazonaws.com', 's3.eu-central-1.amazonaws.com', 'sns.eu-central-1.amazonaws.com.'],
      ...['sns-eu-central-1.amazonaws.com', '169.254.169.254', '[::1]', 'evil.example#sns.eu-central-1.amazonaws.com'],
      ...['evil.example\\sns.eu-central-1.amazonaws.com', 'sns.eu-central-1.amazonaws.com%2eevil.example', 'sns.x.amazonaws.com'],
    ].map((host): [string, unknown] => [`the host ${host}`, { ...message, SubscribeURL: url(TOPIC, host) }]),
    ['text', 'SubscriptionConfirmation'],
    ['nothing', null],
    ['a list', [message]],
  ])('never with %s', (_what, metadata) => {
    expect(confirmationUrl(bodyOf(metadata), 'arn:aws:sns:*:123456789012:orders')).toBeUndefined();
    expect(wants({ confirmSns: TOPIC }, { body: bodyOf(metadata) })).toBe(false);
    expect(wants({}, { body: bodyOf(metadata) })).toBe(true);
  });
});

const target: Target = {
  ...{ name: 'topic', zap: '1/2', url: new URL('https://sns.amazonaws.com/'), method: 'GET', headers: {}, keys: [], timeoutMs: 1000 },
  ...{ concurrency: 1, on4xx: 'dead', insecure: false, confirmSns: TOPIC },
};
const delivery = (metadata: unknown): Delivery => ({
  ...{ eventId: 'r', zap: '1/2', body: bodyOf(metadata), target: 'topic', attempts: 0, lease: new Date() },
});

test('the call is a GET with nothing of ours in it', async () => {
  const calls: Call[] = [];
  const call = async (one: Call) => {
    calls.push(one);
    return { status: 200, retryAfter: undefined };
  };
  const { outcome } = await attempt(delivery(message), target, { call }, [5000]);
  expect(outcome).toMatchObject({ state: 'delivered', status: 200 });
  expect(calls).toEqual([{ url: new URL(url()), method: 'GET', headers: { 'user-agent': 'webhook-outbox' }, body: '', timeoutMs: 1000 }]);
});

test('only a confirmation is called, and one that SNS refuses is not called again', async () => {
  const refuse = async () => ({ status: 403, retryAfter: undefined });
  expect((await attempt(delivery(message), target, { call: refuse }, [5000])).outcome.state).toBe('dead');
  const never = () => Promise.reject(new CallError('network', 'it was called'));
  expect((await attempt(delivery({ ...message, Type: 'Notification' }), target, { call: never }, [5000])).answer).toBe('blocked');
});
