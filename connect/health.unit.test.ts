import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const script = fileURLToPath(new URL('health.sh', import.meta.url));

/** A worker that is a process which does nothing, and a REST interface of which `answer` decides. */
async function worker(answer: (path: string) => string | undefined) {
  const state = mkdtempSync(join(tmpdir(), 'health-'));
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  writeFileSync(join(state, 'connect.pid'), String(child.pid));
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined));
    socket.once('data', (head) => {
      const said = answer(head.toString().split(' ')[1] ?? '');
      if (said !== undefined) socket.end(`HTTP/1.1 ${said}\r\n\r\n`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    child.kill('SIGKILL');
    for (const socket of open) socket.destroy();
    server.close();
    rmSync(state, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  const env = {
    ...process.env,
    REST_LOGIN: 'outbox=secret',
    CONNECT_ADDRESS: `127.0.0.1/${port}`,
    CONNECT_STATE: state,
    CONNECT_WAIT: '0.3',
  };
  const check = () =>
    new Promise<{ code: number | null; said: string }>((resolve) => {
      let said = '';
      const bash = spawn('bash', [script], { env });
      bash.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      bash.on('close', (code) => resolve({ code, said: said.trim() }));
    });
  const lives = () =>
    spawnSync('ps', ['-o', 'stat=', '-p', String(child.pid)], { encoding: 'utf8' })
      .stdout.trim()
      .startsWith('S');
  return { check, lives };
}

describe('the health check of the worker', () => {
  test('is well where /health answers 200', async () => {
    const { check } = await worker(() => '200 OK');
    expect(await check()).toEqual({ code: 0, said: '' });
  });

  test.each(['503 Service Unavailable', '401 Unauthorized'])(
    'fails at %s, and the worker lives on',
    { timeout: 60_000 },
    async (answer) => {
      const { check, lives } = await worker(() => answer);
      for (let times = 0; times < 8; times += 1)
        expect(await check()).toEqual({ code: 1, said: expect.stringContaining(answer) as string });
      expect(lives()).toBe(true);
    },
  );

  test('ends a worker that answered before and is silent six times in a row', async () => {
    let silent = false;
    const { check, lives } = await worker(() => (silent ? undefined : '200 OK'));
    await check();
    silent = true;
    for (let times = 1; times <= 5; times += 1) expect(await check()).toEqual({ code: 1, said: 'no answer' });
    silent = false;
    await check();
    silent = true;
    for (let times = 1; times <= 5; times += 1) await check();
    expect(lives()).toBe(true);
    await check();
    expect(lives()).toBe(false);
  });

  test('leaves a worker alone that has not answered yet', async () => {
    const { check, lives } = await worker(() => undefined);
    for (let times = 0; times < 7; times += 1) await check();
    expect(lives()).toBe(true);
  });

  test('leaves a worker alone whose /health is slow while the rest of it answers', async () => {
    const { check, lives } = await worker((path) => (path === '/health' ? undefined : '200 OK'));
    for (let times = 0; times < 7; times += 1) expect((await check()).code).toBe(1);
    expect(lives()).toBe(true);
  });
});
