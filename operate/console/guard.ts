import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getSignedCookie, setSignedCookie } from 'hono/cookie';
import { HTTPException } from 'hono/http-exception';
import type { Config } from './config.ts';

// Who may see the page and act on it.

export interface Session {
  id: string;
  /** The name in the log of acts. */
  user: string;
  /** Ms since 1970. */
  until: number;
}

export interface Env {
  Variables: { session: Session; csrf: string };
}

const COOKIE = 'outbox_console';
const SESSION_MS = 12 * 3_600_000;
const TRIES_A_MINUTE = 10;

export interface Guard {
  /** Refuses requests under another host name, from another page, or without a login. */
  check: MiddlewareHandler<Env>;
  /** @returns whether the password is right. @throws HTTPException 429 after ten tries in a minute */
  logIn: (context: Context<Env>, user: string, password: string) => Promise<boolean>;
  /** Ends the session. */
  logOut: (context: Context<Env>) => Promise<void>;
  /** Whether the page has a login. */
  login: boolean;
}

/** @param now ms since 1970 */
export function createGuard(config: Config, now: () => number = Date.now): Guard {
  // The key is made at the start, so a restart ends every session.
  const key = randomBytes(32).toString('hex');
  const names = new Set(['localhost', '127.0.0.1', '[::1]', config.HOST, ...config.CONSOLE_HOSTS].map((name) => name.toLowerCase()));
  let tries: number[] = [];

  const csrfOf = ({ id }: Session) => createHmac('sha256', key).update(`csrf ${id}`).digest('hex');
  const write = (context: Context<Env>, session: Session) =>
    setSignedCookie(context, COOKIE, Buffer.from(JSON.stringify(session)).toString('base64url'), key, {
      ...{ path: '/', httpOnly: true, sameSite: 'Strict' },
      secure: context.req.header('x-forwarded-proto') === 'https',
    });
  const read = async (context: Context<Env>): Promise<Session | undefined> => {
    const text = await getSignedCookie(context, key, COOKIE);
    if (typeof text !== 'string') return undefined;
    const session = JSON.parse(Buffer.from(text, 'base64url').toString()) as Session;
    return session.until > now() ? session : undefined;
  };
  const begin = async (context: Context<Env>, user: string): Promise<Session> => {
    const session = { id: randomBytes(16).toString('hex'), user, until: now() + SESSION_MS };
    await write(context, session);
    return session;
  };

  const requireOwnPage = (context: Context<Env>) => {
    const host = context.req.header('host') ?? '';
    if (!names.has(host.replace(/:\d+$/, '').toLowerCase())) throw refusal(421, 'HOST_UNKNOWN', 'This name is not one of CONSOLE_HOSTS.');
    if (context.req.method === 'GET' || context.req.method === 'HEAD') return;
    const origin = context.req.header('origin');
    if (origin === undefined || !URL.canParse(origin) || new URL(origin).host !== host)
      throw refusal(403, 'ORIGIN_FOREIGN', 'The request does not come from this page.');
  };

  const userOf = (context: Context<Env>): string | undefined => {
    const header = config.CONSOLE_USER_HEADER;
    if (header === undefined) return undefined;
    const user = context.req.header(header)?.trim() ?? '';
    if (user === '' || user.length > 200) throw refusal(401, 'USER_MISSING', `The proxy named no user in ${header}.`);
    return user;
  };

  return {
    login: config.CONSOLE_PASSWORD !== undefined,
    check: async (context, next) => {
      requireOwnPage(context);
      const { path } = context.req;
      if (path === '/healthz' || path.startsWith('/assets/') || path === '/login') return next();
      const named = userOf(context);
      let session = await read(context);
      if (named !== undefined && session?.user !== named) session = await begin(context, named);
      if (session === undefined && config.CONSOLE_PASSWORD !== undefined) {
        if (context.req.method === 'GET' && context.req.header('accept')?.includes('text/html') === true)
          return context.redirect('/login', 303);
        throw refusal(401, 'LOGIN_NEEDED', 'Log in first.');
      }
      session ??= await begin(context, 'local');
      context.set('session', session);
      context.set('csrf', csrfOf(session));
      if (context.req.method !== 'GET' && context.req.method !== 'HEAD') {
        const { csrf } = await context.req.parseBody();
        if (typeof csrf !== 'string' || !same(csrf, csrfOf(session)))
          throw refusal(403, 'CSRF_WRONG', 'The page that you sent is too old. Load it again.');
        if (config.CONSOLE_READ_ONLY && path !== '/logout')
          throw refusal(403, 'READ_ONLY', 'This page is read-only: CONSOLE_READ_ONLY is set.');
      }
      return next();
    },
    logIn: async (context, user, password) => {
      tries = tries.filter((at) => at > now() - 60_000);
      if (tries.length >= TRIES_A_MINUTE) throw refusal(429, 'TOO_MANY_TRIES', 'Ten tries a minute. Wait a minute.');
      tries.push(now());
      if (config.CONSOLE_PASSWORD === undefined || !same(password, config.CONSOLE_PASSWORD)) return false;
      await begin(context, user);
      return true;
    },
    logOut: (context) => write(context, { id: '', user: '', until: 0 }).then(() => undefined),
  };
}

/** Compares in constant time. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** A refusal with a stable code. */
export class Refusal extends HTTPException {
  readonly code: string;

  constructor(status: ConstructorParameters<typeof HTTPException>[0], code: string, text: string) {
    super(status, { message: text });
    this.code = code;
  }
}

export const refusal = (status: 400 | 401 | 403 | 404 | 421 | 429, code: string, text: string) => new Refusal(status, code, text);
