import { z } from 'zod';
import { ensureLogins } from '../prisma/logins.ts';
import { ourDatabase, ourLogins, passwordSettings, passwordsOf } from '../prisma/our-logins.ts';
import { postgresUrl, secret, settingsOrExit } from '../kit/settings.ts';

// The stack's logins, embedded and in Docker: those of every deployment, and the registry's.

const password = (login: string) => secret().describe(`Password of the login ${login}`);
const settings = z.object({
  DATABASE_URL: postgresUrl().describe("A superuser's PostgreSQL URL"),
  ...passwordsOf(password),
  REGISTRY_PASSWORD: password('registry'),
});

const config = settingsOrExit(settings, process.env);
const logins = [
  ...ourLogins.map((login) => ({ ...login, password: config[passwordSettings[login.name]] })),
  { name: 'registry', password: config.REGISTRY_PASSWORD },
];
const databases = [ourDatabase('outbox'), { name: 'registry', owner: 'registry', users: [], temporary: [] }];
await ensureLogins(config.DATABASE_URL, logins, databases, { closeOthers: true });
