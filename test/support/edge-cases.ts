import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { bodies, FORM, text, type, type EdgeCase } from './edge-bodies.ts';

// Requests of real senders, each as its vendor's documentation or a public report has it.

const secrets = ['env:SECRET'];
export const edgeHooks = [
  ...['slack', 'zoom', 'xero', 'stripe'].map((preset) => ({ zapId: preset, preset, secrets })),
  ...['meta', 'strava'].map((preset) => ({ zapId: preset, preset, handshakeToken: 'env:VERIFY' })),
  ...['dropbox', 'trello', 'smartsheet', 'asana', 'cloudevents', 'microsoft-graph'].map((preset) => ({ zapId: preset, preset })),
  ...[
    { zapId: 'open' },
    { zapId: 'event-grid', preset: 'azure-event-grid' },
    { zapId: 'sns', preset: 'aws-sns', idempotency: { json: 'MessageId', onConflict: 'repeat' } },
    { zapId: 'by-path', idempotency: { headers: ['x-id'], json: 'data.0.id' } },
    { zapId: 'twiml', preset: 'twilio' },
    { zapId: 'empty', response: { status: 204 } },
    { zapId: 'soap', response: { status: 200, type: 'text/xml', body: '<Ack>true</Ack>' } },
    { zapId: 'page', origins: ['HTTPS://App.example:443'] },
    { zapId: 'split', split: true },
    { zapId: 'lines', ndjson: 'split' },
    { zapId: 'svix', idempotency: { headers: ['svix-id'] } },
    { zapId: 'counter', idempotency: { headers: ['webhook-id'], onConflict: 'repeat' } },
    { zapId: 'signed', preset: 'github', secrets },
    { zapId: 'gitlab', preset: 'gitlab', secrets },
    { zapId: 'basic', preset: 'basic', secrets },
    { zapId: 'zendesk', signature: { scheme: 'zendesk', secrets, toleranceSeconds: 3600 } },
    { zapId: 'hubspot', signature: { scheme: 'hubspot', secrets, url: 'https://hooks.example/in' } },
    { zapId: 'twilio-signed', signature: { scheme: 'twilio', secrets, url: 'https://hooks.example/in' } },
    { zapId: 'mailgun', preset: 'mailgun', secrets },
    { zapId: 'bytes', body: 'base64' },
  ],
];

const requests: EdgeCase[] = [
  { what: 'one slash at the end', zap: 'open/', body: '{"a":1}', stored: '{"a":1}' },
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'GET'].map((method): EdgeCase => ({
    ...{ what: `${method} with a query and no body`, zap: 'open', method, query: '?event=door_open&battery=71' },
    stored: '{"event":"door_open","battery":"71"}',
  })),
  {
    ...{ what: 'a callback with latin1 escapes', zap: 'open', method: 'GET', query: '?text=t%E9t%E9&charset=ISO-8859-1' },
    stored: '{"text":"tété","charset":"ISO-8859-1"}',
  },
  { what: 'a preview of a link', zap: 'open', method: 'GET', headers: { 'user-agent': 'Slackbot-LinkExpanding 1.0' } },
  { what: 'HEAD', zap: 'open', method: 'HEAD' },
  ...['PATCH', 'DELETE', 'PUT'].map((method): EdgeCase => ({ what: method, zap: 'open', method, body: '{"a":1}', stored: '{"a":1}' })),
  { what: 'an array, of a hook that splits', zap: 'split', body: '[{"e":1},{"e":2},{"e":3}]', stored: ['{"e":1}', '{"e":2}', '{"e":3}'] },
  { what: 'an array, of a hook that does not', zap: 'open', body: '[{"e":1},{"e":2}]', stored: '[{"e":1},{"e":2}]' },
  { what: 'lines, of a hook that splits them', zap: 'lines', body: '{"e":1}\n{"e":2}\n', stored: ['{"e":1}', '{"e":2}'] },
  ...['the first time', 'again'].map((what, at): EdgeCase => ({
    ...{ what: `a delivery of Svix ${what}`, zap: 'svix', headers: { 'svix-id': 'msg_A' }, body: '{"a":1}' },
    ...(at === 0 ? { stored: '{"a":1}' } : {}),
  })),
  ...['the first time', 'again'].map((what, at): EdgeCase => ({
    ...{ what: `a delivery with its id in the body ${what}`, zap: 'by-path', body: '{"data":[{"id":17}]}' },
    ...(at === 0 ? { stored: '{"data":[{"id":17}]}' } : {}),
  })),
  ...['{"data":[]}', '{"data":[]}', '{"data":[{"id":null}]}', '{"data":[{"id":{}}]}', '[]', 'no JSON'].map((body): EdgeCase => ({
    ...{ what: `a delivery without its id: ${body}`, zap: 'by-path', body, stored: body === 'no JSON' ? '"no JSON"' : body },
  })),
  { what: 'a form whose field is not the path', zap: 'by-path', headers: type(FORM), body: 'data=1', stored: '{"data":"1"}' },
  { what: 'a key with spaces, of a hook that names it', zap: 'svix', headers: { 'svix-id': 'order 17 / line 2' }, body: '1', stored: '1' },
  ...[1, 2].map((attempt): EdgeCase => ({
    ...{ what: `attempt ${attempt} with a counter`, zap: 'counter', headers: { 'webhook-id': 'a' }, body: `{"attempt":${attempt}}` },
    ...(attempt === 1 ? { stored: '{"attempt":1}' } : {}),
  })),
  { what: 'a post of a page', zap: 'page', headers: { origin: 'https://app.example', ...type('text/plain') }, body: '{"a":1}' },
  { what: 'the question of a page', zap: 'page', method: 'OPTIONS', headers: { origin: 'https://app.example' } },
  { what: 'TwiML for an answer', zap: 'twiml', headers: type(FORM), body: 'From=1', stored: '{"From":"1"}' },
  { what: 'nothing for an answer', zap: 'empty', body: '1', answer: { status: 204, text: '' }, stored: '1' },
  { ...text('SOAP with its acknowledgement', 'text/xml', '<Envelope/>', 'soap'), answer: { text: '<Ack>true</Ack>' } },
];
const pageAnswer = { headers: { 'access-control-allow-origin': 'https://app.example' } };
for (const one of requests) {
  if (one.zap === 'page') one.answer = { ...pageAnswer, status: one.method === 'OPTIONS' ? 204 : 200 };
  if (one.zap === 'page' && one.method === undefined) one.stored = '{"a":1}';
  if (one.zap === 'twiml') one.answer = { text: '<Response/>', headers: type('text/xml') };
}

