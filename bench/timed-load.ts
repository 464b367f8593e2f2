import { openLoop } from '../test/support/open-loop.ts';
import { ZAPS } from './whole-stack.ts';

// An open load of 400-byte webhooks that carry the time at which they were due, in its own process. Arguments: the port, the
// rate and the seconds. Prints [due, answered] of each as JSON: milliseconds of the clock that all processes share.

const [port, perSecond, seconds] = process.argv.slice(2).map(Number);
const toShared = Number(process.hrtime.bigint()) / 1e6 - performance.now();
/** To the microsecond. */
const shared = (at: number) => Math.round((at + toShared) * 1000) / 1000;
const rest = 'x'.repeat(360);
const answers = await openLoop(port ?? 0, {
  path: '',
  body: '',
  perSecond: perSecond ?? 0,
  seconds: seconds ?? 0,
  each: (n, dueAt) => ({ path: `/hooks/catch/bench/zap-${n % ZAPS}`, body: JSON.stringify({ due: shared(dueAt), rest }) }),
});
const refused = answers.filter(({ status }) => status !== 200);
if (refused.length > 0) throw new Error(`${refused.length} of ${answers.length} requests were not answered 200`);
process.stdout.write(JSON.stringify(answers.map(({ dueAt, ms }) => [shared(dueAt), shared(dueAt + ms)])));
