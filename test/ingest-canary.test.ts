import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { addresses, query, stack } from './support/stack.ts';
import { readTopic } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

test(
  'a secret in a header that is not kept, in the query or in a refused body is in no table, no record and no log',
  { timeout: 120_000 },
  async () => {
    const [userId, zapId, marker] = [uniqueName('user'), uniqueName('zap'), uniqueName('canary')];
    const topic = await readTopic();
    const url = `${addresses.ingest}/hooks/catch/${userId}/${zapId}?token=${marker}&${marker}=1`;
    const headers = {
      'content-type': 'application/json',
      ...Object.fromEntries(
        [
          'authorization',
          'proxy-authorization',
          'x-api-key',
          'x-hub-signature-256',
          'x-auth-token',
          'x-forwarded-for',
          'referer',
          'x-anything',
          'forwarded',
        ].map((name) => [name, `${marker} ${name}`]),
      ),
      cookie: `session=${marker}`,
      [marker]: 'a name',
      tracestate: `a=${marker}`,
    };
    const post = (body: string, more: Record<string, string> = {}) =>
      fetch(url, { method: 'POST', headers: { ...headers, ...more }, body });
    expect((await post('{"kept":1}')).status).toBe(200);
    for (const [body, more] of [
      [`{${marker}`, {}],
      [`a=%ff${marker}`, { 'content-type': 'application/x-www-form-urlencoded' }],
      [`--x\r\n${marker}`, { 'content-type': 'multipart/form-data; boundary=x' }],
      ['{}', { 'idempotency-key': `${marker} with a space` }],
      ['{}', { 'content-encoding': 'gzip' }],
    ] as const) {
      const answer = await post(body, more);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    }
    await fetch(`${addresses.ingest}/${marker}?${marker}`, { method: 'POST', body: marker });

    try {
      const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1);
      const text = inspect(record, { depth: null, maxStringLength: null });
      expect(text).toContain('kept');
      expect(text).not.toContain(marker);
    } finally {
      await topic.close();
    }
    const tables = await query<{ name: string }>(
      `SELECT quote_ident(relname) AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
    );
    expect(tables.map(({ name }) => name)).toContain('zap_run');
    for (const { name } of tables) {
      const found = await query(`SELECT 1 FROM ${name} t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, encode($1::bytea, 'hex')) > 0`, [
        marker,
      ]);
      expect(found, name).toEqual([]);
    }

    await waitFor('ingest has logged the requests', async () => (await stack.log('ingest')).split(`"zapId":"${zapId}"`).length > 5);
    const parts = ((await stack.status()) ?? []).map(({ name }) => name);
    expect(parts).toContain('connect');
    for (const part of parts) expect(await stack.log(part), part).not.toContain(marker);
  },
);
