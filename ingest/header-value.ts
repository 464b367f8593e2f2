/** A header such as Content-Type or Content-Disposition: a value and its parameters. */
export interface HeaderValue {
  /** In lower case. */
  value: string;
  /** By their names in lower case; of one that is named twice the first. */
  parameters: ReadonlyMap<string, string>;
}

/**
 * Parses `value; name=value; name="quoted value"` in one pass over the text. What does not fit is passed over: the bytes
 * of a body decide what they are, and its labels only help.
 */
export function parseHeaderValue(text: string): HeaderValue {
  const parameters = new Map<string, string>();
  let at = endOf(text, 0, ';');
  const value = text.slice(0, at).trim().toLowerCase();
  while (at < text.length) {
    const nameFrom = at + 1;
    at = endOf(text, nameFrom, '=;');
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
  const end = endOf(text, from, ';');
  return [text.slice(from, end).trim(), end];
}

/** Only `\"` and `\\` are escapes: some senders put the path of a Windows file here. */
function quoted(text: string, from: number): [string, number] {
  let value = '';
  let at = from;
  for (let begin = from; ; at += 1) {
    const character = text[at];
    const isEscape = character === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\');
    if (!isEscape && character !== '"' && character !== undefined) continue;
    value += text.slice(begin, at);
    if (!isEscape) break;
    at += 1;
    begin = at;
  }
  return [value, endOf(text, at, ';')];
}

/** Where the first of the characters `ends` is at or after `from`; the end of the text where there is none. */
function endOf(text: string, from: number, ends: string): number {
  let at = from;
  while (at < text.length && !ends.includes(text[at] ?? '')) at += 1;
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}
