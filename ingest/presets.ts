import type { ResponseInput } from './hook-schema.ts';
import type { IdempotencyInput } from './idempotency.ts';
import type { RuleInput } from './handshake.ts';
import type { SchemeInput } from './signature.ts';

// The published behaviour of vendors, as data. The table in docs/vendors.md is generated from it.

export interface Preset {
  vendor: string;
  /** How it signs. */
  signature?: SchemeInput;
  /** The call by which it checks a new URL, and its answer. */
  handshake?: RuleInput[];
  /** The id of a delivery that stays the same in a retry. */
  idempotency?: IdempotencyInput;
  /** The answer that the vendor expects instead of our JSON. */
  response?: ResponseInput;
  /** A note for the documentation. */
  note?: string;
}

/** `t=1,v1=…`: the time and the signatures in one list. */
const timedList = (header: string, signature: string, time: string, signed: string, separator = ','): SchemeInput => ({
  ...{ header, separator, prefix: signature, signed },
  timestamp: { header, prefix: time },
});
/** An HMAC of the body alone. Such a request can be posted again at any time, and looks like a new one. */
const ofBody = (
  header: string,
  encoding: 'hex' | 'base64',
  prefix = '',
  algorithm: 'sha256' | 'sha1' | 'sha512' = 'sha256',
): SchemeInput => ({
  ...{ header, prefix, encoding, algorithm, signed: '{body}' },
});
const standard = (prefix: string): SchemeInput => ({
  ...{ header: `${prefix}-signature`, separator: ' ', prefix: 'v1,', encoding: 'base64', signed: `{${prefix}-id}.{timestamp}.{body}` },
  timestamp: { header: `${prefix}-timestamp` },
  secret: { encoding: 'base64', prefix: 'whsec_' },
});
const echo = (query: string): RuleInput => ({ when: { method: 'GET', query: { [query]: true } }, answer: { body: `{query:${query}}` } });
const hub = (mode: string, token: boolean): RuleInput => ({
  when: { method: 'GET', query: { 'hub.mode': mode, 'hub.challenge': true } },
  ...(token ? { token: 'query:hub.verify_token' } : {}),
  answer: { body: '{query:hub.challenge}' },
});
/** The vendor's id identifies the delivery, even when a counter of attempts changes the body. */
const byHeader = (name: string): IdempotencyInput => ({ headers: [name], onConflict: 'repeat' });
const byField = (path: string): IdempotencyInput => ({ json: path, onConflict: 'repeat' });
const plain = (value: string): RuleInput['when'] => ({ method: 'POST', json: { type: value } });
/** For vendors whose secrets are shorter than our minimum. */
const short = (atLeastBytes: number) => ({ secret: { atLeastBytes } });

