import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyProduct } from '../support/copy-of-product.ts';
import { mutants, type Mutant } from './mutants.ts';

// `make faults/mutants [MUTANT=name]`: tests the checker. Each mutant is planted in a copy of the working tree, and a run
// with the schedule that reveals it must fail by its invariant.

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = resolve(process.env.FAULTS_DIR ?? join(root, '.stack/mutants'));
const wanted = process.env.MUTANT;

/** @returns the invariants that were found broken, and everything that was printed */
async function run({ schedule, env }: Mutant, copy: string): Promise<{ broken: string[]; output: string }> {
  const settings = { SEED: '1', EVENTS: '2000', RATE: '100', REST_SECONDS: '90', RECOVER_SECONDS: '3600', ...env, SCHEDULE: schedule };
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/faults/run.ts'], {
    cwd: copy,
    env: { ...process.env, STACK_JARS: resolve(root, process.env.STACK_JARS ?? '.stack/jars'), ...settings, FAULTS_DIR: '.stack/faults' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((end) => child.once('close', end));
  return { broken: /FAILED: (.*) do not hold/.exec(output)?.[1]?.split(', ') ?? [], output };
}

let missed = 0;
for (const mutant of mutants.filter(({ name }) => wanted === undefined || name === wanted)) {
  const copy = join(folder, mutant.name.replaceAll(/[^a-z0-9]+/gi, '-'));
  copyProduct(copy, mutant.edits);
  const { broken, output } = await run(mutant, copy);
  const caught = mutant.caughtBy.some((invariant) => broken.includes(invariant));
  if (!caught) missed += 1;
  writeFileSync(`${copy}.log`, output);
  process.stdout.write(
    `${caught ? 'caught' : /FAILED:|every promise held/.test(output) ? 'MISSED' : 'NO VERDICT'}: ${mutant.name}, by ${broken.join(', ') || 'nothing'} (${mutant.schedule}); see ${copy}.log\n`,
  );
  if (caught) rmSync(copy, { recursive: true, force: true });
}
process.exitCode = missed > 0 ? 1 : 0;
