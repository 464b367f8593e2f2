import { IngestError } from './errors.ts';
import { charsetOf, charsetOfMark, charsetOfZeros, utf8, withoutMark, type Charset } from './decode/charset.ts';
import { parseForm } from './decode/form.ts';
import { parseHeaderValue } from './decode/header-value.ts';
import { findJsonFault } from './decode/json-text.ts';
import { elementsOf } from './decode/json-walk.ts';
import { MAX_BOUNDARY } from './decode/multipart.ts';
import { JSON_TYPE, parseParts } from './decode/parts.ts';
import { defaultReading, MAX_RUNS, type Reading } from './reading.ts';

// From the bytes of a body to the stored JSON text. The bytes decide what they are, and the label is a hint: JSON keeps its
// exact text under any label, forms become an object, and other text becomes one JSON string.

/** The sender's labels of a body. The bytes overrule them. */
interface Label {
  type: string;
  charset: Charset | undefined;
  boundary: string | undefined;
}

/**
 * The metadata of an unpacked body; `null` for an empty one.
 *
 * @returns several when the hook makes a run for each element or line
 * @throws IngestError invalid_json, invalid_form, invalid_encoding, unsupported_media_type, payload_too_large
 */
export function metadataOf(body: Uint8Array, contentType: string | undefined, reading: Reading = defaultReading): string | string[] {
  const metadata = wholeOf(body, contentType, reading);
  if (!reading.split || typeof metadata !== 'string') return metadata;
  const elements = elementsOf(metadata, MAX_RUNS);
  if (elements === undefined) return metadata;
  requireFew(elements, 'elements');
  return elements;
}

function wholeOf(body: Uint8Array, contentType: string | undefined, { body: mode, ndjson }: Reading): string | string[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (bytes.length === 0) return 'null';
  if (mode === 'base64') return JSON.stringify(bytes.toString('base64'));
  const unmarked = withoutMark(bytes);
  if (mode === 'text') return JSON.stringify(textOf(unmarked, labelOf(contentType)));
  const text = utf8(unmarked);
  const fault = text === undefined ? 'it is not valid UTF-8' : findJsonFault(unmarked);
  if (text !== undefined && fault === undefined) return text;
  const label = labelOf(contentType);
  if (label.type === 'application/x-www-form-urlencoded' && !isOtherText(unmarked)) return parseForm(unmarked, label.charset);
  if (label.type === 'multipart/form-data') return parseParts(unmarked, boundaryOf(unmarked, label), label.charset);
  if (ndjson === 'split') return linesOf(textOf(unmarked, label));
  return jsonOrString(unmarked, label, fault);
}

/** curl and others label everything as a form. No form begins like XML, JSON lines or truncated JSON. */
const isOtherText = (bytes: Buffer) => /^\s*(?:[{<]|\[\s*[[{"])/.test(bytes.toString('latin1', 0, 100));

/** JSON lines. A blank line is skipped; an invalid one refuses all of them. */
function linesOf(text: string): string[] {
  const lines: string[] = [];
  for (let from = 0, number = 1; from < text.length; number += 1) {
    const feed = text.indexOf('\n', from);
    const to = feed < 0 ? text.length : feed;
    // RFC 7464 puts a separator before each.
    const line = text.slice(from, to).replace(/^\x1e/, '').trim();
    from = to + 1;
    if (line === '') continue;
    const fault = findJsonFault(Buffer.from(line));
    if (fault !== undefined) throw new IngestError('invalid_json', `Line ${number} is not valid JSON: ${fault}.`);
    lines.push(line);
    requireFew(lines, 'lines');
  }
  return lines;
}

function requireFew(texts: readonly string[], what: string): void {
  if (texts.length <= MAX_RUNS) return;
  throw new IngestError('payload_too_large', `The body has more ${what} than the ${MAX_RUNS} that are allowed.`);
}

/** Text in another charset may be JSON too. A body that is labelled JSON and is not is refused, so that its sender notices. */
function jsonOrString(bytes: Buffer, label: Label, fault: string | undefined): string {
  const isJsonLabel = JSON_TYPE.test(label.type);
  const wide = wideJson(bytes);
  if (wide !== undefined) return wide;
  const charset = charsetOfMark(bytes) ?? label.charset;
  if (charset === undefined && isJsonLabel) throw new IngestError('invalid_json', `The body is not valid JSON: ${fault}.`);
  const text = textOf(bytes, label);
  if (charset === undefined) return JSON.stringify(text);
  const decodedFault = findJsonFault(Buffer.from(text));
  if (decodedFault === undefined) return text;
  if (isJsonLabel) throw new IngestError('invalid_json', `The body is not valid JSON: in ${charset.name}, ${decodedFault}.`);
  return JSON.stringify(text);
}

/** JSON in UTF-16 without a byte order mark. */
function wideJson(bytes: Buffer): string | undefined {
  try {
    const text = charsetOfZeros(bytes)?.decode(bytes);
    return text !== undefined && findJsonFault(Buffer.from(text)) === undefined ? text : undefined;
  } catch {
    return undefined; // It only looked like it.
  }
}

function textOf(bytes: Buffer, { type, charset }: Label): string {
  const text = (charsetOfMark(bytes) ?? charset)?.decode(bytes) ?? utf8(bytes);
  if (text !== undefined) return text;
  throw new IngestError(
    'unsupported_media_type',
    `The body is neither JSON nor text in UTF-8 or a charset that Content-Type names (it is "${type.slice(0, 100)}"). A hook takes other bytes with "body": "base64".`,
  );
}

function labelOf(contentType = ''): Label {
  const { value, parameters } = parseHeaderValue(contentType);
  // Some senders name the type twice.
  const [type = ''] = value.split(',', 1);
  return { type: type.trim(), charset: charsetOf(parameters.get('charset')), boundary: parameters.get('boundary') };
}

/** A sender that sets the type by hand may omit the boundary or write another one. The first line has the real one. */
function boundaryOf(body: Buffer, { boundary = '' }: Label): string {
  if (boundary.length > MAX_BOUNDARY || (boundary !== '' && body.includes(`--${boundary}`, 0, 'latin1'))) return boundary;
  const found = /^\s*--([^\r\n]{1,70}?)[ \t]*\r?\n/.exec(body.toString('latin1', 0, 100))?.[1];
  if (found === undefined) throw new IngestError('invalid_form', 'The boundary that Content-Type names is not in the body.');
  return found;
}