export const presets: Record<string, Preset> = {
  'standard-webhooks': { vendor: 'Standard Webhooks', signature: standard('webhook') },
  svix: { vendor: 'Svix (Clerk, Resend, …)', signature: standard('svix'), idempotency: byHeader('svix-id') },
  github: { vendor: 'GitHub', signature: ofBody('x-hub-signature-256', 'hex', 'sha256='), idempotency: byHeader('x-github-delivery') },
  stripe: { vendor: 'Stripe', signature: timedList('stripe-signature', 'v1=', 't=', '{timestamp}.{body}'), idempotency: byField('id') },
  shopify: { vendor: 'Shopify', signature: ofBody('x-shopify-hmac-sha256', 'base64'), idempotency: byHeader('x-shopify-webhook-id') },
  slack: {
    vendor: 'Slack',
    signature: {
      ...{ header: 'x-slack-signature', prefix: 'v0=', signed: 'v0:{timestamp}:{body}' },
      timestamp: { header: 'x-slack-request-timestamp' },
    },
    handshake: [{ when: plain('url_verification'), signed: true, answer: { body: '{json:challenge}' } }],
    idempotency: byField('event_id'),
  },
  meta: {
    vendor: 'Meta (Facebook, Instagram, WhatsApp)',
    signature: ofBody('x-hub-signature-256', 'hex', 'sha256='),
    handshake: [hub('subscribe', true)],
    note: '`handshakeToken` is the verify token',
  },
  websub: {
    vendor: 'WebSub (YouTube, …)',
    signature: ofBody('x-hub-signature', 'hex', 'sha1=', 'sha1'),
    handshake: [hub('subscribe', false), hub('unsubscribe', false)],
  },
  strava: {
    vendor: 'Strava',
    handshake: [
      {
        ...{ when: { method: 'GET', query: { 'hub.mode': 'subscribe', 'hub.challenge': true } }, token: 'query:hub.verify_token' },
        answer: { body: { 'hub.challenge': '{query:hub.challenge}' } },
      },
    ],
    note: 'its events are not signed',
  },
  'microsoft-graph': {
    vendor: 'Microsoft Graph, SharePoint',
    handshake: [{ when: { method: 'POST', query: { validationToken: true } }, answer: { body: '{query:validationToken}' } }],
    note: 'its events are not signed: compare `clientState` in your consumer',
  },
  dropbox: { vendor: 'Dropbox', signature: { ...ofBody('x-dropbox-signature', 'hex'), ...short(12) }, handshake: [echo('challenge')] },
  monday: {
    vendor: 'monday.com',
    handshake: [{ when: { method: 'POST', json: { challenge: true } }, answer: { body: { challenge: '{json:challenge}' } } }],
    note: 'its events are signed by a JWT, which is not checked',
  },
  okta: {
    vendor: 'Okta',
    handshake: [
      {
        when: { method: 'GET', header: { 'x-okta-verification-challenge': true } },
        answer: { body: { verification: '{header:x-okta-verification-challenge}' } },
      },
    ],
    note: 'it sends a header with a secret that you choose: check it by a scheme with `"algorithm": "token"`',
  },
  trello: {
    vendor: 'Trello',
    signature: { ...ofBody('x-trello-webhook', 'base64', '', 'sha1'), signed: '{body}{url}' },
    handshake: [{ when: { method: 'HEAD' }, answer: {} }],
  },
  zoom: {
    vendor: 'Zoom',
    signature: {
      ...{ header: 'x-zm-signature', prefix: 'v0=', signed: 'v0:{timestamp}:{body}', ...short(16) },
      timestamp: { header: 'x-zm-request-timestamp' },
    },
    handshake: [
      {
        ...{ when: { method: 'POST', json: { event: 'endpoint.url_validation', 'payload.plainToken': true } }, signed: true },
        answer: { body: { plainToken: '{json:payload.plainToken}', encryptedToken: '{hmac-hex:json:payload.plainToken}' } },
      },
    ],
  },
  x: {
    vendor: 'X',
    signature: ofBody('x-twitter-webhooks-signature', 'base64', 'sha256='),
    handshake: [
      {
        when: { method: 'GET', query: { crc_token: true } },
        answer: { body: { response_token: 'sha256={hmac-base64:query:crc_token}' } },
      },
    ],
  },
  twitch: {
    vendor: 'Twitch EventSub',
    signature: {
      ...{ header: 'twitch-eventsub-message-signature', prefix: 'sha256=', ...short(10), toleranceSeconds: 600 },
      signed: '{twitch-eventsub-message-id}{timestamp}{body}',
      timestamp: { header: 'twitch-eventsub-message-timestamp', format: 'iso' },
      forms: { 'twitch-eventsub-message-id': 'uuid' },
    },
    idempotency: byHeader('twitch-eventsub-message-id'),
    handshake: [
      {
        ...{ when: { method: 'POST', header: { 'twitch-eventsub-message-type': 'webhook_callback_verification' } }, signed: true },
        answer: { body: '{json:challenge}' },
      },
    ],
  },
  asana: {
    vendor: 'Asana',
    signature: ofBody('x-hook-signature', 'hex'),
    handshake: [
      { when: { method: 'POST', header: { 'x-hook-secret': true } }, answer: { headers: { 'x-hook-secret': '{header:x-hook-secret}' } } },
    ],
    note: 'it chooses the secret in its handshake: register the hook without `signature`, then add the secret',
  },
  smartsheet: {
    vendor: 'Smartsheet',
    signature: ofBody('smartsheet-hmac-sha256', 'hex'),
    handshake: [
      {
        when: { method: 'POST', header: { 'smartsheet-hook-challenge': true } },
        answer: {
          headers: { 'smartsheet-hook-response': '{header:smartsheet-hook-challenge}' },
          body: { smartsheetHookResponse: '{header:smartsheet-hook-challenge}' },
        },
      },
    ],
  },
  cloudevents: {
    vendor: 'CloudEvents',
    handshake: [
      {
        when: { method: 'OPTIONS', header: { 'webhook-request-origin': true } },
        answer: {
          headers: { 'webhook-allowed-origin': '{header:webhook-request-origin}', 'webhook-allowed-rate': '*', allow: 'POST' },
        },
      },
    ],
  },
  'azure-event-grid': {
    vendor: 'Azure Event Grid',
    handshake: [
      {
        when: { method: 'POST', header: { 'aeg-event-type': 'SubscriptionValidation' }, json: { '0.data.validationCode': true } },
        answer: { body: { validationResponse: '{json:0.data.validationCode}' } },
      },
      {
        when: { method: 'OPTIONS', header: { 'webhook-request-origin': true } },
        answer: {
          headers: { 'webhook-allowed-origin': '{header:webhook-request-origin}', 'webhook-allowed-rate': '*', allow: 'POST' },
        },
      },
    ],
  },
  'aws-sns': {
    vendor: 'AWS SNS',
    signature: {
      ...{ at: 'json:Signature', encoding: 'base64', algorithm: 'rsa-sha256' },
      signed: '{json-lines:Message,MessageId,SubscribeURL,Subject,Timestamp,Token,TopicArn,Type}',
    },
    idempotency: byField('MessageId'),
    note: 'SignatureVersion 2; the secret is the certificate of the region as a PEM file. SubscriptionConfirmation is recorded as an event; [actions](actions.md#confirming-subscriptions-of-aws-sns) can confirm it',
  },
  xero: {
    vendor: 'Xero',
    signature: ofBody('x-xero-signature', 'base64'),
    handshake: [{ when: { method: 'POST', json: { firstEventSequence: '0', lastEventSequence: '0' } }, signed: true, answer: {} }],
    response: { status: 200, body: '' },
  },
  twilio: {
    vendor: 'Twilio',
    signature: { header: 'x-twilio-signature', encoding: 'base64', algorithm: 'sha1', signed: '{url}{form}' },
    idempotency: byHeader('i-twilio-idempotency-token'),
    response: { status: 200, type: 'text/xml', body: '<Response/>' },
  },
  square: {
    vendor: 'Square',
    signature: { header: 'x-square-hmacsha256-signature', encoding: 'base64', signed: '{url}{body}', ...short(16) },
    idempotency: byField('event_id'),
  },
  hubspot: {
    vendor: 'HubSpot (v3)',
    signature: {
      ...{ header: 'x-hubspot-signature-v3', encoding: 'base64', signed: '{method}{url}{body}{timestamp}' },
      timestamp: { header: 'x-hubspot-request-timestamp', format: 'milliseconds' },
    },
  },
  zendesk: {
    vendor: 'Zendesk',
    signature: {
      ...{ header: 'x-zendesk-webhook-signature', encoding: 'base64', signed: '{timestamp}{body}' },
      timestamp: { header: 'x-zendesk-webhook-signature-timestamp', format: 'iso' },
    },
    idempotency: byHeader('x-zendesk-webhook-invocation-id'),
  },
  airwallex: {
    vendor: 'Airwallex',
    signature: { header: 'x-signature', signed: '{timestamp}{body}', timestamp: { header: 'x-timestamp', format: 'milliseconds' } },
    idempotency: byField('id'),
  },
  sendgrid: {
    vendor: 'SendGrid',
    signature: {
      ...{ header: 'x-twilio-email-event-webhook-signature', encoding: 'base64', algorithm: 'ecdsa-sha256', signed: '{timestamp}{body}' },
      timestamp: { header: 'x-twilio-email-event-webhook-timestamp' },
    },
    note: 'the secret is the verification key',
  },
  discord: {
    vendor: 'Discord',
    signature: {
      ...{ header: 'x-signature-ed25519', algorithm: 'ed25519', signed: '{timestamp}{body}' },
      timestamp: { header: 'x-signature-timestamp' },
    },
    handshake: [{ when: { method: 'POST', json: { type: '1' } }, signed: true, answer: { body: '{"type":1}', type: 'application/json' } }],
    note: 'the secret is the application’s public key',
  },
  mailgun: {
    vendor: 'Mailgun',
    signature: {
      ...{ at: 'json:signature.signature', signed: '{timestamp}{json:signature.token}', bodyIsUnsigned: true },
      timestamp: { at: 'json:signature.timestamp' },
    },
    note: 'it signs no part of the event itself',
  },
  adyen: {
    vendor: 'Adyen',
    signature: {
      ...{ at: 'json:notificationItems.0.NotificationRequestItem.additionalData.hmacSignature', encoding: 'base64', bodyIsUnsigned: true },
      signed: ['json:pspReference', 'json?:originalReference', 'json:merchantAccountCode', 'json:merchantReference']
        .concat(['json:amount.value', 'json:amount.currency', 'json:eventCode', 'json:success'])
        .map((name) => `{${name.replace(':', ':notificationItems.0.NotificationRequestItem.')}}`)
        .join(':'),
      secret: { encoding: 'hex' },
    },
    note: 'only the fields that it names are signed',
  },
  line: { vendor: 'LINE', signature: ofBody('x-line-signature', 'base64') },
  atlassian: { vendor: 'Bitbucket, Jira', signature: ofBody('x-hub-signature', 'hex', 'sha256=') },
  mux: { vendor: 'Mux', signature: timedList('mux-signature', 'v1=', 't=', '{timestamp}.{body}'), idempotency: byField('id') },
  circleci: {
    vendor: 'CircleCI',
    signature: { ...ofBody('circleci-signature', 'hex', 'v1='), separator: ',' },
    idempotency: byField('id'),
  },
  paddle: {
    vendor: 'Paddle',
    signature: timedList('paddle-signature', 'h1=', 'ts=', '{timestamp}:{body}', ';'),
    idempotency: byField('event_id'),
  },
  pagerduty: {
    vendor: 'PagerDuty',
    signature: { ...ofBody('x-pagerduty-signature', 'hex', 'v1='), separator: ',' },
    idempotency: byField('event.id'),
  },
  calendly: { vendor: 'Calendly', signature: timedList('calendly-webhook-signature', 'v1=', 't=', '{timestamp}.{body}') },
  razorpay: {
    vendor: 'Razorpay',
    signature: ofBody('x-razorpay-signature', 'hex'),
    idempotency: byHeader('x-razorpay-event-id'),
  },
  typeform: { vendor: 'Typeform', signature: ofBody('typeform-signature', 'base64', 'sha256='), idempotency: byField('event_id') },
  woocommerce: {
    vendor: 'WooCommerce',
    signature: ofBody('x-wc-webhook-signature', 'base64'),
    idempotency: byHeader('x-wc-webhook-delivery-id'),
  },
  linear: { vendor: 'Linear', signature: ofBody('linear-signature', 'hex'), idempotency: byHeader('linear-delivery') },
  gitlab: { vendor: 'GitLab', signature: { header: 'x-gitlab-token', algorithm: 'token', encoding: 'plain', ...short(16) } },
  telegram: {
    vendor: 'Telegram',
    signature: { header: 'x-telegram-bot-api-secret-token', algorithm: 'token', encoding: 'plain', ...short(16) },
    idempotency: byField('update_id'),
  },
  basic: {
    vendor: 'Basic (Postmark, Chargebee, …)',
    signature: { header: 'authorization', prefix: 'Basic ', algorithm: 'token', encoding: 'base64', ...short(16) },
    note: 'the secret is `user:password`',
  },
  bearer: { vendor: 'Bearer token', signature: { header: 'authorization', prefix: 'Bearer ', algorithm: 'token', encoding: 'plain' } },
};
