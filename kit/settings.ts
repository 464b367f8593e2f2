import { z } from 'zod';
import { readText } from './follow-files.ts';

// How every service reads its environment: once, at start, all faults at once. The schemas are in each service's
// config.ts; the README's table of settings is printed from them.

type Environment = Readonly<Record<string, string | undefined>>;

/** What arrived for each setting of a schema, as text. */
export type Given = Readonly<Record<string, string | undefined>>;

export interface Fault {
  /** The setting that has to change. */
  name: string;
  message: string;
}

/** What a setting may have as `meta({ rule })`: what does not go together with others, asked also when a value alone is at fault. */
type Rule = (given: Given) => Fault[];

/** The environment does not fit. The message has one line per fault: the variable, what arrived, the rule. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'SETTINGS_INVALID';
}

/** A whole number within bounds; 0 is a value, not "unset". */
export const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** A TCP port. */
export const port = () => integer(1, 65_535);

/** An address or a name to listen on. IPv6 may have brackets, as in a URL. */
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

/** The path of a file that can be read at the start. */
export const readableFile = () =>
  z.string().superRefine((path, context) => {
    try {
      readText(path);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    }
  });

/** A PostgreSQL URL. It carries a password, so it is never printed. */
export const postgresUrl = () =>
  z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'expected postgresql://user:password@host:port/database')
    .meta({ secret: true });

/**
 * The environment as the schema's typed, frozen object. A variable that is set to nothing counts as not set, as
 * compose passes `${NAME:-}`. A secret may lie in a file, which `<NAME>_FILE` names; it is read once.
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
  // Of a secret whose file cannot be read, that is all there is to say.
  const others = [...issues, ...broken].filter(({ name }) => !unread.some((one) => one.name === name));
  const faults = [...unread, ...others].map(({ name, message }) => {
    const about = schema.shape[name] as z.ZodType;
    const arrived = given[name] === undefined ? 'is not set' : isSecret(about) ? 'is set' : `is "${given[name]}"`;
    return `  ${name} ${arrived}: ${message}. ${about.description ?? ''}`.trimEnd();
  });
  throw new SettingsError(`These settings do not fit:\n${faults.join('\n')}`);
}

/** From the variable or from its file. What stands in the way is added to `faults`. */
function readSecret(name: string, env: Environment, faults: Fault[]): string | undefined {
  const value = env[name] || undefined;
  const path = env[`${name}_FILE`] || undefined;
  if (path === undefined) return value;
  if (value !== undefined) faults.push({ name, message: `${name}_FILE is set too: one of them` });
  try {
    // Editors and `echo` end a file with a line break that is not part of the secret.
    return readText(path).replace(/\r?\n$/, '') || undefined;
  } catch (error) {
    faults.push({ name, message: `${name}_FILE: ${error instanceof Error ? error.message : String(error)}` });
    return undefined;
  }
}

/** The Postgres client would take host, user, options or sslmode from PG* where the URL says nothing: no setting of ours. */
function forgetPostgres(env: Environment): void {
  for (const name of Object.keys(env)) if (/^PG[A-Z]+$/.test(name)) Reflect.deleteProperty(env, name);
}

/** The settings in force for the log's first line: secrets only as "set" or "unset". */
export function loggable<S extends z.ZodObject>(schema: S, settings: Readonly<z.output<S>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.shape).map(([name, about]) => {
      const value = (settings as Record<string, unknown>)[name];
      return [name, isSecret(about as z.ZodType) ? (value === undefined ? 'unset' : 'set') : value];
    }),
  );
}

/** One row per setting, for the README: name, default (none when it must be set), meaning. */
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

/** Also from behind a default or an optional. */
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

/** Settings, or a file that they name, are invalid: prints what is wrong and ends the process with 2, as no restart can fix it. */
export function exitUnfit({ code, message }: { code: string; message: string }): never {
  process.stderr.write(`${code}: ${message}\n`);
  process.exit(2);
}
