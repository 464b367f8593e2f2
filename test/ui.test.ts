import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { request, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { kaskadeArguments, kaskadePrograms, startKaskade } from '../stack/ui.ts';
import { freePorts } from './support/free-ports.ts';
import { uniqueName } from './support/names.ts';
import { post } from './support/post.ts';
import { config } from './support/stack.ts';
import { readTopic } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

test('the Kafka UI shows a record of the event topic with its metadata decoded', { timeout: 300_000 }, async () => {
  const [userId, zapId, text] = [uniqueName('user'), uniqueName('zap'), uniqueName('text')];
  expect((await post(userId, zapId, JSON.stringify({ text }))).status).toBe(200);
  const topic = await readTopic();
  onTestFinished(() => topic.close());
  const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1);

  // The UI of `make ui`, but starting at this record: the topic may have thousands before it.
  const from = ['--partition', `${record?.partition}:${record?.offset}`];
  const script = fileURLToPath(new URL('support/look-at-kaskade.py', import.meta.url));
  const args = [script, text, ...kaskadeArguments(config).records, ...from];
  const { stdout } = await promisify(execFile)(join(kaskadePrograms(), 'python'), args);
  expect(stdout).toContain(text);
});

test('the page of the Kafka UI opens only for the printed link, and for no other site', { timeout: 300_000 }, async () => {
  const [port = 0] = await freePorts(1);
  const token = randomBytes(24).toString('hex');
  const server = startKaskade({ ...config, UI_PORT: port }, kaskadePrograms(), token);
  const ended = new Promise((resolve) => server.once('exit', resolve));
  onTestFinished(async () => {
    server.kill('SIGTERM');
    await ended;
  });
  const host = `localhost:${port}`;
  const socket = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  /** Resolves with a response or an upgraded connection, whichever comes first. */
  const ask = (path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port, path, headers: { host, ...headers } });
      const answered = ({ statusCode = 0, headers: received }: { statusCode?: number | undefined; headers: IncomingHttpHeaders }) => {
        resolve({ status: statusCode, headers: received });
        call.destroy();
      };
      call.once('response', answered).once('upgrade', answered).on('error', reject).end();
    });
  const status = async (path: string, headers?: Record<string, string>) => (await ask(path, headers)).status;
  await waitFor('the page answers', () => status('/').then(() => true), 60_000);

  const paths = ['/', '/topics/', '/records/', '/topics/static/js/textual.js', '/nothing'];
  for (const path of paths) expect([path, await status(path)]).toEqual([path, 403]);
  expect(await status('/topics/ws', socket)).toBe(403);
  expect(await status(`/?token=${'0'.repeat(48)}`)).toBe(403);
  const entered = await ask(`/?token=${token}`);
  expect([entered.status, entered.headers.location]).toEqual([303, '/']);
  const [cookie = ''] = entered.headers['set-cookie'] ?? [];
  expect(cookie).toMatch(/; HttpOnly;.* SameSite=Strict/);
  const mine = { cookie: cookie.slice(0, cookie.indexOf(';')) };

  for (const path of ['/', '/topics/', '/records/']) expect([path, await status(path, mine)]).toEqual([path, 200]);
  for (const name of [`127.0.0.1:${port}`, 'evil.example', `evil.example:${port}`])
    expect(await status('/', { ...mine, host: name })).toBe(421);
  for (const origin of ['https://evil.example', 'null', 'http://localhost', `http://127.0.0.1:${port}`]) {
    expect([origin, await status('/', { ...mine, origin })]).toEqual([origin, 403]);
    expect([origin, await status('/topics/ws', { ...mine, ...socket, origin })]).toEqual([origin, 403]);
  }
  expect(await status('/topics/ws', { ...mine, ...socket, origin: `http://${host}` })).toBe(101);
});
