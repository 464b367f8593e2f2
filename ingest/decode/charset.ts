import { isUtf8 } from 'node:buffer';
import { IngestError } from '../errors.ts';

// Text in other charsets than UTF-8. Which ones there are, and their many names, is what the Encoding standard says.

const LONGEST_NAME = 40;
/** A decoder is costly to make, and each of a thousand parts may name one. */
const known = new Map<string, Charset | undefined>();
const MOST_NAMES = 500;

/** Windows has characters where ISO-8859-1 has controls; Node's TextDecoder leaves the controls (nodejs/node#56542). */
const WINDOWS_1252 = Uint16Array.from({ length: 256 }, (_, byte) => byte);
WINDOWS_1252.set(
  Array.from('€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ', (character) => character.charCodeAt(0)),
  0x80,
);

/** Turns bytes of one charset into text. @throws IngestError invalid_encoding when they are not of this charset */
export interface Charset {
  name: string;
  /** Whether text in it can have the bytes of ASCII: then valid UTF-8 says nothing about it. */
  looksLikeAscii: boolean;
  decode(bytes: Buffer): string;
}

/**
 * @returns undefined for UTF-8, for US-ASCII (which is part of it), and for what names no charset: the bytes decide
 */
export function charsetOf(name: string | undefined): Charset | undefined {
  // What a second label, joined to the first by a comma, adds is not part of the name.
  const wanted =
    name
      ?.split(',', 1)[0]
      ?.replaceAll(/["'\s]/g, '')
      .toLowerCase() ?? '';
  if (wanted === '' || wanted === 'utf-8' || wanted.length > LONGEST_NAME || /^(?:us-?)?ascii$/.test(wanted)) return undefined;
  if (known.has(wanted)) return known.get(wanted);
  if (known.size >= MOST_NAMES) known.clear();
  const charset = makeCharset(wanted);
  known.set(wanted, charset);
  return charset;
}

function makeCharset(wanted: string): Charset | undefined {
  const usual = usualSpelling(wanted);
  const decoder = decoderOf(wanted) ?? (usual === wanted ? undefined : decoderOf(usual));
  if (decoder === undefined || decoder.encoding === 'utf-8') return undefined;
  const { encoding } = decoder;
  if (encoding === 'windows-1252') return { name: encoding, looksLikeAscii: false, decode: decodeWindows1252 };
  const isWide = ['utf-16', 'unicode', 'ucs-2'].includes(wanted);
  return {
    name: encoding,
    looksLikeAscii: encoding === 'iso-2022-jp',
    decode: (bytes) => {
      // Without a byte order mark, which this name asks for, and without a NUL, as nearly every line of UTF-16 has: its
      // sender transcoded it and kept the label.
      if (isWide && !bytes.includes(0)) {
        const text = utf8(bytes);
        if (text !== undefined) return text;
      }
      try {
        return decoder.decode(bytes);
      } catch {
        throw new IngestError('invalid_encoding', `The body is labelled ${encoding}, but its bytes are not valid ${encoding}.`);
      }
    },
  };
}

/** Of names that are not in the standard but meant: `latin-1`, `ISO_8859_1`, `windows1252`, `cp-1251`. */
function usualSpelling(name: string): string {
  const windows = /^(?:windows|win|cp|ms)[-_]?(125\d|874)$/.exec(name)?.[1];
  if (windows !== undefined) return `windows-${windows}`;
  return name.replaceAll('_', '-').replace(/^latin-/, 'latin');
}

function decoderOf(name: string) {
  try {
    return new TextDecoder(name, { fatal: true });
  } catch {
    return undefined;
  }
}

function decodeWindows1252(bytes: Buffer): string {
  const units = new Uint16Array(bytes.length);
  for (let at = 0; at < bytes.length; at += 1) units[at] = WINDOWS_1252[bytes[at] ?? 0] ?? 0;
  return Buffer.from(units.buffer).toString('utf16le');
}

/** The charset that a byte order mark at the beginning names, other than UTF-8. */
export function charsetOfMark(bytes: Buffer): Charset | undefined {
  const isWider = bytes[2] === 0 && bytes[3] === 0; // UTF-32, which no decoder here reads.
  if (bytes[0] === 0xff && bytes[1] === 0xfe && !isWider) return charsetOf('utf-16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return charsetOf('utf-16be');
  return undefined;
}

/** What JSON without a mark is in, if not in UTF-8: it begins with a character of ASCII, so one of two bytes is NUL. */
export function charsetOfZeros(bytes: Buffer): Charset | undefined {
  if (bytes.length < 2 || bytes.length % 2 === 1 || (bytes[0] === 0) === (bytes[1] === 0)) return undefined;
  return charsetOf(bytes[0] === 0 ? 'utf-16be' : 'utf-16le');
}

/** Without a byte order mark of UTF-8: RFC 8259 lets a parser leave it out, and no field has it in its name. */
export function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** @returns undefined when the bytes are not UTF-8: they are never replaced */
export function utf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
