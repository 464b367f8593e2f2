import { createHash } from 'node:crypto';
import { z } from 'zod';
import { valueAt } from './decode/json-walk.ts';
import type { RequestHeaders } from './webhook.ts';

// Which posts of a hook are the same one, sent again.

const LONGEST_KEY = 255;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** Where a sender puts the id of a delivery that it keeps when it tries again. */
export const idempotencySchema = z.strictObject({
  headers: z.array(z.string().regex(/^[a-z0-9-]+$/, 'expected the name of a header in lower case')).default([]),
  /** Keys and indexes with dots between them, as in `data.0.id`; in a form the name of a field. */
  json: z
    .string()
    .regex(/^[^.]+(?:\.[^.]+){0,7}$/, 'expected up to 8 keys or indexes with dots between them')
    .optional(),
  /** What another body with a known id is: a conflict, or the same delivery with another counter in it. */
  onConflict: z.enum(['refuse', 'repeat']).default('refuse'),
});

export type IdempotencyInput = z.input<typeof idempotencySchema>;
export type Idempotency = z.output<typeof idempotencySchema>;

/**
 * The id that makes two deliveries to a hook the same: the first of its sources that has a value.
 *
 * @param json the metadata, which is JSON whatever the body was
 * @returns undefined when the sender named nothing
 */
export function deliveryIdOf({ headers: names, json: path }: Idempotency, headers: RequestHeaders, json: () => string): string | undefined {
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string' && value !== '') return asKey(value);
  }
  const value = path === undefined ? undefined : scalarAt(json(), path);
  return value === undefined ? undefined : asKey(value);
}

/** A string or number; anything else names nothing. */
function scalarAt(json: string, path: string): string | undefined {
  const text = valueAt(json, path.split('.')) ?? '';
  if (/^[-\d]/.test(text)) return text;
  return text.startsWith('"') && text !== '""' ? (JSON.parse(text) as string) : undefined;
}

/** A vendor's id is never refused: one that cannot be a key is represented by its hash. */
function asKey(value: string): string {
  if (value.length <= LONGEST_KEY && VISIBLE_ASCII.test(value)) return value;
  return `sha256:${createHash('sha256').update(value).digest('hex')}`;
}
