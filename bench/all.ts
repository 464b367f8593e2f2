import { spawnSync } from 'node:child_process';

// `npm run bench`: every benchmark, one after the other; about two hours. Those that need a running stack come together.
// BENCH_SKIP=boot,docker leaves some out.

/** They boot what they need. */
const alone = [
  ...['chain', 'latency', 'backlog', 'growth', 'limits', 'peers', 'ingest', 'overload', 'slow-clients', 'hostile'],
  ...['decode', 'exactly-once', 'boot', 'docker'],
];
/** They use the stack of `make up`. */
const onStack = ['cleanup', 'actions', 'console'];

const skipped = process.env.BENCH_SKIP?.split(',') ?? [];
const failed: string[] = [];

/** @returns whether it ended well: for a benchmark, with all goals met */
const npm = (...args: string[]) => spawnSync('npm', ['run', '--silent', ...args], { stdio: 'inherit' }).status === 0;

function bench(name: string): void {
  if (skipped.includes(name)) return;
  process.stdout.write(`\n== ${name}\n`);
  if (!npm(`bench:${name}`)) failed.push(name);
}

alone.forEach(bench);
if (onStack.some((name) => !skipped.includes(name))) {
  if (npm('stack', '--', 'up')) onStack.forEach(bench);
  else failed.push(...onStack);
  npm('stack', '--', 'down');
}
process.stdout.write(`\nnot met, or not ended: ${failed.join(', ') || 'none'}\nnpm run generate writes docs/performance.md\n`);
if (failed.length > 0) process.exitCode = 1;
