// Ways to write a request of which two readers may understand different things: where it ends, to whom it goes, how
// many there are. Each is one request as its bytes stand; what follows it on the connection is another.

export interface Trick {
  what: string;
  bytes: string;
  /** `refused`: 400, nothing recorded, the connection closed. A number: that status. `taken`: 200, recorded once. */
  expected: 'refused' | 'taken' | number;
}

const HOOK = '/hooks/catch/u/z';
const CHUNKED = '2\r\n{}\r\n0\r\n\r\n';
const post = (body: string, ...lines: string[]) => [`POST ${HOOK} HTTP/1.1`, 'Host: x', ...lines, '', body].join('\r\n');
const length = (value: string, ...lines: string[]) => post('{}', `Content-Length:${value}`, ...lines);
const coding = (value: string, ...lines: string[]) => post(CHUNKED, `Transfer-Encoding:${value}`, ...lines);
const chunks = (body: string) => post(body, 'Transfer-Encoding: chunked');
const line = (first: string) => `${first}\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`;
const host = (...lines: string[]) => [`POST ${HOOK} HTTP/1.1`, ...lines, 'Content-Length: 2', '', '{}'].join('\r\n');

const refused: Record<string, string> = {
  'two lengths': length(' 2', 'Content-Length: 3'),
  'two equal lengths': length(' 2', 'Content-Length: 2'),
  'a list of lengths': length(' 2, 2'),
  'a length and a comma': length(' 2,'),
  'a length with a plus': length(' +2'),
  'a length with a minus': length(' -2'),
  'a length in hex': length(' 0x2'),
  'a length with a fraction': length(' 2.0'),
  'a length with an exponent': length(' 2e0'),
  'a length in quotes': length(' "2"'),
  'an empty length': length(''),
  'a length with a space inside': length(' 1 2'),
  'a length beyond 64 bits': length(' 18446744073709551618'),
  'a length of 20 nines': length(` ${'9'.repeat(20)}`),
  'a length and blanks': length(' 2 \t'),
  'a length and NUL': length(' 2\0'),
  'a length behind VT': length(' \x0b2'),
  'a length with a space before its colon': post('{}', 'Content-Length : 2'),
  'a folded length': length('\r\n 2'),
  'a length that ends with CR': post('{}', 'Content-Length: 2\rX: y'),
  'a length and chunks': coding(' chunked', 'Content-Length: 2'),
  'chunks and a length': post(CHUNKED, 'Content-Length: 2', 'Transfer-Encoding: chunked'),
  'a length and another coding': post('{}', 'Transfer-Encoding: gzip', 'Content-Length: 2'),
  'a length and an empty coding': post('{}', 'Transfer-Encoding:', 'Content-Length: 2'),
  'an empty coding': post('{}', 'Transfer-Encoding:'),
  'gzip, chunked': coding(' gzip, chunked'),
  'gzip and chunked in two headers': coding(' gzip', 'Transfer-Encoding: chunked'),
  'chunked, gzip': coding(' chunked, gzip'),
  'chunked twice': coding(' chunked, chunked'),
  'chunked in two headers': coding(' chunked', 'Transfer-Encoding: chunked'),
  identity: post('{}', 'Transfer-Encoding: identity'),
  'identity and a length': post('{}', 'Transfer-Encoding: identity', 'Content-Length: 2'),
  'a coding with an x in front': coding(' xchunked'),
  'a coding with an x behind': coding(' chunkedx'),
  'a coding in quotes': coding(' "chunked"'),
  'a coding with a parameter': coding(' chunked;q=1'),
  'a comma and a coding': coding(' ,chunked'),
  'a coding and a comma': coding(' chunked,'),
  'a coding behind VT': coding(' \x0bchunked'),
  'a coding and blanks': coding(' chunked  \t'),
  'a coding with a space before its colon': post(CHUNKED, 'Transfer-Encoding : chunked'),
  'a folded coding': coding('\r\n  chunked'),
  'a coding folded after its value': coding(' chunked\r\n  , identity'),
  'chunks in HTTP/1.0': `POST ${HOOK} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'chunks in HTTP/1.0 that is kept': `POST ${HOOK} HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'a folded header': length(' 2', 'X: a', '  b'),
  'a header folded from nothing': length(' 2', 'X:', '\tb'),
  'a first header that is folded': host(' X: y', 'Host: x'),
  'bare LF throughout': `POST ${HOOK} HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}`,
  'bare LF after the request line': `POST ${HOOK} HTTP/1.1\nHost: x\r\nContent-Length: 2\r\n\r\n{}`,
  'bare LF after a header': host('Host: x\nX: y'),
  'bare LF before the body': `POST ${HOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\n{}`,
  'bare LF after the last header': `POST ${HOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\n\r\n{}`,
  'bare CR after the request line': `POST ${HOOK} HTTP/1.1\rHost: x\r\nContent-Length: 2\r\n\r\n{}`,
  'CR in a value': length(' 2', 'X: a\rb'),
  'CR CR LF': length(' 2\r'),
  'NUL in a value': length(' 2', 'X: a\0b'),
  'DEL in a value': length(' 2', 'X: \x7f'),
  'a header without a colon': length(' 2', 'XY'),
  'a header without a name': length(' 2', ': y'),
  'a space in a name': length(' 2', 'X Y: z'),
  'a quote in a name': length(' 2', 'X"Y: z'),
  'a letter beyond ASCII in a name': length(' 2', 'X\u00e9: z'),
  'a chunk size in 0x': chunks('0x2\r\n{}\r\n0\r\n\r\n'),
  'a chunk size with a plus': chunks('+2\r\n{}\r\n0\r\n\r\n'),
  'a chunk size with a minus': chunks('-2\r\n{}\r\n0\r\n\r\n'),
  'a chunk size and a space': chunks('2 \r\n{}\r\n0\r\n\r\n'),
  'a space and a chunk size': chunks(' 2\r\n{}\r\n0\r\n\r\n'),
  'an empty chunk size': chunks('\r\n{}\r\n0\r\n\r\n'),
  'a chunk size beyond 64 bits': chunks('10000000000000002\r\n{}\r\n0\r\n\r\n'),
  'a chunk size and bare LF': chunks('2\n{}\r\n0\r\n\r\n'),
  'a chunk and bare LF': chunks('2\r\n{}\n0\r\n\r\n'),
  'a chunk and bare CR': chunks('2\r\n{}\r0\r\n\r\n'),
  'a chunk and nothing': chunks('2\r\n{}0\r\n\r\n'),
  'a chunk longer than its size': chunks('2\r\n{}x\r\n0\r\n\r\n'),
  'a last chunk and bare LF': chunks('2\r\n{}\r\n0\n\r\n'),
  'an end with bare LF': chunks('2\r\n{}\r\n0\r\n\n'),
  'an extension and bare LF': chunks('2;a\n{}\r\n0\r\n\r\n'),
  'an extension with CR': chunks('2;a\rb\r\n{}\r\n0\r\n\r\n'),
  'an extension with NUL': chunks('2;a\0\r\n{}\r\n0\r\n\r\n'),
  'an extension of 20 KB': chunks(`2;a=${'b'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`),
  'a trailer that is a length': chunks('2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n'),
  'a trailer that is a coding': chunks('2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  'a trailer without a colon': chunks('2\r\n{}\r\n0\r\nX Y\r\n\r\n'),
  'a folded trailer': chunks('2\r\n{}\r\n0\r\nX: a\r\n b\r\n\r\n'),
  'two hosts': host('Host: x', 'Host: y'),
  'two equal hosts': host('Host: x', 'Host: x'),
  'no host': host('X: y'),
  'no host but an absolute URI': `POST http://x${HOOK} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}`,
  'HTTP/0.9': line(`POST ${HOOK} HTTP/0.9`),
  'HTTP/1.2': line(`POST ${HOOK} HTTP/1.2`),
  'HTTP/1.10': line(`POST ${HOOK} HTTP/1.10`),
  'HTTP/2.0': line(`POST ${HOOK} HTTP/2.0`),
  'no version': line(`POST ${HOOK}`),
  'a version in small letters': line(`POST ${HOOK} http/1.1`),
  'another protocol': line(`POST ${HOOK} ICE/1.0`),
  'a space after the version': line(`POST ${HOOK} HTTP/1.1 `),
  'tabs in the request line': line(`POST\t${HOOK}\tHTTP/1.1`),
  'a space before the method': line(` POST ${HOOK} HTTP/1.1`),
  'a method in small letters': line(`post ${HOOK} HTTP/1.1`),
  'a method that nobody knows': line(`FOO ${HOOK} HTTP/1.1`),
  'a target that is an authority': line('POST x:80 HTTP/1.1'),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a TLS handshake': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

const taken: Record<string, string> = {
  'a length': length(' 2'),
  'a length with zeros in front': length(' 002'),
  'a length behind a tab': length('\t2'),
  'a coding in capitals': coding(' CHUNKED'),
  'a coding behind a tab': coding('\tchunked'),
  'a chunk size with zeros in front': chunks(`${'0'.repeat(30)}2\r\n{}\r\n0\r\n\r\n`),
  'an extension': chunks('2;a="b;c"\r\n{}\r\n0\r\n\r\n'),
  'a trailer': chunks('2\r\n{}\r\n0\r\nX: y\r\n\r\n'),
  'a trailer that is a host': chunks('2\r\n{}\r\n0\r\nHost: y\r\n\r\n'),
  'empty lines in front': `\r\n\r\n${length(' 2')}`,
  'an absolute URI': line(`POST http://y${HOOK} HTTP/1.1`),
  'a length named as a header of the connection': length(' 2', 'Connection: Content-Length'),
  'a wish for HTTP/2': length(' 2', 'Connection: Upgrade', 'Upgrade: h2c'),
};

const answered: Record<string, [number, string]> = {
  'trailers of 20 KB': [431, chunks(`2\r\n{}\r\n0\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)],
  'CONNECT with a body': [405, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 2\r\n\r\n{}'],
};

export const tricks: readonly Trick[] = [
  ...Object.entries(refused).map(([what, bytes]) => ({ what, bytes, expected: 'refused' as const })),
  ...Object.entries(taken).map(([what, bytes]) => ({ what, bytes, expected: 'taken' as const })),
  ...Object.entries(answered).map(([what, [expected, bytes]]) => ({ what, bytes, expected })),
];
