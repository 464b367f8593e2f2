import { createHash } from 'node:crypto';
import { IngestError } from '../errors.ts';
import { charsetOf, utf8, withoutMark, type Charset } from './charset.ts';
import { charsetsOfFields, decodeField, Fields, requireFew } from './fields.ts';
import { hexDigit } from './form.ts';
import type { HeaderValue } from './header-value.ts';
import { findJsonFault } from './json-text.ts';
import { parseMultipart, type Part } from './multipart.ts';

export const JSON_TYPE = /^(?:application|text)\/(?:x-)?json$|\+json$/;

/**
 * `multipart/form-data` as a JSON object: a field is a string; a file is described, as an event does not carry its
 * content; a file input that was left empty is null.
 *
 * @param charset of the fields that name none themselves
 * @throws IngestError invalid_form, invalid_encoding
 */
export function parseParts(body: Buffer, boundary: string, charset: Charset | undefined): string {
  const parts: { name: string; filename: string | undefined; part: Part; content: Buffer }[] = [];
  for (const part of parseMultipart(body, boundary)) {
    const filename = parameterOf(part.disposition, 'filename');
    // A file without a name is accepted.
    const name = parameterOf(part.disposition, 'name') ?? filename ?? (isText(part) ? undefined : '');
    if (name === undefined) throw new IngestError('invalid_form', 'A part of the form has no name.');
    parts.push({ name, filename, part, content: undoTransfer(part) });
    requireFew(parts.length);
  }
  const named = charsetsOfFields((wanted) => parts.find(({ name }) => name.toLowerCase() === wanted)?.content);
  const fields = new Fields();
  for (const { name, filename, part, content } of parts) {
    fields.add(name, valueOf(filename, part, content, charsetOf(part.type.parameters.get('charset')) ?? charset, named(name)));
  }
  return fields.toJson();
}

/** @param fallback for what is not UTF-8 and has no other charset */
function valueOf(filename: string | undefined, part: Part, content: Buffer, charset?: Charset, fallback?: Charset): string {
  const { type, contentType } = part;
  if (filename === '' && content.length === 0) return 'null';
  if (filename === undefined) {
    const text = charset === undefined ? decodeField(content, fallback) : charset.decode(content);
    if (text !== undefined) return JSON.stringify(text);
    // Its content would be lost if it were described as a file.
    if (isText(part)) throw new IngestError('invalid_form', 'A field of the form is not valid UTF-8, and no charset is named.');
  } else if (JSON_TYPE.test(type.value)) {
    // JSON is text even when its sender gave it the name of a file.
    const json = withoutMark(content);
    const text = utf8(json);
    if (text !== undefined && findJsonFault(json) === undefined) return JSON.stringify(text);
  }
  const sha256 = createHash('sha256').update(content).digest('hex');
  return JSON.stringify({
    filename: filename ?? null,
    contentType: contentType === '' ? null : contentType,
    bytes: content.length,
    sha256,
  });
}

/** What a part is that does not say so. */
const isText = ({ type }: Part) => type.value === '' || type.value.startsWith('text/');

/** A parameter of a part; the extended form of RFC 8187 (`filename*=UTF-8''%e2%82%ac`) where it can be read. */
function parameterOf({ parameters }: HeaderValue, name: string): string | undefined {
  const extended = parameters.get(`${name}*`);
  const [, charset, escaped] = /^([^']*)'[^']*'(.*)$/s.exec(extended ?? '') ?? [];
  if (escaped !== undefined) {
    const bytes = unescape(Buffer.from(escaped, 'utf8'), 0x25);
    const text = charsetOf(charset)?.decode(bytes) ?? utf8(bytes);
    if (text !== undefined) return text;
  }
  return parameters.get(name);
}

/** Content that is labelled as encoded and is not stays as it is. */
function undoTransfer({ transferEncoding, content }: Part): Buffer {
  if (transferEncoding === 'base64' && /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(content.toString('latin1'))) {
    return Buffer.from(content.toString('latin1'), 'base64');
  }
  // A soft line break is `=` at the end of a line, with spaces that were added on the way.
  if (transferEncoding === 'quoted-printable') {
    return unescape(Buffer.from(content.toString('latin1').replaceAll(/=[ \t]*\r?\n/g, ''), 'latin1'), 0x3d);
  }
  return content;
}

/** Undoes `%41` or `=41`; a mark that begins no escape stands for itself. */
function unescape(escaped: Buffer, mark: number): Buffer {
  const bytes = Buffer.allocUnsafe(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at += 1) {
    const [high, low] = escaped[at] === mark ? [hexDigit(escaped[at + 1]), hexDigit(escaped[at + 2])] : [-1, -1];
    bytes[length] = high >= 0 && low >= 0 ? high * 16 + low : (escaped[at] ?? 0);
    if (high >= 0 && low >= 0) at += 2;
    length += 1;
  }
  return bytes.subarray(0, length);
}
