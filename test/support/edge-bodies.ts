import { createHash } from 'node:crypto';
import zlib, { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

// Bodies of real senders, each as its vendor's documentation or a public report has it. Characters up to U+00FF stand for
// bytes.

export interface EdgeCase {
  what: string;
  /** One of `edgeHooks`. */
  zap: string;
  method?: string;
  query?: string;
  headers?: Record<string, string>;
  body?: string | Buffer<ArrayBuffer>;
  answer?: { status?: number; text?: string; headers?: Record<string, string> };
  /** The metadata of the runs that it makes; none when left out. */
  stored?: string | string[];
}

export const FORM = 'application/x-www-form-urlencoded';
export const type = (value: string) => ({ 'content-type': value });
const json = (label: string, body = '{"a":1}', stored = body, zap = 'open'): EdgeCase => ({
  ...{ what: `JSON under "${label}"`, zap, headers: type(label), body, stored },
});
export const text = (what: string, label: string, body: string, zap = 'open'): EdgeCase => ({
  ...{ what, zap, headers: type(label), body, stored: JSON.stringify(body) },
});
const packed = (coding: string, body: Buffer<ArrayBuffer>, stored = '{"content":"tests"}'): EdgeCase => ({
  ...{ what: `a body in ${coding}`, zap: 'open', headers: { ...type('application/json'), 'content-encoding': coding }, body, stored },
});
const PART = 'Content-Disposition: form-data; name=';
const multipart = (what: string, body: string, stored: string): EdgeCase => ({
  ...{ what: `multipart: ${what}`, zap: 'open', headers: type('multipart/form-data; boundary=XbX'), body: `${body}--XbX--\r\n`, stored },
});
const part = (head: string, content: string) => `--XbX\r\n${PART}${head}\r\n\r\n${content}\r\n`;
const file = (filename: string, contentType: string, content: string) =>
  JSON.stringify({
    ...{ filename, contentType, bytes: content.length },
    sha256: createHash('sha256').update(content, 'latin1').digest('hex'),
  });
// Only later versions of Node have it.
const zstd = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer<ArrayBuffer> }).zstdCompressSync;
const TESTS = Buffer.from('{"content":"tests"}');

/** JSON, forms and text in other charsets, and under a form's label without being one. */
const oddText: EdgeCase[] = [
  json('application/json', '\xff\xfe{\0"\0a\0"\0:\x001\0}\0', '{"a":1}'),
  { ...json('application/json', '\xfe\xff\0{\0}', '{}'), what: 'JSON in UTF-16 with its mark, the other way round' },
  { ...json('application/json', '{\0}\0', '{}'), what: 'JSON in UTF-16 without a mark' },
  { ...json('application/json; charset=utf-16', '\0{\0}', '{}'), what: 'JSON in UTF-16 without a mark, the other way round' },
  { ...json('application/json; charset=iso-8859-1', '{"a":"J\xf6rg"}', '{"a":"Jörg"}'), what: 'JSON in latin1' },
  ...['latin-1', 'ISO_8859_1', "'iso-8859-1'", 'windows1252', 'cp-1252', '"WINDOWS-1252"'].map((name) => ({
    ...json(`text/plain; charset=${name}`, 'J\xf6rg', '"Jörg"'),
    what: `text in the charset ${name}`,
  })),
  { ...json('text/plain; charset=ks_c_5601-1987', '\xb0\xa1', '"가"'), what: 'text in Korean' },
  { ...json('text/xml; charset=utf-16', '<a/>', '"<a/>"'), what: 'XML that only says it is UTF-16' },
  { ...json('text/plain; charset=shift_jis', '\x93'), answer: { status: 400 }, stored: [], what: 'text that is not of its charset' },
  { ...json('text/plain', '\xff\xfe\0\0a\0\0\0'), answer: { status: 415 }, stored: [], what: 'text in UTF-32, which nobody reads' },
  { ...text('XML by curl -d', FORM, '<a b="1">&amp;</a>') },
  { ...text('lines of JSON by curl', FORM, '{"a":1}\n{"a":"2&3=4"}') },
  { ...text('JSON by curl -d that a shell has taken the quotes of', FORM, '{event:door}') },
  {
    ...json(FORM, '{"e":1}\n{"e":2}', '', 'lines'),
    what: 'lines of JSON by curl, of a hook that splits them',
    stored: ['{"e":1}', '{"e":2}'],
  },
  {
    ...json('application/json-seq', '\x1e{"e":1}\n\x1e{"e":2}\n', '', 'lines'),
    ...{ what: 'a sequence of RFC 7464, of a hook that splits it', stored: ['{"e":1}', '{"e":2}'] },
  },
  { ...json(FORM, 'n=%F6&CharSet=latin1', '{"n":"ö","CharSet":"latin1"}'), what: 'a field that names the charset in other letters' },
  { ...json(FORM, 'n=%F6'), answer: { status: 400 }, stored: [], what: 'a form in a charset that nothing names' },
  {
    ...json(FORM, 'charset=iso-2022-jp&n=%1B%24BF%7C%1B%28B', '{"charset":"iso-2022-jp","n":"日"}'),
    what: 'a form in a charset whose bytes look like ASCII',
  },
  { ...json(`${FORM}; charset=utf-16`, 'aa=11', '{"aa":"11"}'), what: 'a form that only says it is UTF-16' },
];

