import { isUtf8 } from 'node:buffer';
import { IngestError } from './errors.ts';
import { Fields } from './fields.ts';
import { parseForm, utf8Field } from './form.ts';
import { parseHeaderValue } from './header-value.ts';
import { findJsonFault } from './json-text.ts';
import { parseMultipart } from './multipart.ts';

// From the bytes that arrived to the JSON text that is stored. JSON keeps its exact text; forms have none of their own.

/** @throws IngestError invalid_json, invalid_form or unsupported_media_type */
export type ParseBody = (body: Uint8Array) => string;

const JSON_TYPE = /^application\/(?:json|[a-z0-9.+_-]+\+json)$/;

/**
 * How a body of this type becomes metadata.
 *
 * @throws IngestError unsupported_media_type for another type, a charset other than UTF-8, and an encoded body
 */
export function parserFor(contentType: string | undefined, contentEncoding: string | undefined): ParseBody {
  if (contentEncoding !== undefined && !['', 'identity'].includes(contentEncoding.trim().toLowerCase())) {
    throw new IngestError('unsupported_media_type', `Content-Encoding "${contentEncoding}" is not taken: send the body uncompressed.`);
  }
  if (contentType === undefined || contentType === '' || contentType === 'application/json') return parseJson;
  const { value: type, parameters } = parseHeaderValue(contentType);
  requireUtf8(parameters.get('charset'));
  if (JSON_TYPE.test(type)) return parseJson;
  if (type === 'application/x-www-form-urlencoded') return parseForm;
  if (type === 'multipart/form-data') return (body) => parseParts(body, parameters.get('boundary'));
  throw new IngestError('unsupported_media_type', `Content-Type "${type}" is not taken: send JSON or a form.`);
}

function requireUtf8(charset: string | undefined): void {
  if (charset === undefined || /^utf-?8$/i.test(charset)) return;
  throw new IngestError('unsupported_media_type', `The charset ${charset} is not taken: send UTF-8.`);
}

/** The body as text, checked to be JSON of at most 128 levels and otherwise untouched; `null` for an empty one. */
export function parseJson(body: Uint8Array): string {
  if (body.length === 0) return 'null';
  if (!isUtf8(body)) throw new IngestError('invalid_json', 'The body is not valid UTF-8.');
  const fault = findJsonFault(body);
  if (fault !== undefined) throw new IngestError('invalid_json', `The body is not valid JSON: ${fault}.`);
  return asBuffer(body).toString('utf8');
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The fields of `multipart/form-data`. Files are refused: an event holds text. */
function parseParts(body: Uint8Array, boundary: string | undefined): string {
  if (body.length === 0) return 'null';
  if (boundary === undefined || boundary === '') throw new IngestError('invalid_form', 'The content type names no boundary.');
  const fields = new Fields();
  for (const { disposition, type, content } of parseMultipart(asBuffer(body), boundary)) {
    const name = disposition.parameters.get('name');
    const isFile = disposition.parameters.has('filename') || type.value === 'application/octet-stream';
    if (isFile) throw new IngestError('unsupported_media_type', 'A file was sent: only text fields are taken.');
    requireUtf8(type.parameters.get('charset'));
    if (name === undefined) throw new IngestError('invalid_form', 'A part of the form has no name.');
    fields.add(name, JSON.stringify(utf8Field(content)));
  }
  return fields.toJson();
}
