import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { z } from 'zod';
import type { ReadText } from './follow-files.ts';
import { matchesGlob } from './glob.ts';

// How a file such as zaps.json or actions.json refers to a secret. It names the place and never holds the secret, as the
// file may be in a repository.

export const NOT_A_REFERENCE = 'expected env:NAME or file:path; a secret does not belong in this file';
const REFERENCE = /^(env|file):(.+)$/s;

export interface SecretReference {
  kind: 'env' | 'file';
  name: string;
}

/** @returns the reference, or what is wrong with it */
function parse(value: unknown): SecretReference | string {
  if (typeof value === 'string') {
    const [, kind, name] = REFERENCE.exec(value) ?? [];
    return kind === undefined || name === undefined ? NOT_A_REFERENCE : { kind: kind as SecretReference['kind'], name };
  }
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const [[kind, name] = ['', ''], ...more] = entries as [string, unknown][];
  if ((kind !== 'env' && kind !== 'file') || typeof name !== 'string' || name === '') return NOT_A_REFERENCE;
  return more.length > 0 ? 'expected either "env" or "file", and nothing else' : { kind, name };
}

const parsed = (value: unknown, context: z.RefinementCtx): SecretReference => {
  const reference = parse(value);
  if (typeof reference !== 'string') return reference;
  context.addIssue(reference);
  return z.NEVER;
};

/** Parses a reference without a schema. @throws Error saying what is wrong */
export function toReference(value: unknown): SecretReference {
  const reference = parse(value);
  if (typeof reference === 'string') throw new Error(reference);
  return reference;
}

/** `"env:NAME"` or `"file:path"`; also `{"env": "NAME"}` and `{"file": "path"}`. */
export const secretReference = () => z.unknown().transform(parsed);

/** A plain text, or a reference to one. */
export const textOrReference = () =>
  z.unknown().transform((value, context): string | SecretReference => {
    const isText = typeof value === 'string' && !/^(env|file):/.test(value);
    return isText ? value : parsed(value, context);
  });

export interface SecretSources {
  env: Readonly<Record<string, string | undefined>>;
  /** Reads a file; a caller may also follow it. */
  read: ReadText;
  /** The folder of the file that refers to secrets. Their relative paths start there. */
  folder: string;
  /** For secrets that leave the process: which ones may, and the settings that allow more. */
  limits?: { envNames: readonly string[]; envSetting: string; filesBelow: string; filesSetting: string };
}

export const describeReference = ({ kind, name }: SecretReference): string => `${kind}:${name}`;

/**
 * Reads the secret. A line break at the end of a file is not part of it: editors and `echo` add it.
 *
 * @throws Error naming a secret that is missing, empty or not allowed; the message never has its value
 */
export function readSecret(reference: SecretReference, { env, read, folder, limits }: SecretSources): string {
  const { kind, name } = reference;
  if (kind === 'env' && limits !== undefined && !limits.envNames.some((pattern) => matchesGlob(pattern, name)))
    throw new Error(
      `${describeReference(reference)} is not one of ${limits.envNames.join(', ')}: add it to ${limits.envSetting} if it is meant`,
    );
  const path = resolve(folder, name);
  if (kind === 'file' && limits !== undefined && !isBelow(path, limits.filesBelow))
    throw new Error(`${describeReference(reference)} is not below ${limits.filesBelow}: set ${limits.filesSetting} if it is meant`);
  const value = kind === 'file' ? read(path).replace(/\r?\n$/, '') : Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined || value === '')
    throw new Error(`${describeReference(reference)} is ${value === undefined ? 'not set' : 'empty'}`);
  return value;
}

/** Links are resolved first, as a mounted secret is a link. */
function isBelow(path: string, folder: string): boolean {
  const real = (one: string) => {
    try {
      return realpathSync(one);
    } catch {
      return one; // Reading it says what is wrong.
    }
  };
  const inside = relative(real(folder), real(path));
  // A name may begin with `..`: Kubernetes mounts a secret as a link into a folder such as ..2026_11_30.
  return !/^\.\.(\/|$)/.test(inside) && !isAbsolute(inside);
}