export const bodies: EdgeCase[] = [
  packed('gzip', gzipSync(TESTS)),
  packed('x-gzip', gzipSync(TESTS)),
  packed('deflate', deflateSync(TESTS)),
  { ...packed('deflate', deflateRawSync(TESTS)), what: 'a body in deflate without its frame' },
  packed('br', brotliCompressSync(TESTS)),
  ...(zstd === undefined ? [] : [packed('zstd', zstd(TESTS))]),
  packed('utf-8', TESTS),
  ...['GZIP', 'gzip, identity', 'gzip,', '"gzip"', 'gzip;q=1', 'gzip, gzip', 'aws-chunked, gzip'].map((name) =>
    packed(name, gzipSync(TESTS)),
  ),
  ...['', 'none', 'binary', 'identity', '8bit'].map((name) => packed(name, TESTS)),
  { ...packed('gzip', Buffer.concat([gzipSync('{"content"'), gzipSync(':"tests"}')])), what: 'gzip in two members' },
  { ...packed('gzip', deflateSync(TESTS)), what: 'deflate that is called gzip' },
  { ...packed('deflate', gzipSync(TESTS)), what: 'gzip that is called deflate' },
  { ...packed('br, gzip', gzipSync(brotliCompressSync(TESTS))), what: 'two codings' },
  { ...packed('gzip', TESTS), answer: { status: 400 }, stored: [], what: 'what only says it is gzip' },
  { ...packed('gzip', gzipSync(TESTS).subarray(0, 25)), answer: { status: 400 }, stored: [], what: 'gzip that is cut off' },
  { ...packed('compress', TESTS), answer: { status: 415 }, stored: [] },
  { ...packed('gzip', gzipSync(Buffer.alloc(5_000_000))), what: 'a bomb', answer: { status: 413 }, stored: [] },
  ...['text/plain; charset=UTF-8', 'text/json', 'application/x-json', 'application/csp-report', 'application/octet-stream'].map((label) =>
    json(label),
  ),
  ...['application/javascript', 'application/vnd.api+json', FORM, 'multipart/form-data', 'image/png', 'text/xml'].map((label) =>
    json(label),
  ),
  ...['ISO-8859-1', 'us-ascii', 'windows-1252', '', '""', "'utf-8'", 'utf8mb4', 'UTF_8', 'nonsense'].map((charset) =>
    json(`application/json; charset=${charset}`),
  ),
  ...['application/json, application/json', 'application/json; charset=UTF-8, application/json', 'application/json;'].map((label) =>
    json(label),
  ),
  ...['APPLICATION/JSON ; Charset=Latin-1', 'application/json; charset=unicode', '', ';', '*/*', 'text/html, text/html'].map((label) =>
    json(label),
  ),
  { ...json(FORM, '{"event":"door","open":true,"q":"a=b&c"}'), what: 'JSON by curl -d' },
  { ...json('application/json', '\xef\xbb\xbf{"value":[]}', '{"value":[]}'), what: 'JSON with a byte order mark' },
  { ...json(FORM, '\xef\xbb\xbfa=1', '{"a":"1"}'), what: 'a form with a byte order mark' },
  {
    ...json(FORM, 'first_name=J%F6rg&charset=windows-1252&mc_gross=19.95'),
    ...{ what: 'PayPal’s escapes', stored: '{"first_name":"Jörg","charset":"windows-1252","mc_gross":"19.95"}' },
  },
  { ...json(`${FORM}; charset=ISO-8859-1`, 'a=1', '{"a":"1"}'), what: 'a form labelled latin1' },
  ...oddText,
  text('lines of JSON', 'application/x-ndjson', '{"a":1}\n{"a":2}\n'),
  text('a log drain', 'application/logplex-1', '83 <40>1 2012-11-30 host app - - text'),
  text('XML', 'text/xml', '<a/>'),
  text('a feed', 'application/atom+xml', '<feed/>'),
  { ...text('bytes that are not text', 'image/png', '\x89PNG\r\n'), answer: { status: 415 }, stored: [] },
  { ...text('bytes of a hook that takes them', 'image/png', '\x89PNG', 'bytes'), stored: '"iVBORw=="' },
  multipart(
    'a route with an attachment',
    part('"from"', 'Ann') + part('"attachment-1"; filename="a.pdf"\r\nContent-Type: application/pdf', '%PDF\xff'),
    `{"from":"Ann","attachment-1":${file('a.pdf', 'application/pdf', '%PDF\xff')}}`,
  ),
  multipart(
    'JSON and a picture',
    part('"payload"\r\nContent-Type: application/json', '{"e":1}') +
      part('"thumb"; filename="t.jpg"\r\nContent-Type: image/jpeg', '\xff\xd8'),
    `{"payload":"{\\"e\\":1}","thumb":${file('t.jpg', 'image/jpeg', '\xff\xd8')}}`,
  ),
  multipart(
    'an empty file input, and JSON with a file name',
    part('"cv"; filename=""\r\nContent-Type: application/octet-stream', '') +
      part('"meta"; filename="meta.json"\r\nContent-Type: application/json', '{"a":1}'),
    '{"cv":null,"meta":"{\\"a\\":1}"}',
  ),
  multipart('a line break in front', `\r\n${part('"a"', '1')}`, '{"a":"1"}'),
  multipart('a preamble', `This is a multi-part message.\r\n${part('"a"', '1')}`, '{"a":"1"}'),
  multipart('a byte order mark', `\xef\xbb\xbf${part('"a"', '1')}`, '{"a":"1"}'),
  multipart('nothing', '', '{}'),
  ...['boundary=XbX, multipart/form-data; boundary=XbX', "boundary='XbX'", 'boundary=--XbX', 'boundary=other', ''].map((parameter) => ({
    ...multipart(`the label "${parameter}"`, part('"a"', '1'), '{"a":"1"}'),
    headers: type(`multipart/form-data; ${parameter}`),
  })),
  multipart(
    'a file without a name of any kind',
    '--XbX\r\nContent-Type: application/pdf\r\n\r\n%PDF\xff\r\n',
    `{"":${JSON.stringify({ ...(JSON.parse(file('', 'application/pdf', '%PDF\xff')) as object), filename: null })}}`,
  ),
  multipart(
    'a charset for each field (SendGrid)',
    part('"charsets"', '{"subject":"iso-8859-1","to":"UTF-8"}') + part('"subject"', 'J\xf6rg') + part('"to"', '\xc3\xa9'),
    '{"charsets":"{\\"subject\\":\\"iso-8859-1\\",\\"to\\":\\"UTF-8\\"}","subject":"Jörg","to":"é"}',
  ),
  multipart('a field "_charset_"', part('"_charset_"', 'latin1') + part('"a"', '\xe9'), '{"_charset_":"latin1","a":"é"}'),
  {
    ...multipart('a field in a charset that nothing names', part('"a"', '\xe9'), ''),
    ...{ answer: { status: 400 }, stored: [] },
  },
  { ...multipart('no end', '', ''), body: part('"a"', '1'), answer: { status: 400 }, stored: [] },
  multipart('a part of us-ascii', part('"a"\r\nContent-Type: text/plain; charset=US-ASCII', '1'), '{"a":"1"}'),
  multipart('base64', part('"a"\r\nContent-Transfer-Encoding: base64', 'aGVsbG8='), '{"a":"hello"}'),
  multipart('quoted-printable', part('"a"\r\nContent-Transfer-Encoding: quoted-printable', 'h=C3=A9'), '{"a":"hé"}'),
];
