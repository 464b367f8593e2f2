import { dirname, resolve } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { followFiles, readText, UnreadableError, type ReadText } from '../kit/follow-files.ts';
import type { Door } from './catch-hook.ts';
import { IngestError } from './errors.ts';
import { findDoubt, presets, readKey, schemeSchema, type SignatureCheck } from './signature.ts';
import { noSuchHook, type Hook } from './webhook.ts';

/** zaps.json does not fit. The message has one line per fault and never a secret. */
export class ZapsError extends Error {
  override readonly name = 'ZapsError';
  readonly code = 'ZAPS_INVALID';
}

const LOOK_EVERY_MS = 1000;

const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1-64 letters, digits, _ or -');
// Never the secret itself: zaps.json may lie in a repository.
const source = z
  .strictObject({ env: z.string().min(1).optional(), file: z.string().min(1).optional() })
  .refine(({ env, file }) => (env === undefined) !== (file === undefined), 'expected either "env" or "file"');
const content = z.strictObject({
  /** Ways to sign beside the presets, by name. */
  schemes: z.record(z.string(), schemeSchema).default({}),
  zaps: z.array(
    z.strictObject({
      userId: id,
      zapId: id,
      signature: z.strictObject({ scheme: z.string(), secrets: z.array(source).min(1) }).optional(),
    }),
  ),
});

/** By `userId/zapId`; null where whoever knows the URL may post. */
type Zaps = ReadonlyMap<string, SignatureCheck | null>;

/**
 * Reads zaps.json and the secrets that it names.
 *
 * @throws ZapsError naming every fault
 */
export function loadZaps(path: string, env: NodeJS.ProcessEnv, read = readText): Zaps {
  const parsed = content.safeParse(readJson(path, read));
  const faults = (parsed.error?.issues ?? []).map((issue) => `${z.core.toDotPath(issue.path)}: ${issue.message}`);
  const { schemes, zaps: listed } = parsed.data ?? { schemes: {}, zaps: [] };
  for (const name of Object.keys(schemes)) if (name in presets) faults.push(`schemes.${name}: is the name of a preset`);
  const named = new Map(Object.entries({ ...schemes, ...presets }));

  const zaps = new Map<string, SignatureCheck | null>();
  for (const [at, { userId, zapId, signature }] of listed.entries()) {
    const zap = `${userId}/${zapId}`;
    if (zaps.has(zap)) faults.push(`zaps[${at}]: ${zap} is there twice`);
    zaps.set(zap, null);
    if (signature === undefined) continue;
    const scheme = named.get(signature.scheme);
    if (scheme === undefined) faults.push(`zaps[${at}].signature.scheme: "${signature.scheme}" is none of ${[...named.keys()].join(', ')}`);
    if (scheme === undefined) continue;
    const keys = signature.secrets.flatMap(({ env: variable = '', file: named }, index) => {
      const file = named === undefined ? undefined : resolve(dirname(path), named);
      const key = readKey(scheme, file === undefined ? env[variable] : readSecret(file, read));
      const where = `zaps[${at}].signature.secrets[${index}]`;
      if (key === undefined) faults.push(`${where}: ${file ?? variable} is missing, empty or not as ${signature.scheme} has it`);
      return key ?? [];
    });
    zaps.set(zap, { scheme, keys });
  }
  if (faults.length > 0) throw new ZapsError(`${path} does not fit:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return zaps;
}

/**
 * Lets in whom zaps.json names. Follows it and its secrets' files while the process runs.
 *
 * @throws ZapsError when the file does not fit at the start
 */
export function createDoor(path: string, env: NodeJS.ProcessEnv, log: Logger): Door {
  const zaps = followFiles((read) => loadZaps(path, env, read), {
    ...{ name: 'zaps.json', everyMs: LOOK_EVERY_MS, log },
    describe: ({ size }) => ({ zaps: size }),
  });
  function find({ userId, zapId }: Hook): SignatureCheck | null {
    const check = zaps.current().get(`${userId}/${zapId}`);
    if (check === undefined) throw noSuchHook();
    return check;
  }
  return {
    open: (hook) => void find(hook),
    verify: (hook, headers, body) => {
      const check = find(hook);
      const doubt = check === null ? undefined : findDoubt(check, headers, body);
      if (doubt !== undefined) throw new IngestError('unauthorized', 'The signature is missing, wrong or too old.', new Error(doubt));
    },
  };
}

function readJson(path: string, read: ReadText): unknown {
  try {
    return JSON.parse(read(path));
  } catch (error) {
    if (error instanceof UnreadableError) throw new ZapsError(error.message);
    if (!(error instanceof SyntaxError)) throw error;
    // The rest of the message quotes the text, in which somebody may have put a secret.
    throw new ZapsError(`${path} is not valid JSON ${/at position \d+/.exec(error.message)?.[0] ?? ''}`.trimEnd());
  }
}

/** @returns undefined when it cannot be read */
function readSecret(path: string, read: ReadText): string | undefined {
  try {
    // An editor's last line break is no part of a secret.
    return read(path).replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/** createDoor for the main file: prints the faults and ends the process with 2, as no start can mend them. */
export function doorOrExit(...given: Parameters<typeof createDoor>): Door {
  try {
    return createDoor(...given);
  } catch (error) {
    if (!(error instanceof ZapsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
