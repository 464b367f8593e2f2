import { createHmac } from 'node:crypto';

// Standard Webhooks: three headers, by which a receiver knows who sent a request, that it is fresh, and whether it has
// had it already.

/** A signing key. @throws Error saying what is wrong with it, never what it is */
export function parseSecret(text: string): Buffer {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text.trim()) ?? [];
  if (encoded === undefined) throw new Error('it is not of the form whsec_<base64>');
  const key = Buffer.from(encoded, 'base64');
  if (key.length < 24 || key.length > 64) throw new Error(`it has ${key.length} bytes, and 24 to 64 are allowed`);
  return key;
}

/** One per event and target, the same at every attempt and for a redelivered event: what a receiver tells repeats by. */
export const webhookId = (eventId: string, target: string) => `${eventId}_${target}`;

/**
 * The headers of one attempt.
 *
 * @param keys one, or two while receivers move from the old to the new: a signature of each
 * @param at when the attempt is made; a receiver refuses one that is minutes off its clock
 */
export function signatureHeaders(id: string, at: Date, body: string, keys: readonly Buffer[]): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const sign = (key: Buffer) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': keys.map(sign).join(' ') };
}
