import { z } from 'zod';

// How every service reads its environment: once, at start, all faults at once. The schemas are in each service's
// config.ts; the README's table of settings is printed from them.

type Environment = Readonly<Record<string, string | undefined>>;

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

/** A PostgreSQL URL. It carries a password, so it is never printed. */
export const postgresUrl = () =>
  z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'expected postgresql://user:password@host:port/database')
    .meta({ secret: true });

/**
 * The environment as the schema's typed, frozen object. A variable that is set to nothing counts as not set, as
 * compose passes `${NAME:-}`.
 *
 * @throws SettingsError naming every fault
 */
export function readSettings<S extends z.ZodObject>(schema: S, env: Environment): Readonly<z.output<S>> {
  forgetPostgres(env);
  const given = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, env[name] || undefined]));
  const result = schema.safeParse(given);
  if (result.success) return Object.freeze(result.data);
  const faults = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    const about = schema.shape[name] as z.ZodType;
    const arrived = given[name] === undefined ? 'is not set' : isSecret(about) ? 'is set' : `is "${given[name]}"`;
    return `  ${name} ${arrived}: ${issue.message}. ${about.description ?? ''}`.trimEnd();
  });
  throw new SettingsError(`These settings do not fit:\n${faults.join('\n')}`);
}

/** The Postgres client would take host, user, options or sslmode from PG* where the URL says nothing: no setting of ours. */
function forgetPostgres(env: Environment): void {
  for (const name of Object.keys(env)) if (/^PG[A-Z]+$/.test(name)) Reflect.deleteProperty(env, name);
}

/** The settings in force for the log's first line: secrets only as "set" or "unset". */
export function loggable<S extends z.ZodObject>(schema: S, settings: z.output<S>): Record<string, unknown> {
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
    return { name, fallback: unset.success ? shown(unset.data) : 'required', meaning: type.description ?? '' };
  });
}

function shown(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);
}

function isSecret(type: z.ZodType): boolean {
  if (type.meta()?.secret === true) return true;
  const inner = (type.def as { innerType?: z.ZodType }).innerType;
  return inner !== undefined && isSecret(inner);
}

/** readSettings for a main file: prints the faults and ends the process with 2, as no start can mend them. */
export function settingsOrExit<S extends z.ZodObject>(schema: S, env: Environment): Readonly<z.output<S>> {
  try {
    return readSettings(schema, env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
