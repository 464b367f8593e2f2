import { z } from 'zod';
import { ensureLogins, type Login } from '../prisma/logins.ts';
import { postgresUrl, secret, settingsOrExit } from '../kit/settings.ts';

// The stack's logins, embedded and in Docker: one per service, each with the grants of one role only.

const password = (login: string) => secret().describe(`Password of the login ${login}`);
const settings = z.object({
  DATABASE_URL: postgresUrl().describe("A superuser's PostgreSQL URL"),
  OWNER_PASSWORD: password('outbox_owner'),
  INGEST_PASSWORD: password('ingest'),
  CDC_PASSWORD: password('cdc'),
  CLEANUP_PASSWORD: password('cleanup'),
  OPERATOR_PASSWORD: password('operator'),
  ACTIONS_PASSWORD: password('actions'),
  REGISTRY_PASSWORD: password('registry'),
});

const config = settingsOrExit(settings, process.env);
const logins: Login[] = [
  { name: 'outbox_owner', password: config.OWNER_PASSWORD, attributes: 'CREATEROLE' },
  { name: 'ingest', password: config.INGEST_PASSWORD, memberOf: 'outbox_ingest' },
  { name: 'cdc', password: config.CDC_PASSWORD, memberOf: 'outbox_cdc', attributes: 'REPLICATION' },
  { name: 'cleanup', password: config.CLEANUP_PASSWORD, memberOf: 'outbox_cleanup' },
  { name: 'operator', password: config.OPERATOR_PASSWORD, memberOf: 'outbox_operator' },
  { name: 'actions', password: config.ACTIONS_PASSWORD, memberOf: 'outbox_actions' },
  { name: 'registry', password: config.REGISTRY_PASSWORD },
];
await ensureLogins(config.DATABASE_URL, logins, [
  {
    name: 'outbox',
    owner: 'outbox_owner',
    users: ['ingest', 'cdc', 'cleanup', 'operator', 'actions'],
    temporary: ['operator'],
    // The connector's heartbeat.
    messages: ['cdc'],
  },
  { name: 'registry', owner: 'registry', users: [], temporary: [] },
]);
