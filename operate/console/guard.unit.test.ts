import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { exposed, settings, type Config } from './config.ts';
import { createGuard, Refusal, type Env } from './guard.ts';

const configOf = (more: Record<string, string> = {}): Config =>
  settings.parse({ DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', ...more });
const PASSWORD = 'correct horse battery';

function service(more: Record<string, string> = {}, now?: () => number) {
  const guard = createGuard(configOf(more), now);
  const app = new Hono<Env>();
  app.use(guard.check);
  app.get('/', (context) => context.text(`${context.get('session').user} ${context.get('csrf')}`));
  app.post('/act', (context) => context.text('done'));
  app.post('/login', async (context) => {
    const { password } = await context.req.parseBody();
    return context.text('', (await guard.logIn(context, 'ann', typeof password === 'string' ? password : '')) ? 200 : 401);
  });
  app.onError((error, context) =>
    context.text(error instanceof Refusal ? error.code : String(error), error instanceof Refusal ? error.status : 500),
  );
  const get = (headers: Record<string, string> = {}) =>
    app.request('http://localhost:3004/', { headers: { host: 'localhost:3004', ...headers } });
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    app.request(`http://localhost:3004${path}`, {
      ...{ method: 'POST', body: new URLSearchParams(fields) },
      headers: { host: 'localhost:3004', origin: 'http://localhost:3004', ...headers },
    });
  return { get, post };
}

const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? '';

describe('without a password', () => {
  test('an act needs the token of its session', async () => {
    const { get, post } = service();
    const page = await get();
    expect(page.headers.get('set-cookie')).toMatch(/HttpOnly.*SameSite=Strict/);
    const csrf = (await page.text()).split(' ')[1] ?? '';
    const cookie = cookieOf(page);
    expect((await post('/act', { csrf }, { cookie })).status).toBe(200);
    for (const wrong of [{} as Record<string, string>, { csrf: '' }, { csrf: `${csrf}0` }, { csrf: csrf.replace(/./g, '0') }]) {
      const refused = await post('/act', wrong, { cookie });
      expect([refused.status, await refused.text()]).toEqual([403, 'CSRF_WRONG']);
    }
    const other = cookieOf(await get());
    expect((await post('/act', { csrf }, { cookie: other })).status).toBe(403);
    expect((await post('/act', { csrf })).status).toBe(403);
  });

  test.each([
    ['another site', 'https://evil.example'],
    ['a sandboxed page', 'null'],
    ['another port', 'http://localhost:9'],
  ])('an act from %s is refused', async (_what, origin) => {
    const { get, post } = service();
    const page = await get();
    const csrf = (await page.text()).split(' ')[1] ?? '';
    const refused = await post('/act', { csrf }, { origin, cookie: cookieOf(page) });
    expect([refused.status, await refused.text()]).toEqual([403, 'ORIGIN_FOREIGN']);
  });

  test('a foreign host name is refused', async () => {
    const { get } = service();
    expect((await get({ host: 'evil.example:3004' })).status).toBe(421);
    expect((await get({ host: '127.0.0.1:3004' })).status).toBe(200);
    expect((await service({ CONSOLE_HOSTS: 'ops.example' }).get({ host: 'ops.example' })).status).toBe(200);
  });

  test('a read-only page refuses every act', async () => {
    const { get, post } = service({ CONSOLE_READ_ONLY: 'true' });
    const page = await get();
    const csrf = (await page.text()).split(' ')[1] ?? '';
    expect(await (await post('/act', { csrf }, { cookie: cookieOf(page) })).text()).toBe('READ_ONLY');
  });
});

describe('with a password', () => {
  test('nothing is shown before the login, and the session has the name of the user', async () => {
    const { get, post } = service({ CONSOLE_PASSWORD: PASSWORD });
    expect((await get()).status).toBe(401);
    expect((await get({ accept: 'text/html' })).headers.get('location')).toBe('/login');
    expect((await post('/login', { password: 'wrong' })).status).toBe(401);
    const welcome = await post('/login', { password: PASSWORD });
    expect(welcome.status).toBe(200);
    expect(await (await get({ cookie: cookieOf(welcome) })).text()).toMatch(/^ann /);
    const [name, value = ''] = cookieOf(welcome).split('=');
    expect((await get({ cookie: `${name}=${value.replace(/^../, 'ZZ')}` })).status).toBe(401);
  });

  test('a session ends after twelve hours', async () => {
    let now = Date.now();
    const { get, post } = service({ CONSOLE_PASSWORD: PASSWORD }, () => now);
    const cookie = cookieOf(await post('/login', { password: PASSWORD }));
    expect((await get({ cookie })).status).toBe(200);
    now += 12 * 3_600_000 + 1;
    expect((await get({ cookie })).status).toBe(401);
  });

  test('ten tries a minute are allowed, including the right one', async () => {
    let now = Date.now();
    const { post } = service({ CONSOLE_PASSWORD: PASSWORD }, () => now);
    for (let count = 0; count < 10; count += 1) expect((await post('/login', { password: 'wrong' })).status).toBe(401);
    expect((await post('/login', { password: PASSWORD })).status).toBe(429);
    now += 60_001;
    expect((await post('/login', { password: PASSWORD })).status).toBe(200);
  });
});

test('behind a proxy only the configured header names the user', async () => {
  const { get } = service({ CONSOLE_USER_HEADER: 'X-Forwarded-User' });
  expect(await (await get()).text()).toBe('USER_MISSING');
  expect(await (await get({ 'x-forwarded-user': 'bob' })).text()).toMatch(/^bob /);
  expect(await (await service().get({ 'x-forwarded-user': 'bob' })).text()).toMatch(/^local /);
});

test.each([
  [{}, false],
  [{ HOST: '::1' }, false],
  [{ HOST: '0.0.0.0' }, true],
  [{ HOST: '10.0.0.5' }, true],
  [{ HOST: '0.0.0.0', CONSOLE_PASSWORD: PASSWORD }, false],
  [{ HOST: '0.0.0.0', CONSOLE_USER_HEADER: 'X-User' }, false],
])('with %j it is exposed without a login: %s', (more, expected) => {
  expect(exposed(configOf(more as Record<string, string>)) !== undefined).toBe(expected);
});
