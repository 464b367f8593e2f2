import type { Logger } from 'pino';
import { exitUnfit } from '../kit/settings.ts';
import { IngestError } from './errors.ts';
import { answerOf, doubtToken, findRule, type HookAnswer } from './handshake.ts';
import type { RateLimit } from './rate-limit.ts';
import { verifySignature, type SignatureCheck } from './signature.ts';
import type { HookRequest } from './signed-content.ts';
import { noSuchHook, type Hook } from './webhook.ts';
import { followZaps, ZapsError, type HookSettings, type Zaps } from './zaps.ts';

/** Access control and the settings of each hook. */
export interface AccessControl {
  /** The settings of a hook, read before the body. @throws IngestError not_found (`noSuchHook`) */
  settings(hook: Hook): HookSettings;
  /** The answer to a vendor's check of the URL; undefined for an event. @throws IngestError unauthorized, rate_limited */
  answerHandshake(hook: Hook, settings: HookSettings, request: HookRequest): HookAnswer | undefined;
  /**
   * Verifies the signature on the bytes as they arrived, before they are parsed. The bytes of a GET are its query.
   *
   * @returns the key by which the same signed request is a repeat, if the hook has that setting
   * @throws IngestError unauthorized; rate_limited when the hook got too many wrong signatures
   */
  verify(hook: Hook, settings: HookSettings, request: HookRequest): string | undefined;
}

/**
 * The access control of zaps.json.
 *
 * @param wrongOnes counts wrong signatures and tokens of a hook; a valid one always passes
 */
export function createAccessControl(zaps: () => Zaps, wrongOnes: Pick<RateLimit, 'take'>): AccessControl {
  function refuse(hook: Hook, doubt: string): never {
    const cause = new Error(doubt);
    wrongOnes.take(hook, cause);
    throw new IngestError('unauthorized', 'The signature is missing, wrong or too old.', cause);
  }
  function verify(hook: Hook, check: SignatureCheck, request: HookRequest): string | undefined {
    const checked = verifySignature(check, request);
    return checked.doubt === undefined ? checked.replayKey : refuse(hook, checked.doubt);
  }
  return {
    settings: ({ userId, zapId }) => {
      const settings = zaps().get(`${userId}/${zapId}`);
      if (settings === undefined) throw noSuchHook();
      return settings;
    },
    answerHandshake: (hook, { handshake, signature }, request) => {
      if (handshake === undefined) return undefined;
      const found = findRule(handshake, request);
      if (found === undefined) return undefined;
      const doubt = doubtToken(handshake, found);
      if (doubt !== undefined) refuse(hook, doubt);
      if (found.rule.signed && signature !== undefined) verify(hook, signature, request);
      return answerOf(handshake, found);
    },
    verify: (hook, { signature }, request) => {
      if (signature === undefined) return undefined;
      const replayKey = verify(hook, signature, request);
      return signature.replayIsRepeat ? replayKey : undefined;
    },
  };
}

/**
 * The access control of a ZAPS_FILE; undefined, with a warning, without a file. Prints the faults of a file and ends the process
 * with 2, as no restart can fix them.
 */
export function accessControlOrExit(
  path: string | undefined,
  env: NodeJS.ProcessEnv,
  log: Logger,
  wrongOnes: Pick<RateLimit, 'take'>,
): AccessControl | undefined {
  if (path === undefined) {
    log.warn({ code: 'OPEN_TO_ALL' }, 'anyone may post to any hook: ZAPS_FILE is not set');
    return undefined;
  }
  try {
    return createAccessControl(followZaps(path, env, log), wrongOnes);
  } catch (error) {
    if (!(error instanceof ZapsError)) throw error;
    return exitUnfit(error);
  }
}
