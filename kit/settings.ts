import { z } from 'zod';
import { readText } from './follow-files.ts';

// How every service reads its environment: once, at the start, with all faults at once. The schemas are in each
// service's config.ts. docs/settings.md is generated from them.

type Environment = Readonly<Record<string, string | undefined>>;

/** The text that arrived for each setting of a schema. */
export type Given = Readonly<Record<string, string | undefined>>;

export interface Fault {
  /** The setting to change. */
  name: string;
  message: string;
}

/** A rule about several settings, given as `meta({ rule })`. It runs even when single values are faulty. */
type Rule = (given: Given) => Fault[];

/** The environment is invalid. The message has one line per fault: the variable, what arrived, the rule. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'SETTINGS_INVALID';
}

/** A whole number within bounds; 0 is a value, not "unset". */
export const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** A TCP port. */
export const port = () => integer(1, 65_535);

/** An address or host name to listen on. IPv6 may have brackets, as in a URL. */
export const host = () => z.string().transform((text) => text.replace(/^\[(.*)\]$/, '$1'));

/** `a, b,c` → `['a', 'b', 'c']`; nothing → `[]`. */
export const list = () =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    );

/** A value that is never printed. */
export const secret = () => z.string().min(1).meta({ secret: true });

/** The path of a file that must be readable at the start. */
export const readableFile = () => z.string().superRefine(requireReadable);

function requireReadable(path: string, context: z.RefinementCtx): void {
  try {
    readText(path);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
}

/** The parameters of a PostgreSQL URL that name files. */
const URL_FILES = ['sslrootcert', 'sslcert', 'sslkey'];

/** A PostgreSQL URL. It carries a password, so it is never printed. The files that it names must be readable at the start. */
export const postgresUrl = () =>
  z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'expected postgresql://user:password@host:port/database')
    .superRefine((url, context) => {
      const given = URL.canParse(url) ? new URL(url).searchParams : new URLSearchParams();
      for (const path of URL_FILES.flatMap((name) => given.getAll(name))) requireReadable(path, context);
    })
    .meta({ secret: true });

/**
 * Reads the environment into the schema's typed, frozen object. An empty variable counts as unset, because compose
 * passes `${NAME:-}`. A secret may be in a file named by `<NAME>_FILE`, which is read once.
 *
 * @throws SettingsError naming every fault
 */
export function readSettings<S extends z.ZodObject>(schema: S, env: Environment): Readonly<z.output<S>> {
  forgetPostgres(env);
  const unread: Fault[] = [];
  const types = Object.entries(schema.shape) as [string, z.ZodType][];
  const given: Given = Object.fromEntries(
    types.map(([name, type]) => [name, isSecret(type) ? readSecret(name, env, unread) : env[name] || undefined]),
  );
  const result = schema.safeParse(given);
  const broken = types.flatMap(([, type]) => ruleOf(type)?.(given) ?? []);
  if (result.success && unread.length === 0 && broken.length === 0) return Object.freeze(result.data);
  const issues = (result.error?.issues ?? []).map(({ path, message }) => ({ name: String(path[0]), message }));
  // An unreadable file is the only fault worth reporting of its secret.
  const others = [...issues, ...broken].filter(({ name }) => !unread.some((one) => one.name === name));
  const faults = [...unread, ...others].map(({ name, message }) => {
    const about = schema.shape[name] as z.ZodType;
    const arrived = given[name] === undefined ? 'is not set' : isSecret(about) ? 'is set' : `is "${given[name]}"`;
    return `  ${name} ${arrived}: ${message}. ${about.description ?? ''}`.trimEnd();
  });
  throw new SettingsError(`Invalid settings:\n${faults.join('\n')}`);
}

/** The value from the variable or from its file. Faults are added to `faults`. */
function readSecret(name: string, env: Environment, faults: Fault[]): string | undefined {
  const value = env[name] || undefined;
  const path = env[`${name}_FILE`] || undefined;
  if (path === undefined) return value;
  if (value !== undefined) faults.push({ name, message: `${name}_FILE is set too: set only one of them` });
  try {
    // Editors and `echo` add a line break that is not part of the secret.
    return readText(path).replace(/\r?\n$/, '') || undefined;
  } catch (error) {
    faults.push({ name, message: `${name}_FILE: ${error instanceof Error ? error.message : String(error)}` });
    return undefined;
  }
}

/** The Postgres client would take host, user, options or sslmode from PG* variables when the URL lacks them. */
function forgetPostgres(env: Environment): void {
  for (const name of Object.keys(env)) if (/^PG[A-Z]+$/.test(name)) Reflect.deleteProperty(env, name);
}

/** The active settings, for the first log line. Secrets appear only as "set" or "unset". */
export function loggable<S extends z.ZodObject>(schema: S, settings: Readonly<z.output<S>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.shape).map(([name, about]) => {
      const value = (settings as Record<string, unknown>)[name];
      return [name, isSecret(about as z.ZodType) ? (value === undefined ? 'unset' : 'set') : value];
    }),
  );
}

/** One row per setting, for docs/settings.md: name, default (none when it must be set), meaning. */
export function describeSettings(schema: z.ZodObject): { name: string; fallback: string; meaning: string }[] {
  return Object.entries(schema.shape).map(([name, about]) => {
    const type = about as z.ZodType;
    const unset = type.safeParse(undefined);
    const meaning = `${type.description ?? ''}${isSecret(type) ? `; or ${name}_FILE, a file that holds it` : ''}`;
    return { name, fallback: unset.success ? shown(unset.data) : 'required', meaning };
  });
}

function shown(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);
}

const isSecret = (type: z.ZodType): boolean => metaOf(type, 'secret') === true;
const ruleOf = (type: z.ZodType): Rule | undefined => metaOf(type, 'rule') as Rule | undefined;

/** Looks through defaults and optionals. */
function metaOf(type: z.ZodType, key: 'secret' | 'rule'): unknown {
  const own = type.meta()?.[key];
  const inner = (type.def as { innerType?: z.ZodType }).innerType;
  return own ?? (inner === undefined ? undefined : metaOf(inner, key));
}

/** readSettings for a main file. */
export function settingsOrExit<S extends z.ZodObject>(schema: S, env: Environment): Readonly<z.output<S>> {
  try {
    return readSettings(schema, env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return exitUnfit(error);
  }
}

/** Prints what is wrong with settings, or with a file that they name, and ends the process with 2: no restart can fix it. */
export function exitUnfit({ code, message }: { code: string; message: string }): never {
  process.stderr.write(`${code}: ${message}\n`);
  process.exit(2);
}
