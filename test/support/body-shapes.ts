import { gzipSync } from 'node:zlib';
import type { Shape } from './body-cost.ts';
import { brotliMaps, deflateBlocks } from './packed-shapes.ts';

// The bodies that cost most, found by hand and by the search of test/full/body-cost.test.ts.

const json = (unit: string, before = '[0', after = ']'): Shape => ({ contentType: 'application/json', before, unit, after });
const form = (unit: string): Shape => ({ contentType: 'application/x-www-form-urlencoded', unit });
const LONGEST = 'b'.repeat(70);
const HEAD = 'Content-Disposition: form-data; name="a"';
const multipart = (unit: string, boundary = LONGEST, before = `--${boundary}\r\n${HEAD}\r\n\r\n`): Shape => ({
  contentType: `multipart/form-data; boundary=${boundary}`,
  before,
  unit,
  after: `\r\n--${boundary}--`,
});

const packed = (contentEncoding: string, bytes: Buffer): Shape => ({ contentType: 'application/json', contentEncoding, unit: '', bytes });
/** As large as a body may be, and as large as its coding may be. */
const SIZES = [524_288, 393_100, 16_384];
const objects = `[0${',{"a1":1,"b1":2}'.repeat(32_000)}]`;

const unpacked: Record<string, Shape> = {
  'JSON: objects with ever new keys': json(',{"a#":1,"b#":2}'),
  'JSON: one object of new keys': json(',"#":0', '{"x":0', '}'),
  'JSON: keys that are numbers': json(',"#000000":0', '{"x":0', '}'),
  'JSON: keys with escapes': json(',"\\u0061#":0', '{"x":0', '}'),
  'JSON: empty objects': json(',{}'),
  'JSON: nested to the limit': json(`,${'['.repeat(127)}${']'.repeat(127)}`),
  'JSON: nested for ever': json('[', '', ''),
  'JSON: escapes': json('\\u0041', '"', '"'),
  'JSON: one number': json('1', '', ''),
  'JSON: white space': json(' ', '', '1'),
  'JSON: characters of four bytes': json('\xf0\x9f\xa6\x8a', '"', '"'),
  'form: empty names': form('=&'),
  'form: ampersands': form('&'),
  'form: fields': form('#&'),
  'form: escapes': form('%41'),
  'form: percent signs': form('%'),
  'form: plus signs': form('+'),
  'form: escaped NULs': form('%00'),
  'multipart: a boundary of 32 KB': multipart('b', 'b'.repeat(32_000)),
  'multipart: parts without end': multipart(`\r\n--b\r\n${HEAD}\r\n\r\n`, 'b'),
  'multipart: what is nearly the boundary': multipart(`\r\n--${LONGEST.slice(1)}c`),
  'multipart: what is more than the boundary': multipart('\r\n--bb', 'b'),
  'multipart: dashes': multipart('-', '-'.repeat(70)),
  'multipart: line breaks': multipart('\n'),
  'multipart: a preamble': multipart(`\n--${LONGEST.slice(1)}`, LONGEST, ''),
  'multipart: many headers': multipart(`\r\n--b\r\n${'a:b\r\n'.repeat(1500)}${HEAD}\r\n\r\n`, 'b'),
  'multipart: headers that do not end': multipart('a:b\n', 'b', '--b\r\n'),
  'multipart: folded headers': multipart(`\r\n--b\r\nContent-Disposition: form-data;${'\r\n '.repeat(2000)} name=a\r\n\r\n`, 'b'),
  'multipart: parameters': multipart(`\r\n--b\r\nContent-Disposition: form-data${';a=";"'.repeat(1000)}; name=a\r\n\r\n`, 'b'),
  'multipart: escaped quotes': multipart(`\r\n--b\r\nContent-Disposition: form-data; name="${'\\"'.repeat(3500)}"\r\n\r\n`, 'b'),
};

export const shapes: Record<string, Shape> = {
  ...unpacked,
  ...Object.fromEntries(
    SIZES.flatMap((size) => [
      [`gzip: ${size} bytes of blocks without content`, packed('gzip', deflateBlocks(size, '1', 'gzip'))],
      [`deflate: ${size} bytes of blocks in front of objects`, packed('deflate', deflateBlocks(size, objects, 'raw'))],
      [`gzip in gzip: ${size} bytes of blocks`, packed('gzip, gzip', gzipSync(deflateBlocks(size, '1', 'gzip')))],
      [`br: ${size} bytes of maps to two codes`, packed('br', brotliMaps(size, 256, 2))],
      [`br: ${size} bytes of maps to many codes`, packed('br', brotliMaps(size, 256, 256))],
      [`br: ${size} bytes of small blocks`, packed('br', brotliMaps(size, 1, 1))],
    ]),
  ),
};
