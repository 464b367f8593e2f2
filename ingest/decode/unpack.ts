import zlib from 'node:zlib';
import { IngestError } from '../errors.ts';

type Unpack = (bytes: Uint8Array, options: { maxOutputLength: number; params?: Record<number, number> }) => Uint8Array;

// Only later versions of Node have zstd. Its window is bounded: it is memory that the sender chooses.
const zstd = (zlib as { zstdDecompressSync?: Unpack }).zstdDecompressSync;
const ZSTD_WINDOW_LOG_MAX = 100;

const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b;
/**
 * gzip and deflate are one method in three frames, and senders mix them up. The frame of zlib, which "deflate" means, begins
 * with two bytes that are a multiple of 31; many senders leave it out.
 */
const inflate: Unpack = (bytes, options) => {
  if (isGzip(bytes)) return zlib.gunzipSync(bytes, options);
  const isFramed = ((bytes[0] ?? 0) & 0x0f) === 8 && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % 31 === 0;
  return isFramed ? zlib.inflateSync(bytes, options) : zlib.inflateRawSync(bytes, options);
};

/**
 * The most packed bytes. A packed body can consist of tables that its reader has to build: half a megabyte of them costs
 * deflate 25–45 ms and brotli 0.8 s, whatever they unpack to. These limits cost at most 30 ms.
 */
const MOST = { deflate: 393_216, br: 16_384, zstd: 16_384 };

interface Coding {
  unpack: Unpack;
  most: number;
}

/** The codings that exist (IANA); undefined: not supported. Other values, such as a charset, are ignored. */
const codings = new Map<string, Coding | undefined>([
  ...['gzip', 'x-gzip', 'deflate'].map((name) => [name, { unpack: inflate, most: MOST.deflate }] as const),
  ['br', { unpack: zlib.brotliDecompressSync, most: MOST.br }],
  ['zstd', zstd && { unpack: (bytes, options) => zstd(bytes, { ...options, params: { [ZSTD_WINDOW_LOG_MAX]: 23 } }), most: MOST.zstd }],
  ...['compress', 'x-compress', 'dcb', 'dcz', 'exi', 'pack200-gzip'].map((name) => [name, undefined] as const),
]);

const MAX_CODINGS = 2;

/** The codings that a Content-Encoding names, in the order in which they were applied. @throws IngestError unsupported_media_type */
export function codingsOf(contentEncoding: string | undefined): string[] {
  if (contentEncoding === undefined) return [];
  const named = contentEncoding
    .toLowerCase()
    .split(/[\s,;"']+/)
    .filter((name) => codings.has(name));
  const unknown = named.find((name) => codings.get(name) === undefined);
  if (unknown !== undefined || named.length > MAX_CODINGS) {
    const taken = [...codings].flatMap(([name, coding]) => (coding === undefined ? [] : name));
    throw new IngestError(
      'unsupported_media_type',
      `Content-Encoding ${unknown ?? named.slice(0, 10).join(', ')} is not supported: send one of ${taken.join(', ')}, or none.`,
    );
  }
  return named;
}

/**
 * Refuses what is packed and longer than its coding may be: known before a byte of it has arrived.
 *
 * @throws IngestError payload_too_large
 */
export function requirePackedLength(length: number, named: readonly string[]): void {
  const name = named.at(-1) ?? '';
  const most = codings.get(name)?.most ?? Infinity;
  if (length > most) throw tooLong(length, name, most);
}

const tooLong = (length: number, name: string, most: number) =>
  new IngestError(
    'payload_too_large',
    `The packed body has ${length} bytes; in ${name} alone ${most} are allowed. Send it unpacked${most < MOST.deflate ? ' or in gzip' : ''}.`,
  );

/**
 * Undoes the codings. It makes at most `limit` bytes and reads at most as many packed bytes as their coding allows, so that a
 * bomb costs neither memory nor time.
 *
 * @throws IngestError payload_too_large, invalid_encoding
 */
export function unpack(body: Uint8Array, named: readonly string[], limit: number): Uint8Array {
  let bytes = body;
  /** Of what may be spent, over all codings. */
  let spent = 0;
  for (const [at, name] of named.toReversed().entries()) {
    const coding = codings.get(name);
    // Two proxies can both name the coding of a body that was packed once.
    if (at > 0 && /gzip$/.test(name) && !isGzip(bytes)) break;
    // Nothing was sent, so nothing was packed.
    if (bytes.length === 0 || coding === undefined) break;
    spent += bytes.length / coding.most;
    if (spent > 1) throw tooLong(bytes.length, name, coding.most);
    try {
      bytes = coding.unpack(bytes, { maxOutputLength: limit });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw new IngestError('payload_too_large', `The body unpacks to more than ${limit} bytes.`);
      }
      throw new IngestError('invalid_encoding', `The body is not valid ${name}.`);
    }
  }
  return bytes;
}