const hub = '?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=';
const sns = (kind: string) =>
  JSON.stringify({ Type: kind, MessageId: kind, Message: '{"order":17}', SubscribeURL: 'https://sns.example/?Action=Confirm' });

const macBy =
  (secret: string) =>
  (content: string, encoding: 'hex' | 'base64' = 'hex', algorithm = 'sha256'): string =>
    createHmac(algorithm, secret).update(content, 'latin1').digest(encoding);
const secondsNow = () => String(Math.floor(Date.now() / 1000));

function handshakes(secret: string): EdgeCase[] {
  const mac = macBy(secret);
  const seconds = secondsNow();
  const challenge = '{"token":"t","challenge":"abc123","type":"url_verification"}';
  const plain = '{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}}';
  const slack = (body: string) => ({ 'x-slack-request-timestamp': seconds, 'x-slack-signature': `v0=${mac(`v0:${seconds}:${body}`)}` });
  const zoom = { 'x-zm-request-timestamp': seconds, 'x-zm-signature': `v0=${mac(`v0:${seconds}:${plain}`)}` };
  return [
    { what: 'Slack’s challenge', zap: 'slack', headers: slack(challenge), body: challenge, answer: { text: 'abc123' } },
    {
      ...{ what: 'Slack’s challenge behind a byte order mark, as text', zap: 'slack', answer: { text: 'abc123' } },
      ...{ body: `\xef\xbb\xbf${challenge}`, headers: { ...type('text/plain'), ...slack(`\xef\xbb\xbf${challenge}`) } },
    },
    { what: 'Meta’s challenge', zap: 'meta', method: 'GET', query: `${hub}mine`, answer: { text: '1158201444' } },
    { what: 'Meta’s challenge with a wrong token', zap: 'meta', method: 'GET', query: `${hub}yours`, answer: { status: 401 } },
    ...[
      { what: 'Strava’s challenge', zap: 'strava', method: 'GET', query: `${hub}mine`, answer: { text: '{"hub.challenge":"1158201444"}' } },
      { what: 'Dropbox’s challenge', zap: 'dropbox', method: 'GET', query: '?challenge=dbx-9', answer: { text: 'dbx-9' } },
      { what: 'Trello’s HEAD', zap: 'trello', method: 'HEAD' },
      { what: 'Graph’s token', zap: 'microsoft-graph', query: '?validationToken=a%20b', answer: { text: 'a b' } },
    ],
    {
      ...{
        what: 'CloudEvents’ question',
        zap: 'cloudevents',
        method: 'OPTIONS',
        headers: { 'webhook-request-origin': 'eventgrid.example' },
      },
      answer: { headers: { 'webhook-allowed-origin': 'eventgrid.example', allow: 'POST' } },
    },
    {
      ...{ what: 'Event Grid’s code', zap: 'event-grid', headers: { 'aeg-event-type': 'SubscriptionValidation' } },
      ...{ body: '[{"data":{"validationCode":"512d"}}]', answer: { text: '{"validationResponse":"512d"}' } },
    },
    {
      ...{ what: 'Zoom’s token', zap: 'zoom', headers: zoom, body: plain },
      answer: { text: `{"plainToken":"qgg8","encryptedToken":"${mac('qgg8')}"}` },
    },
    {
      ...{ what: 'Asana’s secret', zap: 'asana', headers: { 'x-hook-secret': 'b537' }, body: '{}' },
      answer: { headers: { 'x-hook-secret': 'b537' } },
    },
    {
      ...{ what: 'Smartsheet’s challenge', zap: 'smartsheet', headers: { 'smartsheet-hook-challenge': 'abc' }, body: '{}' },
      answer: { headers: { 'smartsheet-hook-response': 'abc' } },
    },
    { what: 'Xero’s intent, signed wrongly', zap: 'xero', headers: { 'x-xero-signature': 'AAAA' }, body: '{}', answer: { status: 401 } },
  ];
}

