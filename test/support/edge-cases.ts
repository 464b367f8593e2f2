import { createHash, createHmac } from 'node:crypto';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

// Requests of real senders, each as its vendor's documentation or a public report has it. Characters up to U+00FF of a
// body stand for bytes.

export interface EdgeCase {
  what: string;
  /** One of `edgeHooks`. */
  zap: string;
  method?: string;
  query?: string;
  headers?: Record<string, string>;
  body?: string | Buffer<ArrayBuffer>;
  answer?: { status?: number; text?: string; headers?: Record<string, string> };
  /** The metadata of the runs that it makes; none when left out. */
  stored?: string | string[];
}

const secrets = ['env:SECRET'];
export const edgeHooks = [
  ...['slack', 'zoom', 'xero'].map((preset) => ({ zapId: preset, preset, secrets })),
  ...['meta', 'strava'].map((preset) => ({ zapId: preset, preset, handshakeToken: 'env:VERIFY' })),
  ...['dropbox', 'trello', 'smartsheet', 'asana', 'cloudevents', 'microsoft-graph'].map((preset) => ({ zapId: preset, preset })),
  ...[
    { zapId: 'open' },
    { zapId: 'event-grid', preset: 'azure-event-grid' },
    { zapId: 'sns', preset: 'aws-sns' },
    { zapId: 'twiml', preset: 'twilio' },
    { zapId: 'empty', response: { status: 204 } },
    { zapId: 'soap', response: { status: 200, type: 'text/xml', body: '<Ack>true</Ack>' } },
    { zapId: 'page', origins: ['https://app.example'] },
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

const FORM = 'application/x-www-form-urlencoded';
const type = (value: string) => ({ 'content-type': value });
const json = (label: string, body = '{"a":1}', stored = body, zap = 'open'): EdgeCase => ({
  ...{ what: `JSON under "${label}"`, zap, headers: type(label), body, stored },
});
const text = (what: string, label: string, body: string, zap = 'open'): EdgeCase => ({
  ...{ what, zap, headers: type(label), body, stored: JSON.stringify(body) },
});
const packed = (coding: string, body: Buffer<ArrayBuffer>, stored = '{"content":"tests"}'): EdgeCase => ({
  ...{ what: `a body in ${coding}`, zap: 'open', headers: { ...type('application/json'), 'content-encoding': coding }, body, stored },
});
const PART = 'Content-Disposition: form-data; name=';
const multipart = (what: string, body: string, stored: string): EdgeCase => ({
  ...{ what: `multipart: ${what}`, zap: 'open', headers: type('multipart/form-data; boundary=XbX'), body: `${body}--XbX--\r\n`, stored },
});
const part = (head: string, content: string) => `--XbX\r\n${PART}${head}\r\n\r\n${content}\r\n`;
const file = (filename: string, contentType: string, content: string) =>
  JSON.stringify({
    ...{ filename, contentType, bytes: content.length },
    sha256: createHash('sha256').update(content, 'latin1').digest('hex'),
  });
const TESTS = Buffer.from('{"content":"tests"}');

const bodies: EdgeCase[] = [
  packed('gzip', gzipSync(TESTS)),
  packed('x-gzip', gzipSync(TESTS)),
  packed('deflate', deflateSync(TESTS)),
  { ...packed('deflate', deflateRawSync(TESTS)), what: 'a body in deflate without its frame' },
  packed('br', brotliCompressSync(TESTS)),
  packed('utf-8', TESTS),
  { ...packed('gzip', gzipSync(Buffer.alloc(5_000_000))), what: 'a bomb', answer: { status: 413 }, stored: [] },
  ...['text/plain; charset=UTF-8', 'text/json', 'application/x-json', 'application/csp-report', 'application/octet-stream'].map((label) =>
    json(label),
  ),
  ...['application/javascript', 'application/vnd.api+json', FORM, 'multipart/form-data', 'image/png', 'text/xml'].map((label) =>
    json(label),
  ),
  ...['ISO-8859-1', 'us-ascii', 'windows-1252', '', '""', "'utf-8'", 'utf8mb4', 'UTF_8', 'nonsense'].map((charset) =>
    json(`application/json; charset=${charset}`),
  ),
  ...['application/json, application/json', 'application/json; charset=UTF-8, application/json', 'application/json;'].map((label) =>
    json(label),
  ),
  { ...json(FORM, '{"event":"door","open":true,"q":"a=b&c"}'), what: 'JSON by curl -d' },
  { ...json('application/json', '\xef\xbb\xbf{"value":[]}', '{"value":[]}'), what: 'JSON with a byte order mark' },
  { ...json(FORM, '\xef\xbb\xbfa=1', '{"a":"1"}'), what: 'a form with a byte order mark' },
  {
    ...json(FORM, 'first_name=J%F6rg&charset=windows-1252&mc_gross=19.95'),
    ...{ what: 'PayPal’s escapes', stored: '{"first_name":"Jörg","charset":"windows-1252","mc_gross":"19.95"}' },
  },
  { ...json(`${FORM}; charset=ISO-8859-1`, 'a=1', '{"a":"1"}'), what: 'a form labelled latin1' },
  text('lines of JSON', 'application/x-ndjson', '{"a":1}\n{"a":2}\n'),
  text('a log drain', 'application/logplex-1', '83 <40>1 2012-11-30 host app - - text'),
  text('XML', 'text/xml', '<a/>'),
  text('a feed', 'application/atom+xml', '<feed/>'),
  { ...text('bytes that are no text', 'image/png', '\x89PNG\r\n'), answer: { status: 415 }, stored: [] },
  { ...text('bytes of a hook that takes them', 'image/png', '\x89PNG', 'bytes'), stored: '"iVBORw=="' },
  multipart(
    'a route with an attachment',
    part('"from"', 'Ann') + part('"attachment-1"; filename="a.pdf"\r\nContent-Type: application/pdf', '%PDF\xff'),
    `{"from":"Ann","attachment-1":${file('a.pdf', 'application/pdf', '%PDF\xff')}}`,
  ),
  multipart(
    'JSON and a picture',
    part('"payload"\r\nContent-Type: application/json', '{"e":1}') +
      part('"thumb"; filename="t.jpg"\r\nContent-Type: image/jpeg', '\xff\xd8'),
    `{"payload":"{\\"e\\":1}","thumb":${file('t.jpg', 'image/jpeg', '\xff\xd8')}}`,
  ),
  multipart(
    'an empty file input, and JSON with a file name',
    part('"cv"; filename=""\r\nContent-Type: application/octet-stream', '') +
      part('"meta"; filename="meta.json"\r\nContent-Type: application/json', '{"a":1}'),
    '{"cv":null,"meta":"{\\"a\\":1}"}',
  ),
  multipart('a line break in front', `\r\n${part('"a"', '1')}`, '{"a":"1"}'),
  multipart('a preamble', `This is a multi-part message.\r\n${part('"a"', '1')}`, '{"a":"1"}'),
  multipart('a part of us-ascii', part('"a"\r\nContent-Type: text/plain; charset=US-ASCII', '1'), '{"a":"1"}'),
  multipart('base64', part('"a"\r\nContent-Transfer-Encoding: base64', 'aGVsbG8='), '{"a":"hello"}'),
  multipart('quoted-printable', part('"a"\r\nContent-Transfer-Encoding: quoted-printable', 'h=C3=A9'), '{"a":"hé"}'),
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
const sns = (kind: string) => JSON.stringify({ Type: kind, Message: '{"order":17}', SubscribeURL: 'https://sns.example/?Action=Confirm' });

/** Signed requests and handshakes need the secret. */
export function edgeCases(secret: string): EdgeCase[] {
  const mac = (content: string, encoding: 'hex' | 'base64' = 'hex', algorithm = 'sha256') =>
    createHmac(algorithm, secret).update(content).digest(encoding);
  const [seconds, ms, iso] = [String(Math.floor(Date.now() / 1000)), String(Date.now()), new Date().toISOString()];
  const late = new Date(Date.now() - 1_800_000).toISOString();
  const challenge = '{"token":"t","challenge":"abc123","type":"url_verification"}';
  const plain = '{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}}';
  const slack = { 'x-slack-request-timestamp': seconds, 'x-slack-signature': `v0=${mac(`v0:${seconds}:${challenge}`)}` };
  const zoom = { 'x-zm-request-timestamp': seconds, 'x-zm-signature': `v0=${mac(`v0:${seconds}:${plain}`)}` };
  const mailgun = JSON.stringify({ signature: { timestamp: seconds, token: 'tok', signature: mac(`${seconds}tok`) }, 'event-data': {} });
  const signed = (what: string, zap: string, headers: Record<string, string>, body: string, stored = body): EdgeCase => ({
    ...{ what, zap, headers, body, stored },
  });
  return [
    ...[...bodies, ...requests],
    { what: 'Slack’s challenge', zap: 'slack', headers: slack, body: challenge, answer: { text: 'abc123' } },
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
    ...['Notification', 'SubscriptionConfirmation'].map((kind) =>
      signed(`SNS: ${kind}`, 'sns', type('text/plain; charset=UTF-8'), sns(kind)),
    ),
    signed('GitLab’s token', 'gitlab', { 'x-gitlab-token': secret }, '{"a":1}'),
    signed('Basic', 'basic', { authorization: `Basic ${Buffer.from(secret).toString('base64')}` }, '{"a":1}'),
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
    signed('GitHub’s signature in capitals', 'signed', { 'x-hub-signature-256': `SHA256=${mac('[1]').toUpperCase()} ` }, '[1]'),
  ];
}
