// Finds parts of a valid JSON text without building objects. It returns their exact text, in time linear in the text.

/** The place of a member of an object or array. */
interface Member {
  /** With its quotes, as it is written; undefined in an array. */
  key: string | undefined;
  from: number;
  to: number;
}

/** The members of the object or array that begins at `at`, in their order; none for any other value. */
function* membersOf(text: string, at: number): Generator<Member> {
  const open = text[at];
  if (open !== '[' && open !== '{') return;
  for (at = skipSpace(text, at + 1); text[at] !== ']' && text[at] !== '}';) {
    let key: string | undefined;
    if (open === '{') {
      const to = endOfString(text, at);
      key = text.slice(at, to);
      // Past the colon.
      at = skipSpace(text, skipSpace(text, to) + 1);
    }
    const to = endOfValue(text, at);
    yield { key, from: at, to };
    at = skipSpace(text, to);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
}

/**
 * The elements of an array, each as its exact text.
 *
 * @returns at most `most` + 1 of them; undefined when the text is not an array
 */
export function elementsOf(text: string, most: number): string[] | undefined {
  const begin = skipSpace(text, 0);
  if (text[begin] !== '[') return undefined;
  const elements: string[] = [];
  for (const { from, to } of membersOf(text, begin)) {
    elements.push(text.slice(from, to));
    if (elements.length > most) break;
  }
  return elements;
}

/**
 * The value at a path of keys and indexes.
 *
 * @returns its exact text, of a repeated key the last one, as with JSON.parse; undefined when there is none
 */
export function valueAt(text: string, path: readonly string[]): string | undefined {
  let found: Pick<Member, 'from' | 'to'> = { from: skipSpace(text, 0), to: text.length };
  for (const step of path) {
    const wanted = JSON.stringify(step);
    let next: Member | undefined;
    let index = 0;
    for (const member of membersOf(text, found.from)) {
      const { key } = member;
      if (key === undefined ? String(index) === step : key === wanted || (key.includes('\\') && JSON.parse(key) === step)) next = member;
      index += 1;
    }
    if (next === undefined) return undefined;
    found = next;
  }
  return text.slice(found.from, found.to).trim();
}

function skipSpace(text: string, at: number): number {
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; code = text.charCodeAt(at))
    at += 1;
  return at;
}

/** Past the quote that ends the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (at += 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at += 1;
  }
  return at;
}

function endOfValue(text: string, at: number): number {
  let depth = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    // With the bit 0x20 set, `[` is `{` and `]` is `}`.
    const bracket = code | 0x20;
    if (bracket === 0x7b) depth += 1;
    else if (bracket === 0x7d) {
      // Of what is around a number or literal.
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === 0x2c || code <= 0x20)) return at;
    at += 1;
  }
  return at;
}
