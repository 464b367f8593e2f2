import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { candidates, createResolve, type Query } from './resolve.ts';

const folder = mkdtempSync(join(tmpdir(), 'resolve-'));
afterAll(() => rmSync(folder, { recursive: true }));
const files = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') };
const signal = new AbortController().signal;

/** A DNS that knows these names; the others are unknown, or end as their code says. */
function dns(known: Record<string, string[] | string>) {
  const asked: string[] = [];
  const query: Query = async (name, type) => {
    if (type === 'A') asked.push(name);
    const found = known[name] ?? 'ENOTFOUND';
    if (typeof found === 'string') throw Object.assign(new Error(found), { code: found });
    const fitting = found.filter((address) => address.includes(':') === (type === 'AAAA'));
    if (fitting.length === 0) throw Object.assign(new Error(), { code: 'ENODATA' });
    return fitting;
  };
  return { query, asked };
}
function resolverOf(known: Record<string, string[] | string>, hosts = '', resolvConf = '') {
  writeFileSync(files.hosts, hosts);
  writeFileSync(files.resolvConf, resolvConf);
  const { query, asked } = dns(known);
  return { resolve: createResolve(files, query), asked };
}

describe('a name', () => {
  test('in the hosts file has the address of the file, whatever DNS answers', async () => {
    const hosts = '127.0.0.1 localhost\n# 10.0.0.9 override.example\n127.0.0.1\tother Override.Example # a note\n::1 override.example\n';
    const { resolve, asked } = resolverOf({ 'override.example': ['127.0.0.9'] }, hosts);
    expect(await resolve('override.example', signal)).toEqual(['127.0.0.1', '::1']);
    expect(asked).toEqual([]);
  });

  test('has the addresses of both families', async () => {
    const { resolve } = resolverOf({ 'a.example': ['2001:db8::1', '192.0.2.1'] });
    expect(await resolve('a.example', signal)).toEqual(['192.0.2.1', '2001:db8::1']);
  });

  test('of a cluster is the service, not a public stranger of the same name', async () => {
    const { resolve, asked } = resolverOf(
      { 'payments.dev.svc.cluster.local': ['10.0.0.7'], 'payments.dev': ['93.184.216.34'] },
      '',
      'search ns.svc.cluster.local svc.cluster.local\noptions ndots:5\n',
    );
    expect(await resolve('payments.dev', signal)).toEqual(['10.0.0.7']);
    expect(asked).toEqual(['payments.dev.ns.svc.cluster.local', 'payments.dev.svc.cluster.local']);
  });

  test.each(['ESERVFAIL', 'ETIMEOUT', 'EREFUSED'])('that may be a service (%s) is not looked for elsewhere', async (code) => {
    const { resolve } = resolverOf({ 'pay.dev.local': code, 'pay.dev': ['93.184.216.34'] }, '', 'search local\noptions ndots:2\n');
    await expect(resolve('pay.dev', signal)).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });

  test('that is unknown has no address', async () => {
    await expect(resolverOf({}).resolve('a.example', signal)).rejects.toMatchObject({ code: 'NO_ADDRESS' });
  });
});

test.each([
  ['', 'a', ['a']],
  ['search x y', 'a', ['a.x', 'a.y', 'a']],
  ['search x', 'a.b', ['a.b', 'a.b.x']],
  ['search x\noptions timeout:1 ndots:2', 'a.b', ['a.b.x', 'a.b']],
  ['search x', 'a.', ['a.']],
  ['domain d', 'a', ['a.d', 'a']],
  ['search x\ndomain d # note', 'a', ['a.d', 'a']],
  ['search .', 'a', ['a']],
])('with %j the name %s is resolved as %j', (resolvConf, name, expected) => {
  expect(candidates(resolvConf, name)).toEqual(expected);
});
