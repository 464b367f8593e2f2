import autocannon from 'autocannon';

// The load generator, in its own process. Arguments: URL, connections, seconds, requests per second for an open load (none:
// closed, each connection waits for its answer), and the number of zaps, which is appended to the URL. Prints its result
// as JSON.

const [url = '', connections, seconds, rate = '', zaps] = process.argv.slice(2);
const hooks = zaps === undefined ? [url] : Array.from({ length: Number(zaps) }, (_, zap) => `${url}${zap}`);
// 400 bytes, as compact as senders write it.
const body = JSON.stringify({ text: 'x'.repeat(389) });
const result = await autocannon({
  url: hooks[0] ?? '',
  requests: hooks.map((hook) => ({ path: new URL(hook).pathname })),
  connections: Number(connections),
  duration: Number(seconds),
  ...(rate === '' ? {} : { overallRate: Number(rate) }),
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body,
});
const { requests, latency, errors, non2xx } = result;
process.stdout.write(
  JSON.stringify({ perSecond: requests.total / result.duration, p50: latency.p50, p99: latency.p99, faults: errors + non2xx }),
);
