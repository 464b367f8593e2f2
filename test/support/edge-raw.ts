// Requests that no client library would send, byte by byte, to the hook u/open. Characters up to U+00FF stand for bytes.

export interface RawCase {
  what: string;
  bytes: string;
  status: number;
  /** The metadata of the run that it makes; none when left out. */
  stored?: string;
  /** What the rest of the answer has to say. */
  says?: RegExp;
}

const HOOK = '/hooks/catch/u/open';
const request = (method: string, target: string, body: string, ...lines: string[]) =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n');
const chunked = (body: string, ...lines: string[]) =>
  [`POST ${HOOK} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked', ...lines, '', body].join('\r\n');
const taken = (what: string, bytes: string, stored: string): RawCase => ({ what, bytes, status: 200, stored });
const emptyAnswered = (what: string, bytes: string): RawCase => ({ what, bytes, status: 200, says: /Nothing was sent/ });
const refused = (what: string, bytes: string, status: number, says: RegExp): RawCase => ({ what, bytes, status, says });

const LARGE = `"${'x'.repeat(1_200_000)}"`;

export const rawCases: readonly RawCase[] = [
  taken('a GET with a body and no query', request('GET', HOOK, '{"a":1}'), '{"a":1}'),
  taken('a GET with a query and a body that its client added', request('GET', `${HOOK}?a=1`, 'null'), '{"a":"1"}'),
  taken('a GET whose query has a body beside it that is not JSON', request('GET', `${HOOK}?a=1`, '\xff\xfe'), '{"a":"1"}'),
  taken('a POST in empty chunks, with a query', chunked('0\r\n\r\n').replace(HOOK, `${HOOK}?a=1`), '{"a":"1"}'),
  taken('a POST with a body, whose query is left alone', request('POST', `${HOOK}?a=1`, '[]'), '[]'),
  taken('a POST with nothing', request('POST', HOOK, ''), 'null'),
  taken('a POST with nothing but a question mark', request('POST', `${HOOK}?`, ''), 'null'),
  taken('a POST without a length', `POST ${HOOK} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'null'),
  taken('an empty body that is called packed', request('POST', `${HOOK}?a=1`, '', 'Content-Encoding: gzip'), '{"a":"1"}'),
  taken('a slash before the query', request('POST', `${HOOK}/?a=%C3%B6`, ''), '{"a":"ö"}'),
  taken('a PUT with a slash at its end', request('PUT', `${HOOK}/`, '{}'), '{}'),
  taken('a DELETE with a query', request('DELETE', `${HOOK}?id=7`, ''), '{"id":"7"}'),
  taken('a query with a semicolon and brackets', request('GET', `${HOOK}?a[b]=1;c=2`, ''), '{"a[b]":"1;c=2"}'),
  taken('Content-Type twice', request('POST', HOOK, '{}', 'Content-Type: text/plain', 'Content-Type: application/json'), '{}'),
  taken('Content-Encoding twice, both empty', request('POST', HOOK, '{}', 'Content-Encoding:', 'Content-Encoding: identity'), '{}'),
  taken('a wish to continue in capitals', request('POST', HOOK, '{}', 'Expect: 100-Continue'), '{}'),
  taken('an absolute URI', request('POST', `http://EXAMPLE.com${HOOK}`, '{}'), '{}'),
  taken('an absolute URI of https', request('POST', `https://example.com:443${HOOK}/`, '{}'), '{}'),
  emptyAnswered('a GET with nothing', request('GET', HOOK, '')),
  emptyAnswered('a GET with nothing, with a slash', request('GET', `${HOOK}/`, '')),
  emptyAnswered('a GET with nothing but a question mark', request('GET', `${HOOK}?`, '')),
  { what: 'a HEAD with a query', bytes: `HEAD ${HOOK}?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, status: 200 },
  { what: 'a HEAD with a slash', bytes: `HEAD ${HOOK}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, status: 200 },
  refused('two slashes', request('POST', `${HOOK}//`, '{}'), 404, /not_found/),
  refused('OPTIONS', request('OPTIONS', HOOK, ''), 405, /allow: POST/i),
  refused('a letter beyond ASCII in the query', request('GET', `${HOOK}?name=Zo\xc3\xab`, ''), 400, /connection: close/i),
  refused('a space in the query', request('GET', `${HOOK}?name=Z oe`, ''), 400, /connection: close/i),
  refused('latin1 escapes in a query that names no charset', request('GET', `${HOOK}?name=Zo%EB`, ''), 400, /invalid_form/),
  refused('a body of 1.2 MB', request('POST', HOOK, LARGE), 413, /payload_too_large/),
  refused('a body of 1.2 MB in chunks', chunked(`${LARGE.length.toString(16)}\r\n${LARGE}\r\n0\r\n\r\n`), 413, /payload_too_large/),
  refused('a key with spaces', request('POST', HOOK, '{}', 'Idempotency-Key: order 17 / line 2'), 400, /invalid_idempotency_key/),
  refused(
    'trailers beyond the limit, and what follows them',
    chunked(`2\r\n{}\r\n0\r\nT: ${'x'.repeat(20_000)}\r\n\r\n${request('POST', HOOK, '[]')}`),
    431,
    /connection: close[^]*headers_too_large/i,
  ),
  refused('an unknown expectation', request('POST', HOOK, '{}', 'Expect: a-miracle'), 417, /connection: close/i),
];
