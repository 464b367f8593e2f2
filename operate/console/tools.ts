import type { Context } from 'hono';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { Env } from './guard.ts';
import type { Html } from './html.ts';
import type { Sources } from './sources.ts';
import type { Frame } from './page.ts';
import type { Tracer } from './tracer.ts';
import type { Watcher } from './watcher.ts';

/** The dependencies of the routes. */
export interface Tools {
  config: Config;
  log: Logger;
  sources: Sources;
  watcher: Watcher;
  tracer: Tracer;
}

/** Renders a page within its frame, for the session of the request. */
export type Show = (context: Context<Env>, about: Pick<Frame, 'at' | 'title' | 'live' | 'status'>, body: Html) => Html;
