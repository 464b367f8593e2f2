import { IngestError } from '../errors.ts';
import { utf8 } from './charset.ts';
import { parseHeaderValue, type HeaderValue } from './header-value.ts';

// multipart/form-data of a whole body in memory. Of the known libraries, one bounds neither boundary nor parts (seconds for
// half a megabyte), and one silently replaces what is not UTF-8.

/** RFC 2046. The search for a boundary costs its length times the body's. */
export const MAX_BOUNDARY = 70;
const MAX_PART_HEADERS_BYTES = 8192;
const MAX_PART_HEADER_LINES = 32;
const [LINE_FEED, RETURN, SPACE, TAB, DASH] = [0x0a, 0x0d, 0x20, 0x09, 0x2d];

export interface Part {
  disposition: HeaderValue;
  type: HeaderValue;
  /** Content-Type as written. */
  contentType: string;
  /** Content-Transfer-Encoding in lower case. */
  transferEncoding: string;
  content: Buffer;
}

/**
 * The parts in their order. Text before the first and after the last delimiter is skipped (RFC 2046 §5.1.1). Lines may end
 * in LF alone. Linear in the size of the body.
 *
 * @throws IngestError invalid_form
 */
export function* parseMultipart(body: Buffer, boundary: string): Generator<Part> {
  if (boundary.length > MAX_BOUNDARY) {
    throw new IngestError('invalid_form', `The boundary has ${boundary.length} characters; ${MAX_BOUNDARY} are allowed.`);
  }
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  let before = findDelimiter(body, delimiter, 0);
  for (;;) {
    if (before === undefined)
      throw new IngestError('invalid_form', 'The body is not multipart/form-data: a delimiter with its boundary is missing.');
    if (before.isLast) return;
    const after = findDelimiter(body, delimiter, before.to);
    if (after !== undefined) yield parsePart(body.subarray(before.to, Math.max(before.to, after.from)));
    before = after;
  }
}

/** A delimiter with the line break before it and the rest of its line. */
interface Delimiter {
  from: number;
  to: number;
  isLast: boolean;
}

function findDelimiter(body: Buffer, delimiter: Buffer, from: number): Delimiter | undefined {
  for (let at = body.indexOf(delimiter, from); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    const begin = lineBreakBefore(body, at);
    if (begin === undefined) continue;
    let to = at + delimiter.length;
    if (body[to] === DASH && body[to + 1] === DASH) return { from: begin, to: body.length, isLast: true };
    while (body[to] === SPACE || body[to] === TAB) to += 1;
    if (body[to] === RETURN && body[to + 1] === LINE_FEED) to += 1;
    // Otherwise the line only begins like the delimiter.
    if (body[to] === LINE_FEED) return { from: begin, to: to + 1, isLast: false };
  }
  return undefined;
}

/** Where the line break begins that ends at `at`; undefined where no line begins. */
function lineBreakBefore(body: Buffer, at: number): number | undefined {
  if (at === 0) return 0;
  if (body[at - 1] !== LINE_FEED) return undefined;
  return body[at - 2] === RETURN ? at - 2 : at - 1;
}

function parsePart(part: Buffer): Part {
  const { lines, from } = headersOf(part);
  const headers = new Map<string, string>();
  for (const line of lines
    .join('\n')
    .replaceAll(/\n[ \t]/g, ' ')
    .split('\n')) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const contentType = headers.get('content-type') ?? '';
  return {
    disposition: parseHeaderValue(headers.get('content-disposition') ?? ''),
    type: parseHeaderValue(contentType),
    contentType,
    transferEncoding: headers.get('content-transfer-encoding')?.toLowerCase() ?? '',
    content: part.subarray(from),
  };
}

/** The lines before the empty one, and where the content after it begins. */
function headersOf(part: Buffer): { lines: string[]; from: number } {
  const lines: string[] = [];
  for (let from = 0; from <= MAX_PART_HEADERS_BYTES && lines.length <= MAX_PART_HEADER_LINES;) {
    const feed = part.indexOf(LINE_FEED, from);
    if (feed < 0) throw new IngestError('invalid_form', "A part's headers do not end: an empty line is missing.");
    const to = part[feed - 1] === RETURN ? feed - 1 : feed;
    if (to <= from) return { lines, from: feed + 1 };
    const line = part.subarray(from, to);
    lines.push(utf8(line) ?? line.toString('latin1'));
    from = feed + 1;
  }
  throw new IngestError(
    'invalid_form',
    `A part's headers are larger than ${MAX_PART_HEADERS_BYTES} bytes or have more than ${MAX_PART_HEADER_LINES} lines.`,
  );
}
