import { createHash, randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { codingsOf, unpack } from './decode/unpack.ts';
import { IngestError } from './errors.ts';
import { defaultReading, type Reading } from './reading.ts';
import { metadataOf } from './metadata.ts';

// Bodies as senders really send them. Characters up to U+00FF stand for bytes.

const LIMIT = 1000;
const FORM = 'application/x-www-form-urlencoded';

function read(type: string | undefined, body: string | Buffer, reading: Partial<Reading> = {}): string | string[] {
  try {
    return metadataOf(typeof body === 'string' ? Buffer.from(body, 'latin1') : body, type, { ...defaultReading, ...reading });
  } catch (error) {
    if (error instanceof IngestError) return error.code;
    throw error;
  }
}

describe('JSON is JSON under any label:', () => {
  test.each([
    ...['text/plain; charset=UTF-8', 'text/json', 'application/x-json', 'application/csp-report', 'application/octet-stream'],
    ...['application/javascript', 'application/xml', 'image/png', 'json', '', undefined, ';;;=', 'application/json; version=1'],
    ...['application/cloudevents+json', 'APPLICATION/JSON', 'multipart/mixed; boundary=x', '"', 'a'.repeat(10_000)],
    // The charset of a label has no effect on JSON (RFC 8259 §11).
    ...['application/json; charset=ISO-8859-1', 'application/json; charset=us-ascii', 'application/json; charset=windows-1252'],
    ...[
      'application/json; charset=utf-16',
      'application/json; charset=',
      'application/json; charset=""',
      "application/json; charset='utf-8'",
    ],
    ...['application/json; charset=utf8mb4', 'application/json; charset=UTF_8', 'application/json; charset=nonsense'],
    ...[
      'application/json, application/json',
      'application/json; charset=UTF-8, application/json',
      'application/json;',
      'application/json, text/plain',
    ],
    // curl -d without -H.
    ...[FORM, `${FORM}; charset=utf-8`, 'multipart/form-data; boundary=x', 'multipart/form-data'],
  ])('%s', (type) => {
    const text = ' {"a":"é=&","n":9007199254740993}';
    expect(read(type, Buffer.from(text))).toBe(text);
  });

  test.each(['[1,{"a":2}]', '"a"', '17', 'null', 'true', ' {} '])('a form label on the one JSON value %s', (text) => {
    expect(read(FORM, text)).toBe(text);
  });

  test('without its byte order mark', () => {
    expect(read('application/json', '\xef\xbb\xbf{"value":[]}')).toBe('{"value":[]}');
    expect(read(undefined, '\xef\xbb\xbf')).toBe('""');
  });

  test.each([
    ['application/json; charset=ISO-8859-1', '{"a":"J\xf6rg \x80"}', '{"a":"Jörg €"}'],
    ['text/plain; charset=windows-1251', '{"a":"\xcf\xf0"}', '{"a":"Пр"}'],
    ['application/json; charset=utf-16le', '{\0}\0', '{}'],
    ['application/json; charset=utf-16', '\xfe\xff\0{\0}', '{}'],
    ['application/json', '\xff\xfe{\0}\0', '{}'],
    ['application/json; charset=Shift_JIS', '{"a":"\x93\xfa\x96\x7b"}', '{"a":"日本"}'],
  ])('%s in another charset is decoded', (type, body, json) => {
    expect(read(type, body)).toBe(json);
  });
});

describe('what calls itself JSON and is not is refused:', () => {
  test.each([
    ['application/json', '{'],
    ['text/json', 'a=1'],
    ['application/vnd.api+json; charset=utf-8', '<a/>'],
    ['application/json', '\xff'],
    ['application/json; charset=iso-8859-1', '{"a":\xe9}'],
    ['application/json', '{"a":1}\n{"a":2}'],
  ])('%s %s', (type, body) => {
    expect(read(type, body)).toBe('invalid_json');
  });
});

describe('other text is one JSON string:', () => {
  test.each([
    ['text/xml', '<a>\xc3\xa9</a>', '"<a>é</a>"'],
    ['application/atom+xml; charset=utf-8', '<feed/>', '"<feed/>"'],
    ['application/soap+xml', '<e:Envelope/>', '"<e:Envelope/>"'],
    ['text/plain', 'it rained', '"it rained"'],
    ['text/csv', 'a,b\r\n1,2\r\n', '"a,b\\r\\n1,2\\r\\n"'],
    ['application/x-ndjson', '{"a":1}\n{"a":2}\n', '"{\\"a\\":1}\\n{\\"a\\":2}\\n"'],
    ['application/logplex-1', '83 <40>1 2012', '"83 <40>1 2012"'],
    ['application/octet-stream', 'text', '"text"'],
    [undefined, '{', '"{"'],
    [undefined, `${'['.repeat(129)}${']'.repeat(129)}`, `"${'['.repeat(129)}${']'.repeat(129)}"`],
    ['text/plain; charset=iso-8859-1', 't\xe9t\xe9 \x80', '"tété €"'],
    ['text/plain; charset=us-ascii', '\xc3\xa9', '"é"'],
    ['text/plain', '\xff\xfea\0', '"a"'],
    ['text/plain', '\xef\xbb\xbfa', '"a"'],
    ['text/plain; charset=nonsense', '\xc3\xa9', '"é"'],
  ])('%s', (type, body, json) => {
    expect(read(type, body)).toBe(json);
  });
});

describe('bytes that are not text are refused, whatever their label:', () => {
  test.each([['image/png'], ['application/octet-stream'], ['text/plain'], ['text/plain; charset=nonsense'], [undefined]])('%s', (type) => {
    expect(read(type, '\x89PNG\r\n')).toBe('unsupported_media_type');
  });

  test.each([
    ['text/plain; charset=Shift_JIS', '\x93'],
    ['text/plain; charset=utf-16le', 'abc'],
    [`${FORM}; charset=euc-jp`, 'a=%ff'],
  ])('%s with bytes that are not of its charset is a bad encoding', (type, body) => {
    expect(read(type, body)).toBe('invalid_encoding');
  });
});

describe('a form is decoded as its sender says:', () => {
  test.each([
    ['a byte order mark', FORM, '\xef\xbb\xbfa=1', '{"a":"1"}'],
    ['a label of latin1 on ASCII bytes', `${FORM}; charset=ISO-8859-1`, 'a=1', '{"a":"1"}'],
    ['a label of latin1', `${FORM}; charset=ISO-8859-1`, 'n=J%F6rg', '{"n":"Jörg"}'],
    ['a field "charset" (PayPal)', FORM, 'n=J%F6rg&charset=windows-1252&g=19.95', '{"n":"Jörg","charset":"windows-1252","g":"19.95"}'],
    ['a field "_charset_" (HTML)', FORM, '_charset_=Shift_JIS&n=%93%fa', '{"_charset_":"Shift_JIS","n":"日"}'],
    ['UTF-8, whatever a field "charset" says', FORM, 'charset=latin1&n=%C3%B6', '{"charset":"latin1","n":"ö"}'],
    ['no charset for what is not UTF-8', FORM, 'n=%F6', 'invalid_form'],
    ['an unknown charset', FORM, 'n=%F6&charset=none', 'invalid_form'],
  ])('%s', (_what, type, body, json) => {
    expect(read(type, body)).toBe(json);
  });
});

describe('a hook may say how its bodies are read:', () => {
  test.each([
    ['text', 'application/json', '{"a":1}', '"{\\"a\\":1}"'],
    ['text', FORM, 'a=1', '"a=1"'],
    ['text', 'text/plain; charset=latin1', '\xe9', '"é"'],
    ['text', 'image/png', '\x89', 'unsupported_media_type'],
    ['text', 'image/png', '', 'null'],
    ['base64', 'image/png', '\x89PNG', '"iVBORw=="'],
    ['base64', 'application/json', '{}', '"e30="'],
    ['base64', undefined, '', 'null'],
  ] as const)('%s: %s %s', (mode, type, body, json) => {
    expect(read(type, body, { body: mode })).toBe(json);
  });
});

describe('a hook may want several runs:', () => {
  test.each<[string, Partial<Reading>, string | undefined, string, string | string[]]>([
    ['of an array', { split: true }, 'application/json', ' [{"event": "open"}, 17,[1] ]', ['{"event": "open"}', '17', '[1]']],
    ['of an empty array', { split: true }, undefined, '[]', []],
    ['not of an object', { split: true }, undefined, '{"a":[1]}', '{"a":[1]}'],
    ['not of a form', { split: true }, FORM, 'a=[1]', '{"a":"[1]"}'],
    ['not of an array unless it says so', {}, undefined, '[1,2]', '[1,2]'],
    ['of lines', { ndjson: 'split' }, 'application/x-ndjson', '{"a": 1}\r\n\n[2,3]\n', ['{"a": 1}', '[2,3]']],
    ['of lines under the label of JSON', { ndjson: 'split' }, 'application/json', '1\n2', ['1', '2']],
    ['of lines after a byte order mark', { ndjson: 'split' }, undefined, '\xef\xbb\xbf1\n2', ['1', '2']],
    ['not of one value on several lines', { ndjson: 'split' }, undefined, '{\n"a":1\n}', '{\n"a":1\n}'],
    ['not of an array when lines are split', { ndjson: 'split' }, undefined, '[1,2]', '[1,2]'],
    ['none at all when one line is not JSON', { ndjson: 'split' }, undefined, '1\n{\n3', 'invalid_json'],
    ['of a thousand elements', { split: true }, undefined, `[${Array(1000).fill('0').join(',')}]`, Array<string>(1000).fill('0')],
    ['not of more elements', { split: true }, undefined, `[${Array(1001).fill('0').join(',')}]`, 'payload_too_large'],
    ['not of more lines', { ndjson: 'split' }, undefined, '0\n'.repeat(1001), 'payload_too_large'],
  ])('%s', (_what, reading, type, body, metadata) => {
    expect(read(type, body, reading)).toEqual(metadata);
  });
});

describe('multipart:', () => {
  const type = 'multipart/form-data; boundary=XbX';
  const part = (headers: string, content: string) => `--XbX\r\n${headers}\r\n\r\n${content}\r\n`;
  const field = (name: string, content: string, more = '') => part(`Content-Disposition: form-data; name="${name}"${more}`, content);
  const file = (filename: string | null, contentType: string | null, content: string) =>
    JSON.stringify({
      ...{ filename, contentType, bytes: content.length },
      sha256: createHash('sha256').update(content, 'latin1').digest('hex'),
    });

  test.each([
    [
      'a file (Mailgun)',
      field('from', 'Ann') + field('attachment-1', '%PDF\xff', '; filename="a.pdf"\r\nContent-Type: application/pdf'),
      `{"from":"Ann","attachment-1":${file('a.pdf', 'application/pdf', '%PDF\xff')}}`,
    ],
    [
      'JSON and a picture (Plex)',
      field('payload', '{"event":"play"}', '\r\nContent-Type: application/json') +
        field('thumb', '\xff\xd8', '; filename="t.jpg"\r\nContent-Type: image/jpeg'),
      `{"payload":"{\\"event\\":\\"play\\"}","thumb":${file('t.jpg', 'image/jpeg', '\xff\xd8')}}`,
    ],
    [
      'two files of one name',
      field('f', 'a', '; filename="1"') + field('f', 'b', '; filename="2"'),
      `{"f":[${file('1', null, 'a')},${file('2', null, 'b')}]}`,
    ],
    [
      'a file input that was left empty',
      field('name', 'Ann') + field('cv', '', '; filename=""\r\nContent-Type: application/octet-stream'),
      '{"name":"Ann","cv":null}',
    ],
    ['an empty file', field('f', '', '; filename="a.txt"'), `{"f":${file('a.txt', null, '')}}`],
    [
      'JSON with the name of a file',
      field('meta', '{"a": 1}', '; filename="meta.json"\r\nContent-Type: application/json'),
      '{"meta":"{\\"a\\": 1}"}',
    ],
    [
      'bytes without the name of a file',
      field('f', '\xff\xfe', '\r\nContent-Type: application/octet-stream'),
      `{"f":${file(null, 'application/octet-stream', '\xff\xfe')}}`,
    ],
    ['text that calls itself bytes', field('a', 'x', '\r\nContent-Type: application/octet-stream'), '{"a":"x"}'],
    ['a file without a name of its field', part('Content-Disposition: attachment; filename="a"', 'x'), `{"a":${file('a', null, 'x')}}`],
    [
      'a name in another language',
      field('f', 'x', `; filename="x"; filename*=UTF-8''na%C3%AFve%20file`),
      `{"f":${file('naïve file', null, 'x')}}`,
    ],
    ['a name in a charset of its own', field('f', 'x', `; filename*=iso-8859-1'de'J%F6rg`), `{"f":${file('Jörg', null, 'x')}}`],
    ['a name that cannot be read', field('f', 'x', `; filename="x"; filename*=utf-8''%ff`), `{"f":${file('x', null, 'x')}}`],
    [
      'a name in a charset that nobody has',
      field('f', 'x', `; filename*=x-nonsense''J%F6rg; filename="y"`),
      `{"f":${file('y', null, 'x')}}`,
    ],
    ['a label of us-ascii', field('a', 'x', '\r\nContent-Type: text/plain; charset=US-ASCII'), '{"a":"x"}'],
    [
      'a charset of one part',
      field('a', '\xe9', '\r\nContent-Type: text/plain; charset=ISO-8859-1') + field('b', '\xc3\xa9'),
      '{"a":"é","b":"é"}',
    ],
    ['a field "_charset_"', field('_charset_', 'windows-1252') + field('a', '\xe9'), '{"_charset_":"windows-1252","a":"é"}'],
    ['base64', field('a', 'aGVs\r\nbG8=', '\r\nContent-Transfer-Encoding: base64'), '{"a":"hello"}'],
    ['what only says it is base64', field('a', 'hello!', '\r\nContent-Transfer-Encoding: base64'), '{"a":"hello!"}'],
    ['quoted-printable', field('a', 'a=C3=A9=\r\nb=3D', '\r\nContent-Transfer-Encoding: quoted-printable'), '{"a":"aéb="}'],
    ['a line break in front', `\r\n${field('a', '1')}`, '{"a":"1"}'],
    ['a preamble', `preamble\r\n${field('a', '1')}`, '{"a":"1"}'],
  ])('%s', (_what, parts, json) => {
    expect(read(type, `${parts}--XbX--\r\n`)).toBe(json);
  });

  test('the boundary is found where the label names none', () => {
    expect(read('multipart/form-data', `${field('a', '1')}--XbX--\r\n`)).toBe('{"a":"1"}');
  });
});

describe('a packed body', () => {
  const json = Buffer.from('{"content":"tests"}');
  const undo = (coding: string | undefined, body: Buffer, limit = LIMIT) => {
    try {
      return Buffer.from(unpack(body, codingsOf(coding), limit)).toString();
    } catch (error) {
      if (error instanceof IngestError) return error.code;
      throw error;
    }
  };

  test.each<[string, Buffer]>([
    ['gzip', zlib.gzipSync(json)],
    ['GZIP', zlib.gzipSync(json)],
    ['x-gzip', zlib.gzipSync(json)],
    ['identity, gzip', zlib.gzipSync(json)],
    ['gzip, utf-8', zlib.gzipSync(json)],
    ['deflate', zlib.deflateSync(json)],
    ['deflate', zlib.deflateRawSync(json)],
    ['br', zlib.brotliCompressSync(json)],
    ['br, gzip', zlib.gzipSync(zlib.brotliCompressSync(json))],
    ['utf-8', json],
    ['none', json],
    ['', json],
    ['identity', json],
  ])('of Content-Encoding "%s" is unpacked', (coding, body) => {
    expect(undo(coding, body)).toBe(json.toString());
  });

  test('that is empty is empty', () => {
    expect(undo('gzip', Buffer.alloc(0))).toBe('');
  });

  test.each<[string, string, Buffer]>([
    ['not packed', 'gzip', json],
    ['cut off', 'gzip', zlib.gzipSync(json).subarray(0, 20)],
    ['broken', 'br', Buffer.from('nonsense')],
    ['not packed', 'deflate', Buffer.from('\xff\xff', 'latin1')],
  ])('that is %s is refused: %s', (_what, coding, body) => {
    expect(undo(coding, body)).toBe('invalid_encoding');
  });

  test.each(['br', 'br, gzip', 'gzip, br'])('that is itself longer than its coding may be is refused unread: %s', (coding) => {
    const random = randomBytes(30_000);
    const [inner, outer] = coding.split(', ').map((name) => (name === 'br' ? zlib.brotliCompressSync : zlib.gzipSync));
    const packed = inner?.(random) ?? random;
    expect(undo(coding, outer?.(packed) ?? packed, 500_000)).toBe('payload_too_large');
  });

  test('in a coding that is not supported, or in too many, is refused', () => {
    expect(undo('compress', json)).toBe('unsupported_media_type');
    expect(undo('gzip, gzip, gzip', json)).toBe('unsupported_media_type');
  });

  test.each<[string, Buffer]>([
    ['gzip', zlib.gzipSync(Buffer.alloc(100_000_000))],
    ['deflate', zlib.deflateSync(Buffer.alloc(100_000_000))],
    ['br', zlib.brotliCompressSync(Buffer.alloc(10_000_000), { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ['gzip', zlib.gzipSync(Buffer.alloc(LIMIT + 1))],
  ])('that would be larger than the limit is refused, and costs no memory: %s', (coding, body) => {
    const before = process.memoryUsage.rss();
    expect(undo(coding, body)).toBe('payload_too_large');
    expect(process.memoryUsage.rss() - before).toBeLessThan(32_000_000);
    expect(undo(coding, zlib.gzipSync(Buffer.alloc(0)))).not.toBe('payload_too_large');
  });
});
