import { ensureLogins, type Login } from '../prisma/logins.ts';
import { databaseUrl, readStackConfig, type Login as LoginName } from './config.ts';

// The embedded stack's logins: one per service, each with the grants of one role only.

const config = readStackConfig(process.env);
const login = (name: LoginName, rest: Partial<Login> = {}): Login => ({ name, password: config.secrets[name], ...rest });

await ensureLogins(
  databaseUrl(config, 'postgres', 'postgres'),
  [
    login('outbox_owner', { attributes: 'CREATEROLE' }),
    login('ingest', { memberOf: 'outbox_ingest' }),
    login('cdc', { memberOf: 'outbox_cdc', attributes: 'REPLICATION' }),
    login('cleanup', { memberOf: 'outbox_cleanup' }),
    login('operator', { memberOf: 'outbox_operator', attributes: 'REPLICATION' }),
    login('actions', { memberOf: 'outbox_actions' }),
    login('registry'),
  ],
  [
    { name: 'outbox', owner: 'outbox_owner' },
    { name: 'registry', owner: 'registry' },
  ],
);
