/** A delivery as a sender published it, with a secret that is nobody's. */
export interface Vector {
  scheme: string;
  secret: string;
  headers: Record<string, string>;
  body: string;
  url?: string;
  /** Seconds at which it was signed. */
  at: number;
}

export const vectors: Vector[] = [
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
  {
    // twilio/twilio-python, tests/unit/test_request_validator.py.
    scheme: 'twilio',
    secret: '12345',
    url: 'https://mycompany.com/myapp.php?foo=1&bar=2',
    headers: { 'x-twilio-signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' },
    body: 'Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE',
    at: 0,
  },
  {
    // sendgrid/sendgrid-nodejs, packages/eventwebhook/src/eventwebhook.spec.js.
    scheme: 'sendgrid',
    secret: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==',
    headers: {
      'x-twilio-email-event-webhook-signature':
        'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
      'x-twilio-email-event-webhook-timestamp': '1600112502',
    },
    body: `${JSON.stringify([
      {
        email: 'hello@world.com',
        event: 'dropped',
        reason: 'Bounced Address',
        sg_event_id: 'ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA',
        sg_message_id: 'LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0',
        'smtp-id': '<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>',
        timestamp: 1600112492,
      },
    ])}\r\n`,
    at: 1600112502,
  },
  {
    // square/square-nodejs-sdk, tests of WebhooksHelper.
    scheme: 'square',
    secret: 'asdf1234',
    url: 'https://example.com/webhook',
    headers: { 'x-square-hmacsha256-signature': '2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og=' },
    body: '{"hello":"world"}',
    at: 0,
  },
  {
    // line/line-bot-sdk-nodejs, test/validate-signature.spec.ts.
    scheme: 'line',
    secret: 'test_secret',
    headers: { 'x-line-signature': 't7Hn4ZDHqs6e+wdvI5TyQIvzie0DmMUmuXEBqyyE/tM=' },
    body: '{"hello":"world"}',
    at: 0,
  },
  {
    // Bitbucket's documentation, "Manage webhooks": the values to test an implementation with.
    scheme: 'atlassian',
    secret: "It's a Secret to Everybody",
    headers: { 'x-hub-signature': 'sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9' },
    body: 'Hello World!',
    at: 0,
  },
  {
    // muxinc/mux-node-sdk, its test of webhooks.
    scheme: 'mux',
    secret: 'SuperSecret123',
    headers: { 'mux-signature': 't=1565125718,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7' },
    body: '{"test":"body"}',
    at: 1565125718,
  },
  {
    // CircleCI's documentation, "Validate webhooks": the table of test vectors.
    scheme: 'circleci',
    secret: 'hunter123',
    headers: { 'circleci-signature': 'v1=9be2242094a9a8c00c64306f382a7f9d691de910b4a266f67bd314ef18ac49fa' },
    body: 'an-important-request-payload',
    at: 0,
  },
  {
    // razorpay/razorpay-node, test/utils: "Validate webhook signature".
    scheme: 'razorpay',
    secret: '123456',
    headers: { 'x-razorpay-signature': '2fe04e22977002e6c7cb553adab8b460cb9e2a4970d5953cb27a8472752e3bbc' },
    body: '{"a":1,"b":2,"c":{"d":3}}',
    at: 0,
  },
  {
    // svix/svix-webhooks, javascript/src/webhook.test.ts: the vector of Standard Webhooks under its own names.
    scheme: 'svix',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: {
      'svix-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'svix-timestamp': '1614265330',
      'svix-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
    at: 1614265330,
  },
];
