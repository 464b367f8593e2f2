import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { createReader, MissingError, type HookRequest, type Reader } from './signed-content.ts';

// Many vendors call a new URL once and register it only after a special answer. The rules are data: presets.ts has those of
// known vendors. Such a call makes no event.

/** A challenge is short. A longer value belongs to an event. */
const LONGEST_BODY = 65_536;
const LONGEST_VALUE = 1024;

const wanted = z.record(z.string(), z.union([z.literal(true), z.string()]));
const template = z.string().max(4096);
const ruleSchema = z.strictObject({
  when: z
    .strictObject({
      method: z.enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']).describe('GET, HEAD, OPTIONS, POST or PUT'),
      query: wanted.default({}).describe('fields of the query: `true` where one has to be there, a text where it has to be exactly this'),
      header: wanted.default({}).describe('the same for headers'),
      json: wanted.default({}).describe('the same for paths of the body, such as `0.data.code`'),
    })
    .describe('which calls it answers'),
  token: z
    .string()
    .regex(/^(query|json|header):.+$/)
    .optional()
    .describe('what must be the hook\'s "handshakeToken", else 401'),
  signed: z.boolean().default(false).describe("the hook's signature must fit as well, where it has one, else 401"),
  answer: z.strictObject({
    status: z.int().min(200).max(299).default(200).describe('200 to 299; 200 if not given'),
    type: z.string().default('text/plain; charset=utf-8').describe('Content-Type of a `body` that is a text; plain text if not given'),
    body: z
      .union([template, z.record(z.string(), template)])
      .default('')
      .describe(
        'a text, or an object that becomes JSON, with `{query:name}`, `{header:name}`, `{json:path}`; ' +
          '`{hmac-hex:json:path}` and `{hmac-base64:…}` are the HMAC-SHA256 of one, by the secret of the signature',
      ),
    headers: z
      .record(z.string().regex(/^[a-z0-9-]+$/), template)
      .default({})
      .describe('by their names in small letters, with the same placeholders'),
  }),
});
export const handshakeSchema = z.array(ruleSchema).min(1);
export type Rule = z.output<typeof ruleSchema>;
export type RuleInput = z.input<typeof ruleSchema>;

/** An answer that a hook gives instead of ingest's own JSON. */
export interface HookAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Handshake {
  rules: readonly Rule[];
  token?: Buffer | undefined;
  /** For `hmac-…`: the hook's own secret. */
  key?: Buffer | KeyObject | undefined;
}

/** The secrets that a rule needs, for the faults of zaps.json. */
export const needsToken = (rules: readonly Rule[]) => rules.some(({ token }) => token !== undefined);
export const needsKey = (rules: readonly Rule[]) =>
  rules.some(({ answer }) => JSON.stringify([answer.body, answer.headers]).includes('{hmac-'));

/** The rule that a request is for, with what to read it by. */
export function findRule({ rules }: Handshake, request: HookRequest): { rule: Rule; reader: Reader } | undefined {
  const reader = createReader(request);
  const has = (name: string, value: true | string) => {
    try {
      const found = reader.read(name);
      return value === true || found === value;
    } catch (error) {
      if (error instanceof MissingError) return false;
      throw error;
    }
  };
  const rule = rules.find(({ when }) => {
    if (when.method !== request.method) return false;
    if (Object.keys(when.json).length > 0 && (request.body.length === 0 || request.body.length > LONGEST_BODY)) return false;
    return (['header', 'query', 'json'] as const).every((place) =>
      Object.entries(when[place]).every(([name, value]) => has(`${place}:${name}`, value)),
    );
  });
  return rule === undefined ? undefined : { rule, reader };
}

/** Why the token is not accepted; undefined when it is. */
export function doubtToken({ token }: Handshake, { rule, reader }: { rule: Rule; reader: Reader }): string | undefined {
  if (rule.token === undefined) return undefined;
  try {
    const given = Buffer.from(reader.read(rule.token));
    const fits = token !== undefined && given.length === token.length && timingSafeEqual(given, token);
    return fits ? undefined : 'the handshake token is wrong';
  } catch (error) {
    if (error instanceof MissingError) return error.message;
    throw error;
  }
}

/** @returns undefined when a value that the answer needs is missing or too long: then the call is an event */
export function answerOf({ key }: Handshake, { rule: { answer }, reader }: { rule: Rule; reader: Reader }): HookAnswer | undefined {
  const valueOf = (name: string): string => {
    const [, encoding, of = ''] = /^hmac-(hex|base64):(.+)$/.exec(name) ?? [];
    const value = reader.read(encoding === undefined ? name : of);
    if (value.length > LONGEST_VALUE) throw new MissingError(`${name} is too long`);
    if (encoding === undefined) return value;
    if (key === undefined) throw new MissingError('there is no secret');
    return createHmac('sha256', key)
      .update(value)
      .digest(encoding as 'hex' | 'base64');
  };
  const render = (text: string) => text.replaceAll(HANDSHAKE_PLACEHOLDER, (_all, name: string) => valueOf(name));
  try {
    const isText = typeof answer.body === 'string';
    const body = isText
      ? render(answer.body as string)
      : JSON.stringify(Object.fromEntries(Object.entries(answer.body).map(([name, text]) => [name, render(text)])));
    const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, text]) => [name, render(text)]));
    // Only visible ASCII: a line break would start another header.
    if (Object.values(headers).some((value) => !/^[\x20-\x7e]*$/.test(value))) return undefined;
    // Values of a sender are never shown as a page.
    const type = isText ? answer.type : 'application/json';
    return { status: answer.status, headers: { 'content-type': type, 'x-content-type-options': 'nosniff', ...headers }, body };
  } catch (error) {
    if (error instanceof MissingError) return undefined;
    throw error;
  }
}

const HANDSHAKE_PLACEHOLDER = /\{((?:hmac-hex:|hmac-base64:)?(?:query|header|json):[^{}]+)\}/g;
