import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync, type Stats } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { ownFile, root } from './compose.ts';
import { StackError } from './errors.ts';
import { readHandedFiles, type HandedFile } from './files.ts';

// How the files of stack/files.ts get into the containers: as a second compose file, which `make up` writes beside
// compose.env. Their folders are mounted, not the files: an editor replaces a file by renaming another over it, and a
// mounted file would stay the old one. A folder has the same path inside, so every path in a file holds there too.

interface Mount {
  type: 'bind' | 'tmpfs';
  source?: string;
  target: string;
  read_only?: true;
  bind?: { create_host_path: false };
}

interface Override {
  user: string;
  environment: Record<string, string | null>;
  volumes: Mount[];
}

/** The user of the images. */
const IMAGE_USER = { uid: 1000, gid: 1000 };
/** Folders that must not be mounted: the image needs its own, and no service needs to see all of them. */
const NOT_SHARED = ['/', '/bin', '/boot', '/etc', '/home', '/lib', '/lib64', '/opt', '/root', '/run', '/sbin', '/srv', '/var', homedir()];
const NOT_SHARED_AT_ALL = ['/app', '/dev', '/proc', '/sys', '/usr'];

/**
 * Writes the stack's own compose file.
 *
 * @throws StackError when a file that a setting names cannot be handed on
 */
export function writeOwnComposeFile(dir: string, env: NodeJS.ProcessEnv): void {
  const hidden = [...new Set([dir, join(root, '.stack'), join(root, '.env')])];
  const override = filesOverride(readHandedFiles(env), hidden);
  mkdirSync(dir, { recursive: true });
  // compose would read a dollar in a path as a variable.
  writeFileSync(ownFile(dir), JSON.stringify(override, null, 2).replaceAll('$', '$$$$'), { mode: 0o600 });
}

/**
 * @param hidden files and folders that hold the passwords of other parts: where a mounted folder has them, they are covered
 * @throws StackError FILE_NOT_SHARED, FILE_UNREADABLE when a container cannot have a file
 */
export function filesOverride(files: readonly HandedFile[], hidden: readonly string[]): { services: Record<string, Override> } {
  const services = files.map((file): [string, Override] => {
    const { part, setting, path, variables, secretFiles } = file;
    const all = [path, ...secretFiles];
    const folders = outermost(all.flatMap((one) => [dirname(one), dirname(realpathSync(one))]));
    for (const folder of folders) requireShared(folder, hidden, file);
    const { uid, gid } = userFor(all, setting);
    const volumes = folders.flatMap((folder): Mount[] => [
      { type: 'bind', source: folder, target: folder, read_only: true, bind: { create_host_path: false } },
      ...hidden.filter((one) => isWithin(folder, one) && existsSync(one)).map(cover),
    ]);
    // A name without a value: it comes from the environment of `docker compose`, and no file has it.
    const environment = Object.fromEntries([[setting, path], ...variables.map((name): [string, null] => [name, null])]);
    return [part, { user: `${uid}:${gid}`, environment, volumes }];
  });
  return { services: Object.fromEntries(services) };
}

/** Without folders that are inside another one. */
function outermost(folders: readonly string[]): string[] {
  const all = [...new Set(folders)].sort();
  return all.filter((one) => !all.some((other) => other !== one && isWithin(other, one)));
}

function cover(path: string): Mount {
  return statSync(path).isDirectory()
    ? { type: 'tmpfs', target: path }
    : { type: 'bind', source: '/dev/null', target: path, read_only: true, bind: { create_host_path: false } };
}

const isWithin = (folder: string, path: string) => !/^\.\.(\/|$)/.test(relative(folder, path));

function requireShared(folder: string, hidden: readonly string[], { setting, path }: HandedFile): void {
  const refused = [...NOT_SHARED, ...hidden].includes(folder) || NOT_SHARED_AT_ALL.some((one) => isWithin(one, folder));
  if (!refused) return;
  throw new StackError(
    'FILE_NOT_SHARED',
    `${path} (${setting}), or a secret that it names, is in ${folder}. Its folder is mounted into the container, and this one ` +
      'cannot be. Put the file into a folder of its own.',
  );
}

type User = Pick<Stats, 'uid' | 'gid'>;

/** The images' own user if it may read all files, otherwise a user who may: without capabilities even root is bound by modes. */
function userFor(paths: readonly string[], setting: string): User {
  const own = { uid: process.getuid?.() ?? IMAGE_USER.uid, gid: process.getgid?.() ?? IMAGE_USER.gid };
  const real = paths.map((path) => realpathSync(path));
  const needed = real.flatMap((path) => [
    { stats: statSync(path), bit: 4 },
    { stats: statSync(dirname(path)), bit: 1 },
  ]);
  const found = [IMAGE_USER, own, ...needed.map(({ stats }) => stats)].find((user) =>
    needed.every(({ stats, bit }) => may(user, stats, bit)),
  );
  if (found !== undefined) return { uid: found.uid, gid: found.gid };
  throw new StackError('FILE_UNREADABLE', `No one user can read all of ${paths.join(', ')} (${setting}), and a container runs as one.`);
}

function may(user: User, { mode, uid, gid }: Stats, bit: number): boolean {
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bit) !== 0;
}
