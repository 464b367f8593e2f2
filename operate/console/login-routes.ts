import type { Context, Hono } from 'hono';
import type { Env, Guard } from './guard.ts';
import { html, nothing } from './html.ts';
import { message } from './page.ts';
import type { Show, Tools } from './tools.ts';

/** Logging in and out, where the page has a password. */
export function loginRoutes(app: Hono<Env>, { log }: Tools, guard: Guard, show: Show): void {
  const loginPage = (context: Context<Env>, wrong: boolean) =>
    show(
      context,
      { at: '/login', title: 'Log in' },
      html`${wrong ? message('bad', html`LOGIN_WRONG: The password is not right.`) : nothing}
        <form class="panel fields" method="post" action="/login">
          <p class="field">
            <label for="user">Your name</label><input id="user" name="user" autocomplete="username" aria-describedby="user-hint" /><span
              class="hint"
              id="user-hint"
              >For the log of what is done</span
            >
          </p>
          <p class="field">
            <label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" />
          </p>
          <p><button class="strong">Log in</button></p>
        </form>`,
    );
  app.get('/login', (context) => context.html(loginPage(context, false)));
  app.post('/login', async (context) => {
    const { user, password } = await context.req.parseBody();
    const name = typeof user === 'string' && user.trim() !== '' ? user.trim().slice(0, 100) : 'password';
    if (await guard.logIn(context, name, typeof password === 'string' ? password : '')) return context.redirect('/', 303);
    log.warn({ code: 'LOGIN_WRONG', user: name }, 'login refused');
    return context.html(loginPage(context, true), 401);
  });
  app.post('/logout', async (context) => {
    await guard.logOut(context);
    return context.redirect('/login', 303);
  });
}
