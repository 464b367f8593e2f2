import { IngestError } from '../errors.ts';
import type { Charset } from './charset.ts';
import { charsetsOfFields, decodeField, Fields, requireFew } from './fields.ts';

const [AMPERSAND, EQUALS, PERCENT, PLUS, SPACE] = [0x26, 0x3d, 0x25, 0x2b, 0x20];

/** A name and a value, unescaped. */
type Pair = [name: Buffer, value: Buffer];

/**
 * Parses `application/x-www-form-urlencoded`, or a query, into a JSON object of strings. As in browsers, a `%` that begins
 * no escape stands for itself. Bytes that are not UTF-8 are in the charset of the label or of a field; none is replaced.
 *
 * @throws IngestError invalid_form, invalid_encoding
 */
export function parseForm(body: Buffer, charset?: Charset): string {
  const pairs = pairsOf(body);
  const fields = new Fields();
  const decode = decoderFor(pairs, charset);
  for (const [bytes, value] of pairs) {
    const name = decode(bytes, '');
    fields.add(name, JSON.stringify(decode(value, name)));
  }
  return fields.toJson();
}

function decoderFor(pairs: readonly Pair[], charset: Charset | undefined): (bytes: Buffer, field: string) => string {
  if (charset !== undefined) return (bytes) => charset.decode(bytes);
  const named = charsetsOfFields((wanted) => pairs.find(([name]) => isNamed(name, wanted))?.[1]);
  return (bytes, field) => {
    const text = decodeField(bytes, named(field));
    if (text === undefined) throw new IngestError('invalid_form', 'The form is not valid UTF-8, and no charset is named.');
    return text;
  };
}

const isNamed = (name: Buffer, wanted: string) => name.length === wanted.length && name.toString('latin1').toLowerCase() === wanted;

function pairsOf(body: Buffer): Pair[] {
  const pairs: Pair[] = [];
  for (let from = 0; from < body.length;) {
    let equals = -1;
    let to = from;
    for (; to < body.length && body[to] !== AMPERSAND; to += 1) if (equals < 0 && body[to] === EQUALS) equals = to;
    if (to > from) {
      const nameTo = equals < 0 ? to : equals;
      pairs.push([unescape(body.subarray(from, nameTo)), unescape(body.subarray(Math.min(nameTo + 1, to), to))]);
      requireFew(pairs.length);
    }
    from = to + 1;
  }
  return pairs;
}

function unescape(escaped: Buffer): Buffer {
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
  return bytes.subarray(0, length);
}

/** @returns -1 for what is none */
export function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
