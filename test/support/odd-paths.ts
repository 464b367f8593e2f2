import type { Trick } from './framing-tricks.ts';

// Paths and hosts as senders, proxies and people who look for a way in write them.

const request = (target: string, host = 'x') => `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\n\r\n{}`;
const name = (text: string) => (text.length > 60 ? `${text.slice(0, 40)}… (${text.length})` : text || '(nothing)');
const row = (what: string, bytes: string, expected: Trick['expected']): Trick => ({ what: name(what), bytes, expected });

/** The hook u/z, in another spelling that every reader resolves alike. */
const sameHook = [
  ...[
    '/hooks/catch/u/z',
    '/hooks/catch/u/%7A',
    '/hooks/catch/%75/z',
    '/h%6Foks/catch/u/z',
    '/hooks/catch/u/z?a=1',
    '/hooks/catch/u/z?',
    '/hooks/catch/u/z/',
  ],
  ...['/hooks/catch/u/z/../z', '/hooks/catch/u/./z', '/hooks/catch/../catch/u/z', '/x/../hooks/catch/u/z', '/hooks/catch/u/%2e%2e/u/z'],
  ...['/hooks/catch/u/z??', '/hooks/catch/u/z?/../../x', '/hooks/catch/u/z?%00', '/hooks/catch/u/z?\\', '/hooks/catch/u/z#x'],
];

/** Other hooks whose ids are right. */
const otherHooks = [
  ...['/hooks/catch/U/Z', '/hooks/catch/-/_', '/hooks/catch/u/__proto__', '/hooks/catch/constructor/prototype', '/hooks/catch/0/null'],
  `/hooks/catch/${'u'.repeat(64)}/${'z'.repeat(64)}`,
];

const nowhere = [
  ...['/', '/hooks', '/hooks/', '/hooks/catch', '/hooks/catch/', '/hooks/catch/u', '/hooks/catch/u/', '/hooks/catch/u/z/x'],
  ...['/hooks/catch/u/z//', '/hooks/catch/u//z', '//hooks/catch/u/z', '/hooks//catch/u/z', '/hooks/catch//z', '/HOOKS/CATCH/u/z'],
  ...['/hooks/catch/../z', '/hooks/catch/u/..', '/hooks/catch/u/.', '/hooks/catch/u/...', '/hooks/catch/%2e/z', '/hooks/catch/u/%2e%2e'],
  ...['/hooks/catch/u%2Fz', '/hooks%2Fcatch/u/z', '/hooks/catch/u/z%2F', '/hooks/catch/u/z%00', '/hooks/catch/u/z%0d%0aX:y'],
  ...['/hooks/catch/u/z%20', '/hooks/catch/u/z%', '/hooks/catch/u/z%zz', '/hooks/catch/u/z%c3%a9', '/hooks/catch/u/z%u007a'],
  ...['/hooks/catch/u/z;a=b', '/hooks/catch/u;a/z', '/hooks/catch/u/z,', '/hooks/catch/u/z:80', '/hooks/catch/u/z@x', '/hooks/catch/u/z~'],
  ...['/hooks/catch/u/z!', "/hooks/catch/u/z'", '/hooks/catch/u/z"', '/hooks/catch/u/z<x>', '/hooks/catch/u/{z}', '/hooks/catch/u/z|x'],
  ...['/hooks/catch/:userId/:zapId', '/hooks/catch/*/z', '/hooks/catch/u/z.json', '/hooks/catch/u/%252e%252e/z', '/hooks/catch/u/z%5c'],
  ...[`/hooks/catch/${'u'.repeat(65)}/z`, `/hooks/catch/u/${'z'.repeat(65)}`, '/metrics', '/favicon.ico', '/.env', '/admin'],
];

const unreadable = ['/hooks/catch/u/z\\', '/hooks\\catch\\u\\z', '/hooks/catch/u/z\\..\\z', '*', 'http://', 'ftp://x/hooks/catch/u/z'];

export const paths: readonly Trick[] = [
  ...[...sameHook, ...otherHooks].map((path) => row(path, request(path), 'taken')),
  ...nowhere.map((path) => row(path, request(path), 404)),
  ...unreadable.map((path) => row(path, request(path), 400)),
  ...['', '/hooks/catch/u/z x', '/hooks/catch/u/z\u00e9', 'hooks/catch/u/z'].map((path) => row(path, request(path), 'refused')),
  ...['/livez', '/livez/', '/readyz', '/openapi.json'].map((path) => row(path, request(path), 405)),
];

const legal = [
  ...['my_service:3002', 'EXAMPLE.com', 'example.com:', 'example.com.', 'example.com:0', 'example.com:65535', 'xn--bcher-kva.example'],
  ...['[::1]', '[::1]:3002', '[0:0:0:0:0:0:0:1]:3002', '[::ffff:1.2.3.4]', '[2001:DB8::0001]:', '127.0.0.1:3002', '127.1', 'localhost'],
  ...['svc.ns.svc.cluster.local:80', 'a', '_', '-', "a!$&'()*+,;=~b"],
  ...['ex%61mple.com', 'pod.0', 'service.123:8080', '1.2.3.256', '0x7f.1', '[fe80::1%25eth0]:80', '[fe80::1%eth0]'],
];
const illegal = [
  ...['', 'a b', 'a/b', 'a@b', 'x, y', '[::1', '::1', 'http://x', 'x?y', '?', '#', 'ex%6mple.com', 'ex\u00e4mple', 'x:80:80', 'x:y'],
  ...['example.com:65536', '[v1.x]', '[::1]x', '[::1]:80:', 'a\\b'],
];

export const hosts: readonly Trick[] = [
  ...legal.map((host) => row(host, request('/hooks/catch/u/z', host), 'taken')),
  ...illegal.map((host) => row(host, request('/hooks/catch/u/z', host), 400)),
];
