import { openLoop, quantile, type OpenLoad } from '../test/support/open-loop.ts';

// The open load, in its own process. Arguments: the port, and the load as JSON. Prints its result as JSON.

const [port, load = '{}'] = process.argv.slice(2);
const { seconds, ...rest } = JSON.parse(load) as OpenLoad;
const answers = await openLoop(Number(port), { ...rest, seconds });
const of = (wanted: (status: number) => boolean) => answers.filter(({ status }) => wanted(status)).map(({ ms }) => ms);
const [stored, refused] = [of((status) => status === 200), of((status) => status === 503)];
const times = (ms: number[]) => ({ perSecond: ms.length / seconds, p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) });
process.stdout.write(
  JSON.stringify({ stored: times(stored), refused: times(refused), others: answers.length - stored.length - refused.length }),
);
process.exit();
