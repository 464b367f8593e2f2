import { parseArgs, type ParseArgsConfig } from 'node:util';
import { z } from 'zod';
import { UsageError } from './verb.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * The arguments of a verb as the schema's object; positionals arrive as `_`.
 *
 * @throws UsageError naming what does not fit, all of it at once
 */
export function parseArguments<S extends z.ZodType>(args: string[], options: Options, schema: S): z.output<S> {
  let given: Record<string, unknown>;
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    given = { ...values, _: positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => {
    const [name, ...inside] = path;
    const value = name === undefined ? undefined : given[String(name)];
    const one: unknown = Array.isArray(value) ? value[Number(inside[0] ?? 0)] : value;
    const arrived = typeof one === 'string' ? one : undefined;
    const what = name === '_' ? 'argument' : `--${String(name)}`;
    return `${what}${arrived === undefined ? '' : ` "${arrived}"`}: ${message}`;
  });
  throw new UsageError(faults.join('; '));
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment: `2026-11-24T10:00:00Z`, `2026-11-24`, or how long ago it was: `90s`, `30m`, `2h`, `7d`. */
export const moment = () =>
  z.string('is required: a time such as 2026-11-24T10:00:00Z, or how long ago, such as 2h').transform((text, context) => {
    const ago = /^(\d{1,6})([smhd])$/.exec(text);
    const date = ago === null ? new Date(text) : new Date(Date.now() - Number(ago[1]) * UNITS[ago[2] as keyof typeof UNITS]);
    if (!Number.isNaN(date.getTime()) && (ago !== null || /^\d{4}-\d{2}-\d{2}/.test(text))) return date;
    context.addIssue({ code: 'custom', message: 'expected a time such as 2026-11-24T10:00:00Z, or how long ago, such as 2h' });
    return z.NEVER;
  });

/** `userId/zapId` */
export const zap = () =>
  z
    .string('is required: userId/zapId')
    .regex(/^[A-Za-z0-9_-]{1,64}\/[A-Za-z0-9_-]{1,64}$/, 'expected userId/zapId')
    .transform((text) => {
      const [userId = '', zapId = ''] = text.split('/');
      return { userId, zapId };
    });

export const runId = () => z.uuid('expected the id of a run, a UUID');

/** A verb that takes no positional arguments. */
export const nothing = () => z.array(z.string()).max(0, 'is not expected here');
