const [SEMICOLON, EQUALS, QUOTE, BACKSLASH] = [0x3b, 0x3d, 0x22, 0x5c];

/** A header such as Content-Type or Content-Disposition: a value and its parameters. */
export interface HeaderValue {
  /** In lower case. */
  value: string;
  /** By name in lower case. The first of a repeated name counts. */
  parameters: ReadonlyMap<string, string>;
}

/**
 * Parses `value; name=value; name="quoted value"` in one pass. Malformed pieces are skipped: the bytes of a body decide
 * what they are, and its labels are only hints.
 */
export function parseHeaderValue(text: string): HeaderValue {
  const parameters = new Map<string, string>();
  let at = endOf(text, 0, SEMICOLON);
  const value = text.slice(0, at).trim().toLowerCase();
  while (at < text.length) {
    const nameFrom = at + 1;
    at = endOf(text, nameFrom, SEMICOLON, EQUALS);
    const name = text.slice(nameFrom, at).trim().toLowerCase();
    let given = '';
    if (text[at] === '=') {
      [given, at] = text[skipSpace(text, at + 1)] === '"' ? quoted(text, skipSpace(text, at + 1) + 1) : bare(text, at + 1);
    }
    if (name !== '' && !parameters.has(name)) parameters.set(name, given);
  }
  return { value, parameters };
}

function bare(text: string, from: number): [string, number] {
  const end = endOf(text, from, SEMICOLON);
  return [text.slice(from, end).trim(), end];
}

/** Only `\"` and `\\` are escapes: some senders put the path of a Windows file here. */
function quoted(text: string, from: number): [string, number] {
  let at = from;
  let escapes = 0;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) break;
    if (code !== BACKSLASH) continue;
    const next = text.charCodeAt(at + 1);
    if (next !== QUOTE && next !== BACKSLASH) continue;
    at += 1;
    escapes += 1;
  }
  const value = text.slice(from, at);
  return [escapes === 0 ? value : value.replaceAll(/\\(["\\])/g, '$1'), endOf(text, at, SEMICOLON)];
}

/** Where the first of the two characters is at or after `from`; the end of the text where there is none. */
function endOf(text: string, from: number, end: number, other = end): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === end || code === other) break;
  }
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}
