import type { IncomingMessage } from 'node:http';

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

/**
 * The Host header as the listener takes it: it refuses what a URL would write otherwise, legal though it is (a port left
 * empty, an IPv6 address that could be shorter).
 */
export function usualHost(host: string): string {
  const [, name = host] = /^(\[[^\]]+\]|[^:]+):$/.exec(host) ?? [];
  return name.startsWith('[') && URL.canParse(`http://${name}`) ? new URL(`http://${name}`).host : name;
}
