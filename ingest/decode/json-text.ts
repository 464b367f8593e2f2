// Whether bytes are JSON, in one pass over them. JSON.parse would build every object only to discard it: half a megabyte
// of small objects with distinct keys costs it 65 ms, and the sender chooses the keys.

export const MAX_DEPTH = 128;

const [TAB, LINE_FEED, RETURN, SPACE, QUOTE, BACKSLASH, SLASH] = [0x09, 0x0a, 0x0d, 0x20, 0x22, 0x5c, 0x2f];
const [COMMA, COLON, MINUS, PLUS, POINT, ZERO, NINE] = [0x2c, 0x3a, 0x2d, 0x2b, 0x2e, 0x30, 0x39];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]));

/** Which of the open brackets are objects. One for all calls: none of them is ever interrupted. */
const isObject = new Uint8Array(MAX_DEPTH);

/**
 * Checks that `bytes` are one JSON text (RFC 8259) of at most MAX_DEPTH levels. They must be valid UTF-8 already.
 *
 * @returns what is wrong, in words for the sender; undefined when nothing is
 */
export function findJsonFault(bytes: Uint8Array): string | undefined {
  let depth = 0;
  let at = skipSpace(bytes, 0);
  for (;;) {
    // Here a value begins.
    const first = bytes[at];
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      if (depth === MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
      isObject[depth] = first === OPEN_OBJECT ? 1 : 0;
      depth += 1;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== (first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        if (first === OPEN_OBJECT) at = skipKey(bytes, at);
        if (at < 0) return faultAt(bytes, ~at);
        continue;
      }
      depth -= 1;
      at += 1;
    } else {
      at = skipScalar(bytes, at);
      if (at < 0) return faultAt(bytes, ~at);
    }
    // Here a value has ended.
    for (;;) {
      at = skipSpace(bytes, at);
      if (depth === 0) return at === bytes.length ? undefined : faultAt(bytes, at);
      const inObject = isObject[depth - 1] === 1;
      const next = bytes[at];
      if (next === COMMA) {
        at = skipSpace(bytes, at + 1);
        if (inObject) at = skipKey(bytes, at);
        if (at < 0) return faultAt(bytes, ~at);
        break;
      }
      if (next !== (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return faultAt(bytes, at);
      depth -= 1;
      at += 1;
    }
  }
}

const faultAt = (bytes: Uint8Array, at: number) => (at >= bytes.length ? 'it ends too early' : `unexpected byte at position ${at}`);

// Each of these returns where it ended, or the complement (~) of the place where the text stops being JSON.

function skipSpace(bytes: Uint8Array, at: number): number {
  for (let byte = bytes[at]; byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB; byte = bytes[at]) at += 1;
  return at;
}

/** A key, its colon and the space after it. */
function skipKey(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return ~at;
  at = skipString(bytes, at + 1);
  if (at < 0) return at;
  at = skipSpace(bytes, at);
  return bytes[at] === COLON ? skipSpace(bytes, at + 1) : ~at;
}

function skipScalar(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at + 1);
  if (first === MINUS || isDigit(first)) return skipNumber(bytes, at);
  const literal = first === undefined ? undefined : LITERALS.get(first);
  if (literal === undefined) return ~at;
  for (const [index, byte] of literal.entries()) if (bytes[at + index] !== byte) return ~(at + index);
  return at + literal.length;
}

function skipString(bytes: Uint8Array, at: number): number {
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte < SPACE) return ~at;
    if (byte !== BACKSLASH) at += 1;
    else if (bytes[at + 1] === 0x75) {
      for (let hex = at + 2; hex < at + 6; hex += 1) if (!isHex(bytes[hex])) return ~hex;
      at += 6;
    } else if (isEscape(bytes[at + 1])) at += 2;
    else return ~(at + 1);
  }
}

function skipNumber(bytes: Uint8Array, at: number): number {
  if (bytes[at] === MINUS) at += 1;
  if (bytes[at] === ZERO) at += 1;
  else at = skipDigits(bytes, at);
  if (at >= 0 && bytes[at] === POINT) at = skipDigits(bytes, at + 1);
  if (at >= 0 && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    const sign = bytes[at + 1];
    at = skipDigits(bytes, at + (sign === PLUS || sign === MINUS ? 2 : 1));
  }
  return at;
}

/** At least one. */
function skipDigits(bytes: Uint8Array, at: number): number {
  if (!isDigit(bytes[at])) return ~at;
  while (isDigit(bytes[at])) at += 1;
  return at;
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= ZERO && byte <= NINE;
const isHex = (byte: number | undefined) => isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);

/** What may follow a backslash, besides `u`: `"`, `\`, `/`, b, f, n, r, t. */
function isEscape(byte: number | undefined): boolean {
  if (byte === QUOTE || byte === BACKSLASH || byte === SLASH) return true;
  return byte === 0x62 || byte === 0x66 || byte === 0x6e || byte === 0x72 || byte === 0x74;
}
