import type { Database, Login } from './login-steps.ts';

// The logins of a deployment: one per service, each with the grants of one role.

/** The setting that has the password of each login. */
export const passwordSettings = {
  outbox_owner: 'OWNER_PASSWORD',
  ingest: 'INGEST_PASSWORD',
  cdc: 'CDC_PASSWORD',
  cleanup: 'CLEANUP_PASSWORD',
  operator: 'OPERATOR_PASSWORD',
  actions: 'ACTIONS_PASSWORD',
} as const;
export type OurLogin = keyof typeof passwordSettings;

/** A schema with the password setting of each login, to be spread into a service's own. */
export const passwordsOf = <T>(of: (login: OurLogin) => T) =>
  Object.fromEntries(Object.entries(passwordSettings).map(([login, setting]) => [setting, of(login as OurLogin)])) as Record<
    (typeof passwordSettings)[OurLogin],
    T
  >;

export const ourLogins: readonly (Omit<Login, 'verifier'> & { name: OurLogin })[] = [
  // Runs the migrations, which create missing roles.
  { name: 'outbox_owner', attributes: 'CREATEROLE' },
  { name: 'ingest', memberOf: 'outbox_ingest' },
  { name: 'cdc', memberOf: 'outbox_cdc', attributes: 'REPLICATION' },
  { name: 'cleanup', memberOf: 'outbox_cleanup' },
  { name: 'operator', memberOf: 'outbox_operator' },
  { name: 'actions', memberOf: 'outbox_actions' },
];

/** The database with the outbox. */
export const ourDatabase = (name: string): Database => ({
  name,
  owner: 'outbox_owner',
  users: ['ingest', 'cdc', 'cleanup', 'operator', 'actions'],
  temporary: ['operator'],
  // The connector's heartbeat.
  messages: ['cdc'],
});