function signedRequests(secret: string): EdgeCase[] {
  const mac = macBy(secret);
  const [seconds, ms, iso] = [secondsNow(), String(Date.now()), new Date().toISOString()];
  const late = new Date(Date.now() - 1_800_000).toISOString();
  const mailgun = JSON.stringify({ signature: { timestamp: seconds, token: 'tok', signature: mac(`${seconds}tok`) }, 'event-data': {} });
  const signed = (what: string, zap: string, headers: Record<string, string>, body: string, stored = body): EdgeCase => ({
    ...{ what, zap, headers, body, stored },
  });
  return [
    ...['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation'].map((kind) =>
      signed(`SNS: ${kind}`, 'sns', type('text/plain; charset=UTF-8'), sns(kind)),
    ),
    { what: 'SNS: a notification again', zap: 'sns', headers: type('text/plain; charset=UTF-8'), body: sns('Notification') },
    ...[1, 2].map((attempt): EdgeCase => {
      const body = `{"id":"evt_1","attempt":${attempt}}`;
      const headers = { 'stripe-signature': `t=${seconds}, v1=${mac(`${seconds}.${body}`).toUpperCase()}` };
      return { what: `Stripe’s attempt ${attempt}`, zap: 'stripe', headers, body, ...(attempt === 1 ? { stored: body } : {}) };
    }),
    signed('GitLab’s token', 'gitlab', { 'x-gitlab-token': secret }, '{"a":1}'),
    signed('Basic', 'basic', { authorization: `Basic ${Buffer.from(secret).toString('base64')}` }, '{"a":1}'),
    signed(
      'Basic in small letters and without padding',
      'basic',
      { authorization: `basic ${Buffer.from(secret).toString('base64url')}` },
      '[]',
    ),
    ...['', 'Basic', `Basic ${Buffer.from(`${secret}x`).toString('base64')}`, `Bearer ${secret}`].map((authorization): EdgeCase => ({
      ...{ what: `Basic that is not: "${authorization}"`, zap: 'basic', headers: { authorization }, body: '{}', answer: { status: 401 } },
    })),
    ...[iso, late].map((at, n) =>
      signed(
        n === 0 ? 'Zendesk’s ISO time' : 'Zendesk’s ISO time, half an hour late',
        'zendesk',
        { 'x-zendesk-webhook-signature-timestamp': at, 'x-zendesk-webhook-signature': mac(`${at}{}`, 'base64') },
        '{}',
      ),
    ),
    signed(
      'HubSpot’s method, address, body and milliseconds',
      'hubspot',
      {
        'x-hubspot-request-timestamp': ms,
        'x-hubspot-signature-v3': mac(`POSThttps://hooks.example/in{}${ms}`, 'base64'),
      },
      '{}',
    ),
    {
      ...signed('Twilio’s sorted fields', 'twilio-signed', type(FORM), 'To=2&From=1', '{"To":"2","From":"1"}'),
      headers: { ...type(FORM), 'x-twilio-signature': mac('https://hooks.example/inFrom1To2', 'base64', 'sha1') },
    },
    signed('Mailgun’s signature in the body', 'mailgun', {}, mailgun),
    {
      ...{ what: 'GitHub’s signature over what was packed', zap: 'signed', body: gzipSync('[17]'), stored: '[17]' },
      headers: {
        'content-encoding': 'gzip',
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(gzipSync('[17]')).digest('hex')}`,
      },
    },
    signed('GitHub’s signature in capitals', 'signed', { 'x-hub-signature-256': `SHA256=${mac('[1]').toUpperCase()} ` }, '[1]'),
  ];
}

/** All of them. Signed requests and handshakes need the secret. */
export const edgeCases = (secret: string): EdgeCase[] => [...bodies, ...requests, ...handshakes(secret), ...signedRequests(secret)];
