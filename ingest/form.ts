import { isUtf8 } from 'node:buffer';
import { IngestError } from './errors.ts';
import { Fields } from './fields.ts';

const [AMPERSAND, EQUALS, PERCENT, PLUS, SPACE] = [0x26, 0x3d, 0x25, 0x2b, 0x20];

/**
 * `application/x-www-form-urlencoded`, also a GET's query, as a JSON object of strings; `null` for an empty one. As
 * browsers do, a `%` that begins no escape stands for itself; bytes that are not UTF-8 are refused, never replaced.
 *
 * @throws IngestError invalid_form
 */
export function parseForm(body: Uint8Array): string {
  if (body.length === 0) return 'null';
  const fields = new Fields();
  for (let from = 0; from <= body.length;) {
    let equals = -1;
    let to = from;
    for (; to < body.length && body[to] !== AMPERSAND; to += 1) if (equals < 0 && body[to] === EQUALS) equals = to;
    if (to > from) {
      const nameTo = equals < 0 ? to : equals;
      fields.add(decode(body.subarray(from, nameTo)), JSON.stringify(decode(body.subarray(Math.min(nameTo + 1, to), to))));
    }
    from = to + 1;
  }
  return fields.toJson();
}

function decode(escaped: Uint8Array): string {
  const bytes = Buffer.allocUnsafe(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at += 1) {
    let byte = escaped[at] ?? 0;
    if (byte === PLUS) byte = SPACE;
    else if (byte === PERCENT) {
      const [high, low] = [hexDigit(escaped[at + 1]), hexDigit(escaped[at + 2])];
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    bytes[length] = byte;
    length += 1;
  }
  return utf8Field(bytes.subarray(0, length));
}

function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** @throws IngestError invalid_form unless the bytes are UTF-8 */
export function utf8Field(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new IngestError('invalid_form', 'The form is not valid UTF-8.');
  return bytes.toString('utf8');
}
