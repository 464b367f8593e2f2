import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { stubbed } from '../test/support/stubbed-ingest.ts';
import { createApp } from './app.ts';
import { createAccessControl } from './access-control.ts';
import { loadZaps } from './zaps.ts';

const SECRET = 'a-secret-that-is-long-enough';
const env = { SECRET, VERIFY: 'mine' };
const folder = mkdtempSync(join(tmpdir(), 'handshake-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The app with one hook, and what it recorded. */
function hookOf(settings: object) {
  const path = join(folder, 'zaps.json');
  writeFileSync(path, JSON.stringify({ zaps: [{ userId: 'u', zapId: 'z', ...settings }] }));
  const zaps = loadZaps(path, env);
  const { dependencies, recorded } = stubbed({ access: createAccessControl(() => zaps, { take: () => undefined }) });
  const app = createApp(dependencies);
  const send = async (method: string, query = '', headers: Record<string, string> = {}, body?: string) =>
    app.request(`/hooks/catch/u/z${query}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
    });
  return { send, recorded };
}

const hmac = (text: string, encoding: 'hex' | 'base64' = 'hex') => createHmac('sha256', SECRET).update(text).digest(encoding);
const now = () => String(Math.floor(Date.now() / 1000));
type Sent = [method: string, query: string, headers: Record<string, string>, body?: string];
interface Example {
  vendor: string;
  hook: object;
  sent: () => Sent;
  type?: string | null;
  body?: string;
  headers?: Record<string, string>;
}

const slack = (body: string, secret = SECRET, at = now()) => ({
  'x-slack-request-timestamp': at,
  'x-slack-signature': `v0=${createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex')}`,
});
const slackBody =
  '{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}';
const zoomBody = '{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}';
const twitchBody = '{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4"}}';
const twitch = () => {
  const [id, at] = ['e76c6bd4-55c9-4987-8304-da1588d8988b', new Date().toISOString()];
  return {
    ...{ 'twitch-eventsub-message-type': 'webhook_callback_verification', 'twitch-eventsub-message-id': id },
    ...{ 'twitch-eventsub-message-timestamp': at, 'twitch-eventsub-message-signature': `sha256=${hmac(id + at + twitchBody)}` },
  };
};
const xeroBody = '{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "S0m3r4Nd0mt3xt"}';
const secrets = ['env:SECRET'];

// As the vendors' documentation has them.
const examples: Example[] = [
  {
    ...{ vendor: 'Slack', hook: { preset: 'slack', secrets }, sent: () => ['POST', '', slack(slackBody), slackBody] },
    body: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P',
  },
  {
    ...{ vendor: 'Meta', hook: { preset: 'meta', handshakeToken: 'env:VERIFY' } },
    ...{ sent: () => ['GET', '?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=mine', {}], body: '1158201444' },
  },
  {
    ...{ vendor: 'WebSub', hook: { preset: 'websub' } },
    ...{ sent: () => ['GET', '?hub.mode=unsubscribe&hub.topic=https%3A%2F%2Fa.example%2Ffeed&hub.challenge=c1', {}], body: 'c1' },
  },
  {
    ...{ vendor: 'Strava', hook: { preset: 'strava', handshakeToken: 'env:VERIFY' }, type: 'application/json' },
    ...{ sent: () => ['GET', '?hub.verify_token=mine&hub.challenge=15f7d1a91c1f40f8a748fd134752feb3&hub.mode=subscribe', {}] },
    body: '{"hub.challenge":"15f7d1a91c1f40f8a748fd134752feb3"}',
  },
  {
    ...{ vendor: 'Microsoft Graph', hook: { preset: 'microsoft-graph' } },
    ...{
      sent: () => [
        'POST',
        '?validationToken=Validation%3A%20Testing%20client%20application',
        { 'content-type': 'text/plain; charset=utf-8' },
        '',
      ],
    },
    body: 'Validation: Testing client application',
  },
  {
    vendor: 'Dropbox',
    hook: { preset: 'dropbox' },
    sent: () => ['GET', '?challenge=abc123', {}],
    body: 'abc123',
    headers: { 'x-content-type-options': 'nosniff' },
  },
  {
    ...{ vendor: 'monday.com', hook: { preset: 'monday' }, type: 'application/json' },
    ...{ sent: () => ['POST', '', {}, '{"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}'] },
    body: '{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}',
  },
  {
    ...{ vendor: 'Okta', hook: { preset: 'okta' }, type: 'application/json' },
    ...{ sent: () => ['GET', '', { 'x-okta-verification-challenge': 'My verification challenge' }] },
    body: '{"verification":"My verification challenge"}',
  },
  { vendor: 'Trello', hook: { preset: 'trello' }, sent: () => ['HEAD', '', {}], body: '' },
  {
    ...{ vendor: 'Zoom', hook: { preset: 'zoom', secrets }, type: 'application/json' },
    sent: () => ['POST', '', { 'x-zm-request-timestamp': now(), 'x-zm-signature': `v0=${hmac(`v0:${now()}:${zoomBody}`)}` }, zoomBody],
    body: `{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"${hmac('qgg8vlvZRS6UYooatFL8Aw')}"}`,
  },
  {
    ...{ vendor: 'X', hook: { preset: 'x', secrets }, sent: () => ['GET', '?crc_token=foo', {}], type: 'application/json' },
    body: `{"response_token":"sha256=${hmac('foo', 'base64')}"}`,
  },
  {
    ...{ vendor: 'Twitch', hook: { preset: 'twitch', secrets }, sent: () => ['POST', '', twitch(), twitchBody] },
    body: 'pogchamp-kappa-360noscope-vohiyo',
  },
  {
    ...{
      vendor: 'Asana',
      hook: { preset: 'asana' },
      sent: () => ['POST', '', { 'x-hook-secret': 'b537207f20cbfa02357cf448134da559' }, '{}'],
    },
    ...{ headers: { 'x-hook-secret': 'b537207f20cbfa02357cf448134da559' }, body: '' },
  },
  {
    ...{ vendor: 'Smartsheet', hook: { preset: 'smartsheet' }, type: 'application/json' },
    sent: () => [
      'POST',
      '',
      { 'smartsheet-hook-challenge': 'd78dd1d3-01ce-4481-81de-92b4f3aa5ab1' },
      '{"challenge":"d78dd1d3","webhookId":5}',
    ],
    headers: { 'smartsheet-hook-response': 'd78dd1d3-01ce-4481-81de-92b4f3aa5ab1' },
    body: '{"smartsheetHookResponse":"d78dd1d3-01ce-4481-81de-92b4f3aa5ab1"}',
  },
  {
    ...{
      vendor: 'CloudEvents',
      hook: { preset: 'cloudevents' },
      sent: () => ['OPTIONS', '', { 'webhook-request-origin': 'eventemitter.example.com' }],
    },
    headers: { 'webhook-allowed-origin': 'eventemitter.example.com', 'webhook-allowed-rate': '*', allow: 'POST' },
    body: '',
  },
  {
    ...{ vendor: 'Azure Event Grid', hook: { preset: 'azure-event-grid' }, type: 'application/json' },
    sent: () => [
      ...(['POST', '', { 'aeg-event-type': 'SubscriptionValidation' }] as const),
      '[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}}]',
    ],
    body: '{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}',
  },
  {
    vendor: 'Xero',
    hook: { preset: 'xero', secrets },
    sent: () => ['POST', '', { 'x-xero-signature': hmac(xeroBody, 'base64') }, xeroBody],
    body: '',
  },
];

describe.each(examples)('the handshake of $vendor', ({ hook, sent, type, body, headers }) => {
  test('is answered as the vendor wants it, and makes no event', async () => {
    const { send, recorded } = hookOf(hook);
    const response = await send(...sent());
    expect([response.status, await response.text()]).toEqual([200, body]);
    for (const [name, value] of Object.entries(headers ?? {})) expect(response.headers.get(name)).toBe(value);
    if (body !== '') expect(response.headers.get('content-type')).toMatch(type ?? /^text\/plain/);
    expect(recorded).toEqual([]);
  });
});

test.each<[string, object, Sent]>([
  [
    'a wrong verify token',
    { preset: 'meta', handshakeToken: 'env:VERIFY' },
    ['GET', '?hub.mode=subscribe&hub.challenge=1&hub.verify_token=yours', {}],
  ],
  ['no verify token', { preset: 'meta', handshakeToken: 'env:VERIFY' }, ['GET', '?hub.mode=subscribe&hub.challenge=1', {}]],
  ['a wrong signature', { preset: 'slack', secrets }, ['POST', '', slack(slackBody, 'another-secret-of-somebody'), slackBody]],
  [
    'an intent to receive that is signed wrongly',
    { preset: 'xero', secrets },
    ['POST', '', { 'x-xero-signature': hmac(`${xeroBody} `, 'base64') }, xeroBody],
  ],
])('%s is 401 and makes no event', async (_what, hook, sent) => {
  const { send, recorded } = hookOf(hook);
  expect((await send(...sent)).status).toBe(401);
  expect(recorded).toEqual([]);
});

test.each<[string, object, Sent]>([
  ['another event', { preset: 'slack' }, ['POST', '', {}, '{"type":"event_callback","challenge":"x"}']],
  [
    'a body that is not JSON',
    { preset: 'slack' },
    ['POST', '', { 'content-type': 'application/x-www-form-urlencoded' }, 'type=url_verification'],
  ],
  [
    'a challenge longer than any',
    { preset: 'slack' },
    ['POST', '', {}, JSON.stringify({ type: 'url_verification', challenge: 'x'.repeat(2000) })],
  ],
  ['a challenge that is there twice', { preset: 'dropbox' }, ['GET', '?challenge=a&challenge=b', {}]],
])('%s is an event like all others', async (_what, hook, sent) => {
  const { send, recorded } = hookOf(hook);
  expect((await send(...sent)).status).toBe(200);
  expect(recorded).toHaveLength(1);
});

test('a hook answers an event as it says, and with our JSON where it says nothing', async () => {
  const twiml = hookOf({ response: { status: 202, type: 'text/xml', body: '<Response/>' } });
  const answer = await twiml.send('POST', '', {}, '1');
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([202, 'text/xml', '<Response/>']);
  const empty = await hookOf({ response: { status: 204 } }).send('POST', '', {}, '1');
  expect([empty.status, empty.headers.get('content-type'), await empty.text()]).toEqual([204, null, '']);
  expect(await (await hookOf({}).send('POST', '', {}, '1')).json()).toMatchObject({ message: 'Webhook received' });
});

test('a page of a named origin may post, and no other; without origins there is no CORS', async () => {
  const { send } = hookOf({ origins: ['https://app.example'] });
  const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,idempotency-key' };
  const asked = await send('OPTIONS', '', { origin: 'https://app.example', ...preflight });
  expect([asked.status, asked.headers.get('access-control-allow-headers')]).toEqual([204, 'content-type,idempotency-key']);
  const allowed = async (origin: string, body = '1', hook = send) =>
    (await hook('POST', '', { origin }, body)).headers.get('access-control-allow-origin');
  expect(await allowed('https://app.example')).toBe('https://app.example');
  expect(await allowed('https://app.example', '{')).toBe('https://app.example');
  expect(await allowed('https://app.example.evil')).toBeNull();
  expect(await allowed('https://app.example', '1', hookOf({}).send)).toBeNull();
  expect(await allowed('https://any.example', '1', hookOf({ origins: ['*'] }).send)).toBe('*');
  expect((await hookOf({}).send('OPTIONS', '', { origin: 'https://app.example', ...preflight })).status).toBe(405);
});

describe('a signed request that comes again', () => {
  test('is a repeat for a preset with a time, whatever key somebody adds', async () => {
    const { send, recorded } = hookOf({ preset: 'slack', secrets });
    const headers = slack('{"type":"x"}');
    const ids = [];
    for (const more of [{}, {}, { 'idempotency-key': 'a' }, { 'idempotency-key': 'b' }, { 'webhook-id': 'c' }]) {
      ids.push(((await (await send('POST', '', { ...headers, ...more }, '{"type":"x"}')).json()) as { id: string }).id);
    }
    expect([new Set(ids).size, recorded.length]).toEqual([1, 1]);
  });

  test('is another event where the hook says so, and where no time is signed: two equal bodies may be two events', async () => {
    const allowed = hookOf({ signature: { scheme: 'slack', secrets, replays: 'allow' } });
    const headers = slack('{"type":"x"}');
    const github = hookOf({ preset: 'github', secrets });
    for (const n of [1, 2]) {
      expect((await allowed.send('POST', '', headers, '{"type":"x"}')).status).toBe(200);
      expect((await github.send('POST', '', { 'x-hub-signature-256': `sha256=${hmac('{}')}` }, '{}')).status).toBe(200);
      expect([allowed.recorded.length, github.recorded.length]).toEqual([n, n]);
    }
  });
});
