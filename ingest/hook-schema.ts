import { z } from 'zod';
import { HOOK_ID } from '../contract/ids.ts';
import { secretReference } from '../kit/secrets.ts';
import { handshakeSchema } from './handshake.ts';
import { idempotencySchema } from './idempotency.ts';
import { readingSchema } from './reading.ts';
import { schemeSchema } from './signature.ts';

// The schema of zaps.json. The loader validates with it, and docs/vendors.md is generated from it.

const id = z.string().regex(HOOK_ID, 'expected 1-64 letters, digits, _ or -');

const origin = z.union([
  z.literal('*'),
  z
    .string()
    .regex(/^https?:\/\/[^/?#@\s]+$/i, 'expected an origin such as https://app.example, or *')
    .refine((text) => URL.canParse(text), 'is not a URL')
    // As browsers write it: no capitals and no default port.
    .transform((text) => (URL.canParse(text) ? new URL(text).origin : text)),
]);
const response = z
  .strictObject({
    status: z.union([z.literal(200), z.literal(202), z.literal(204)]).default(200),
    type: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[\x20-\x7e]+$/)
      .default('text/plain; charset=utf-8'),
    body: z.string().max(4096).default(''),
  })
  .refine(({ status, body }) => status !== 204 || body === '', 'a 204 has no body');
export type ResponseInput = z.input<typeof response>;

/** One hook of zaps.json. */
export const hookSchema = z.strictObject({
  userId: id.describe('of the address, `/hooks/catch/:userId/:zapId`'),
  zapId: id.describe('of the address'),
  preset: z.string().optional().describe('a vendor of the table: its handshake and response, and its signature once there are `secrets`'),
  secrets: z.array(secretReference()).min(1).max(4).optional().describe('of the preset'),
  signature: z
    .strictObject({
      scheme: z.string().describe('a preset, or a name of `schemes`'),
      secrets: z.array(secretReference()).min(1).max(4).describe('`env:NAME` or `file:path`; several while they rotate'),
      url: z.url().optional().describe("the hook's public address as the vendor has it, where that is signed"),
      toleranceSeconds: z
        .int()
        .min(1)
        .max(604_800)
        .optional()
        .describe('how old a signed time may be; 300 unless the scheme says otherwise'),
      replays: z.enum(['repeat', 'allow']).optional().describe('what the same signed request is when it comes again'),
    })
    .optional()
    .describe('a way to sign, in place of `secrets`'),
  url: z.url().optional().describe("of the preset: the hook's public address as the vendor has it, where that is signed"),
  handshake: z.union([z.string(), handshakeSchema]).optional().describe('a preset, or rules'),
  handshakeToken: secretReference().optional().describe('what the vendor repeats in its handshake, where it does'),
  response: response.optional().describe("in place of ingest's JSON: `status` 200, 202 or 204, `type`, `body`"),
  ...readingSchema.shape,
  idempotency: z
    .union([z.literal(false), idempotencySchema])
    .optional()
    .describe(
      'which id of a delivery makes a retry a repeat: the first of `headers` (names) and `json` (a path such as `data.id`) that has a value, ' +
        'else `Idempotency-Key`. With `"onConflict": "repeat"` another body is a repeat as well, else 409. Without it, the id of the preset by which the signature is checked; `false`: not that',
    ),
  origins: z.array(origin).min(1).max(100).optional().describe('web pages that may post (CORS)'),
});
export type HookEntry = z.output<typeof hookSchema>;

export const zapsSchema = z.strictObject({
  /** Custom ways to sign, by name. */
  schemes: z.record(z.string(), schemeSchema).default({}),
  zaps: z.array(hookSchema),
});
