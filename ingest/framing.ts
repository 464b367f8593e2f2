import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

// What Node's parser lets through although a proxy in front of it may read it otherwise: then the two do not agree on
// where a request ends or to whom it goes.

/** @returns why the request is refused; undefined when it can be read in one way only */
export function framingFault({ httpVersion, headers, rawHeaders }: IncomingMessage): string | undefined {
  const modern = httpVersion === '1.1';
  if (!modern && httpVersion !== '1.0') return 'Send HTTP/1.1 or HTTP/1.0.';
  const hosts = count(rawHeaders, 'host');
  if (hosts > 1) return 'There is more than one Host header.';
  if (modern && hosts === 0) return 'The Host header is missing.';
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (!modern) return 'HTTP/1.0 has no Transfer-Encoding.';
  return coding.toLowerCase() === 'chunked' ? undefined : 'Transfer-Encoding can only be chunked.';
}

function count(rawHeaders: readonly string[], wanted: string): number {
  let found = 0;
  for (let n = 0; n < rawHeaders.length; n += 2) {
    const name = rawHeaders[n];
    if (name?.length === wanted.length && name.toLowerCase() === wanted) found += 1;
  }
  return found;
}

/** The common forms: a name whose last label is not a number, or an IPv4 address, with an optional port from 1000. */
const PLAIN_HOST = /^(?:(?:[a-z0-9_-]+\.)*[a-z_][a-z0-9_-]*|\d{1,3}(?:\.\d{1,3}){3})(?::(?:[1-5]\d{3,4}|[6-9]\d{3}))?$/;
/** All forms of RFC 3986: a name, or an IPv6 address with an optional zone, and a port that may be empty. */
const LEGAL_HOST = /^((?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)(?:%[\w.~%-]+)?\])(?::(\d*))?$/;

/**
 * The Host header in a form that the listener accepts. It refuses legal forms that a URL would normalize: an escape, an empty
 * port, an IPv6 address that could be shorter, a name whose last label is a number. Nothing depends on the name.
 */
export function usualHost(host: string): string {
  if (PLAIN_HOST.test(host)) return host;
  const [, name, address, port = ''] = LEGAL_HOST.exec(host) ?? [];
  if (name === undefined || Number(port) > 65_535 || (address !== undefined && !isIPv6(address))) return host;
  const url = `http://${host}`;
  return URL.canParse(url) && new URL(url).hostname === name.toLowerCase() && !host.endsWith(':') ? host : 'localhost';
}
