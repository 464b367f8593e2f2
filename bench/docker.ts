import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { projectName, readPins } from '../stack/compose.ts';
import { readStackConfig } from '../stack/config.ts';
import { machine } from './machine.ts';

// `npm run bench:docker`, with a Docker engine and no running stack: the size of the images, how long a warm `make up`
// takes (three times), and how much memory the stack then uses. Writes bench/results/docker.json.

const on = machine();
const GOALS = { warmSeconds: 45, connectImageMb: 500, addedToNodeMb: 150, memoryMb: 2560 };
const ROUNDS = 3;

function make(verb: string): { seconds: number; output: string } {
  const began = performance.now();
  const run = spawnSync('make', [verb], { encoding: 'utf8', env: { ...process.env, STACK: 'docker' } });
  if (run.status !== 0) throw new Error(`make ${verb} failed: ${run.stderr}`);
  return { seconds: (performance.now() - began) / 1000, output: run.stdout };
}

const imageMb = (image: string) =>
  Number(execFileSync('docker', ['image', 'inspect', '--format', '{{.Size}}', image], { encoding: 'utf8' })) / 1e6;

const project = projectName(readStackConfig(process.env).dir);
try {
  make('up');
  const warm = Array.from({ length: ROUNDS }, () => {
    make('down');
    return make('up').seconds;
  }).toSorted((a, b) => a - b);
  const memoryMb = Number(/in all\s+(\d+) MB/.exec(make('status').output)?.[1] ?? NaN);
  const result = {
    ...on,
    warm,
    memoryMb,
    connectImageMb: imageMb(`${project}-connect`),
    addedToNodeMb: imageMb(`${project}-typescript`) - imageMb(process.env.NODE_IMAGE ?? readPins().NODE_IMAGE ?? ''),
  };
  writeFileSync(new URL('results/docker.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  const reached: Record<keyof typeof GOALS, number> = { ...result, warmSeconds: warm[Math.floor(ROUNDS / 2)] ?? NaN };
  for (const [name, goal] of Object.entries(GOALS) as [keyof typeof GOALS, number][]) {
    process.stdout.write(`${name}: ${reached[name].toFixed(1)}, goal ${goal}: ${reached[name] <= goal ? 'met' : 'NOT met'}\n`);
  }
} finally {
  spawnSync('make', ['down']);
}
