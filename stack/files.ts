import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { composeVariables, partSettings } from './compose.ts';
import { StackError } from './errors.ts';

// The files that a service reads while it runs, and the secrets that they name. `make up` checks them before it starts
// anything: a service that cannot read its access control must not start as if it had none.

/** The part that reads it, and the setting that says where it is. */
const SETTINGS = { ingest: 'ZAPS_FILE', actions: 'ACTIONS_FILE' } as const;
export type FilePart = keyof typeof SETTINGS;
/** What the service reads where nothing is set. */
export const FALLBACK: Partial<Record<FilePart, string>> = { actions: 'consumers-example/actions/actions.json' };
/** What the stack gives a part for its file. */
const GIVEN: Record<FilePart, readonly string[]> = { ingest: [], actions: ['ECHO_URL', 'ECHO_SECRET'] };

export interface HandedFile {
  part: FilePart;
  setting: string;
  /** Absolute, as are those of the secrets. */
  path: string;
  /** The environment variables whose values it names as `env:`, but for those that the stack gives. */
  variables: string[];
  /** The files whose contents it names as `file:`. */
  secretFiles: string[];
}

/**
 * The files that are set, or have a default, each checked with all that it names.
 *
 * @throws StackError FILE_MISSING, FILE_UNREADABLE, FILE_INVALID, SECRET_NOT_SET, SECRET_RESERVED naming setting and path
 */
export function readHandedFiles(env: NodeJS.ProcessEnv): HandedFile[] {
  return (Object.keys(SETTINGS) as FilePart[]).flatMap((part) => {
    const setting = SETTINGS[part];
    const chosen = env[setting] || FALLBACK[part];
    if (chosen === undefined) return [];
    const path = resolve(chosen);
    requireFile(path, setting);
    const { variables, files } = references(readJson(path, setting));
    const secretFiles = files.map((file) => resolve(dirname(path), file));
    for (const file of secretFiles) requireFile(file, `${path} (${setting})`);
    const own = variables.filter((name) => !GIVEN[part].includes(name));
    requireVariables(own, part, env, `${path} (${setting})`);
    return [{ part, setting, path, variables: own, secretFiles }];
  });
}

function requireVariables(names: readonly string[], part: FilePart, env: NodeJS.ProcessEnv, file: string): void {
  const listed = (some: string[]) => some.map((name) => `env:${name}`).join(', ');
  const settings = partSettings(part);
  // The stack's own variables are among them the passwords of other parts.
  const reserved = [...settings.given, ...settings.handedOn, ...composeVariables(/./)];
  const taken = names.filter((name) => reserved.includes(name));
  if (taken.length > 0)
    throw new StackError('SECRET_RESERVED', `${file} names ${listed(taken)}, a setting of the stack. Choose another name.`);
  const missing = names.filter((name) => !env[name]);
  if (missing.length > 0) throw new StackError('SECRET_NOT_SET', `${file} names ${listed(missing)}, which is not set.`);
}

/** @param namedBy the setting, or the file, that names it */
function requireFile(path: string, namedBy: string): void {
  let cause;
  try {
    if (!statSync(path).isFile()) throw new StackError('FILE_INVALID', `${namedBy} names ${path}, which is not a file.`);
    accessSync(path, constants.R_OK);
    realpathSync(path);
    return;
  } catch (error) {
    if (error instanceof StackError) throw error;
    cause = (error as NodeJS.ErrnoException).code;
  }
  if (cause === 'ENOENT' || cause === 'ENOTDIR') throw new StackError('FILE_MISSING', `${namedBy} names ${path}, which does not exist.`);
  throw new StackError('FILE_UNREADABLE', `${namedBy} names ${path}, which cannot be read: ${cause}.`);
}

function readJson(path: string, setting: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // Without the parser's message: it quotes the text, in which somebody may have put a secret.
    throw new StackError('FILE_INVALID', `${setting} names ${path}, which is not valid JSON.`);
  }
}

/**
 * The references in a file, in both notations: `"env:NAME"`, `"file:path"`, `{"env": "NAME"}`, `{"file": "path"}`. The
 * service itself validates the rest of the file.
 */
export function references(content: unknown): { variables: string[]; files: string[] } {
  const found = { env: new Set<string>(), file: new Set<string>() };
  const visit = (value: unknown): void => {
    if (typeof value === 'string') {
      const [, kind, what] = /^(env|file):(.+)$/s.exec(value) ?? [];
      if (kind !== undefined && what !== undefined) found[kind as 'env' | 'file'].add(what);
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      const [kind, what] = entries[0] ?? [];
      if (entries.length === 1 && (kind === 'env' || kind === 'file') && typeof what === 'string' && what !== '') found[kind].add(what);
      for (const [, inner] of entries) visit(inner);
    }
  };
  visit(content);
  return { variables: [...found.env].sort(), files: [...found.file].sort() };
}
