import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutants } from './mutants.ts';

const root = new URL('../../', import.meta.url);

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s can be planted in the code as it is', (_name, { edits }) => {
  for (const { file, find } of edits) {
    const path = new URL(file, root);
    const times = existsSync(path) ? readFileSync(path, 'utf8').split(find).length - 1 : 0;
    expect([file, find, times]).toEqual([file, find, 1]);
  }
});
