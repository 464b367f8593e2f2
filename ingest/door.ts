import type { Logger } from 'pino';
import type { Door } from './catch-hook.ts';
import { IngestError } from './errors.ts';
import { answerOf, doubtToken, findRule } from './handshake.ts';
import { judgeSignature, type SignatureCheck } from './signature.ts';
import type { HookRequest } from './signed-content.ts';
import { noSuchHook, type Hook } from './webhook.ts';
import { followZaps, ZapsError, type HookSettings, type Zaps } from './zaps.ts';

/** Accepts what zaps.json names, as it says. */
export function createDoor(zaps: () => Zaps): Door {
  function find({ userId, zapId }: Hook): HookSettings {
    const settings = zaps().get(`${userId}/${zapId}`);
    if (settings === undefined) throw noSuchHook();
    return settings;
  }
  const verify = (check: SignatureCheck, request: HookRequest) => {
    const verdict = judgeSignature(check, request);
    if (verdict.doubt !== undefined) throw unauthorized(verdict.doubt);
    return verdict.replayKey;
  };
  return {
    settings: find,
    greet: (hook, request) => {
      const { handshake, signature } = find(hook);
      if (handshake === undefined) return undefined;
      const found = findRule(handshake, request);
      if (found === undefined) return undefined;
      const doubt = doubtToken(handshake, found);
      if (doubt !== undefined) throw unauthorized(doubt);
      if (found.rule.signed && signature !== undefined) verify(signature, request);
      return answerOf(handshake, found);
    },
    verify: (hook, request) => {
      const { signature } = find(hook);
      if (signature === undefined) return undefined;
      const replayKey = verify(signature, request);
      return signature.replayIsRepeat ? replayKey : undefined;
    },
  };
}

const unauthorized = (doubt: string) => new IngestError('unauthorized', 'The signature is missing, wrong or too old.', new Error(doubt));

/** The door of a ZAPS_FILE for the main file: prints the faults and ends the process with 2, as no restart can fix them. */
export function doorOrExit(path: string, env: NodeJS.ProcessEnv, log: Logger): Door {
  try {
    return createDoor(followZaps(path, env, log));
  } catch (error) {
    if (!(error instanceof ZapsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
