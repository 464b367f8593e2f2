import type { Random } from './random.ts';

/** A posted body, and the text that must arrive. */
export interface Body {
  contentType: string | undefined;
  sent: string;
  metadata: string;
}

/** JSON that parsers and databases tend to change. Each must arrive with exactly this text. */
const nasty: readonly string[] = [
  '{}',
  'null',
  '"\\u0000"',
  '"\\ud800"',
  '9007199254740993',
  '[18446744073709551615,-0,1e400,0.1,1E-7]',
  '{"a":1,"a":2,"2":0,"1":0}',
  '{"__proto__":{"admin":true},"constructor":1}',
  '{ "spaces" :\t[ 1 , 2 ]\n}',
  '"\u2028 😀 é ﷽"',
  '"\\ud83d\\ude00\\/"',
  `${'['.repeat(100)}${']'.repeat(100)}`,
  '"); DROP TABLE zap_run_outbox; --"',
];

/** @param op goes into the body, so that a record identifies its event */
export function bodyOf(op: string, random: Random): Body {
  if (random.next() < 0.1) {
    return {
      contentType: 'application/x-www-form-urlencoded',
      sent: `op=${op}&a=1&b=%C3%A9&a=+2`,
      metadata: `{"op":"${op}","a":["1"," 2"],"b":"é"}`,
    };
  }
  const sent = `{"op":"${op}","nasty":${random.pick(nasty)},"filler":"${'x'.repeat(sizeOf(random))}"}`;
  return { contentType: random.pick(['application/json', 'application/vnd.faults+json', undefined]), sent, metadata: sent };
}

/** Mostly small, sometimes large, seldom near the limit. */
function sizeOf(random: Random): number {
  const kind = random.next();
  if (kind < 0.9) return random.between(0, 600);
  return kind < 0.998 ? random.between(1000, 20_000) : random.between(100_000, 450_000);
}
