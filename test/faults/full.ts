import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { resultPath } from './results.ts';

// `make faults/full`: ten seeds of 100,000 events. Seeds with stored figures are skipped, so an interrupted run continues
// where it was. The profiles take turns, and every second seed of each has the long freezes too.

const folder = fileURLToPath(new URL('../../bench/results/faults', import.meta.url));
const main = fileURLToPath(new URL('run.ts', import.meta.url));
const SEEDS = 10;

let failed = 0;
for (let seed = 1; seed <= SEEDS; seed += 1) {
  const PROFILE = seed % 2 === 0 ? 'cluster' : 'single';
  if (existsSync(resultPath(folder, `${PROFILE}-${seed}`))) continue;
  const size = { PROFILE, SEED: String(seed), EVENTS: '100000', KILLS: '60', OTHERS: '60', RATE: '200', RESULTS: folder };
  const long = seed % 4 > 1 ? { ALWAYS: 'slot dropped,long freeze' } : {};
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', main], {
    stdio: 'inherit',
    env: { ...process.env, ...size, ...long },
  });
  if (status !== 0) failed += 1;
}
process.exitCode = failed > 0 ? 1 : 0;
