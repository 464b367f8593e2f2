import zlib from 'node:zlib';

// Packed bodies of which nearly each bit makes its reader build tables, and which unpack to next to nothing. Written
// from RFC 1951 and RFC 7932.

/** Bits from the lowest on, as both formats have them. */
class Bits {
  readonly #bytes: number[] = [];
  #byte = 0;
  #used = 0;
  get length(): number {
    return this.#bytes.length;
  }
  put(value: number, count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.#byte |= ((value >>> n) & 1) << this.#used;
      this.#used += 1;
      if (this.#used < 8) continue;
      this.#bytes.push(this.#byte);
      [this.#byte, this.#used] = [0, 0];
    }
  }
  /** Huffman codes stand with their highest bit first. */
  code(value: number, count: number): void {
    for (let n = count - 1; n >= 0; n -= 1) this.put(value >>> n, 1);
  }
  end(): Buffer {
    while (this.#used > 0) this.put(0, 1);
    return Buffer.from(this.#bytes);
  }
}

/** Blocks without content, each with all 286 + 30 codes of its own. `text` stands in front, as it is. */
export function deflateBlocks(bytes: number, text: string, frame: 'gzip' | 'raw'): Buffer {
  const bits = new Bits();
  const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  const codeOf: Record<number, number> = { 4: 0, 5: 1, 8: 2, 9: 3 };
  const lengths = [...Array.from({ length: 286 }, (_, n) => (n < 226 ? 8 : 9)), ...Array.from({ length: 30 }, (_, n) => (n < 2 ? 4 : 5))];
  const block = (last: boolean) => {
    bits.put(last ? 1 : 0, 1);
    bits.put(2, 2);
    bits.put(286 - 257, 5);
    bits.put(30 - 1, 5);
    bits.put(19 - 4, 4);
    for (const length of order) bits.put(length in codeOf ? 2 : 0, 3);
    for (const length of lengths) bits.code(codeOf[length] ?? 0, 2);
    bits.code(2 * 226 + 256 - 226, 9);
  };
  const packed = zlib.deflateRawSync(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  while (bits.length < bytes - packed.length - 120) block(false);
  block(true);
  const raw = Buffer.concat([packed, bits.end()]);
  if (frame === 'raw') return raw;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(zlib.crc32(text), 0);
  trailer.writeUInt32LE(Buffer.byteLength(text), 4);
  return Buffer.concat([Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 3]), raw, trailer]);
}

/** Meta-blocks of one byte, each with a map from `types` × 64 contexts to `trees` codes. Both are powers of 2. */
export function brotliMaps(bytes: number, types: number, trees: number): Buffer {
  const bits = new Bits();
  const simple = (symbol: number, width: number) => {
    bits.put(1, 4); // A simple code of one symbol.
    bits.put(symbol, width);
  };
  const count = (value: number) => {
    if (value === 1) {
      bits.put(0, 1);
      return;
    }
    const extra = Math.floor(Math.log2(value - 1));
    bits.put(1, 1);
    bits.put(extra, 3);
    bits.put(value - 1 - 2 ** extra, extra);
  };
  bits.put(0, 1); // The window.
  while (bits.length < bytes - 1000) {
    bits.put(0, 1 + 2 + 16 + 1); // Not the last, of one byte, compressed.
    count(types);
    if (types > 1) {
      simple(0, Math.ceil(Math.log2(types + 2)));
      simple(0, 5);
      bits.put(0, 2);
    }
    bits.put(0, 1 + 1 + 2 + 4);
    for (let n = 0; n < types; n += 1) bits.put(0, 2);
    count(trees);
    if (trees > 1) {
      const run = Math.log2(types * 64);
      bits.put(1 + 2 * 15, 5);
      simple(run, Math.ceil(Math.log2(trees + 16)));
      bits.put(0, run);
      bits.put(1, 1);
    }
    bits.put(0, 1);
    for (let n = 0; n < trees; n += 1) simple(0x31, 8);
    simple(8, 10);
    simple(0, 6);
  }
  bits.put(3, 2);
  return bits.end();
}
