import { askService, connectService, registryService } from '../../kit/http-login.ts';
import { connectFor, registryFor, type RegistryUser } from '../../stack/http-logins.ts';
import { config } from './stack.ts';

/** A request with a JSON body. */
export const json = (method: string, body: unknown) => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

type Request = Parameters<typeof askService>[2];

/** Asks the stack's Connect, with its login. */
export const askConnect = (path: string, request?: Request) => askService(connectService(connectFor(config)), path, request);

/** Asks the stack's registry, by default as the user that may write. */
export const askRegistry = (path: string, request?: Request, as: RegistryUser = 'writer') =>
  askService(registryService(registryFor(config, as)), path, request);
