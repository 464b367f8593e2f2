import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checks } from '../operate/diagnose.ts';

const root = new URL('../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');
const rooms = ['contract', 'kit', 'checks', 'ingest', 'connect', 'watch', 'cleanup', 'consumers-example', 'operate', 'stack', 'prisma'];

/** Written like codes, and printed by nobody as one: names of Node, of Kafka's grants, of a file of Postgres, of the registry's rule, and of secrets. */
const others =
  /^(ERR_|HPE_|(ALTER|DESCRIBE)_CONFIGS$|TRANSACTIONAL_ID$|SASL_PLAINTEXT$|PG_VERSION$|BACKWARD_TRANSITIVE$|(OWNER|INGEST|CDC|CLEANUP|OPERATOR|ACTIONS|REGISTRY|POSTGRES)_PASSWORD$|ECHO_(URL|SECRET)$)/;

test('every code that the program prints is explained in docs/troubleshooting.md', () => {
  const files = execFileSync('git', ['ls-files', '-z', ...rooms.map((room) => `${room}/*.ts`)], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && !path.includes('.test.'));
  const upper = files.flatMap((path) => [...text(path).matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code = '']) => code));
  const settings = new Set(text('docs/settings.md').match(/\b[A-Z]+(_[A-Z]+)+\b/g));
  const codes = [...new Set([...upper, ...checks.map(({ code }) => code)])].filter((code) => !settings.has(code) && !others.test(code));
  expect(codes).toContain('FILE_MISSING');
  const explained = new Set(text('docs/troubleshooting.md').match(/\b[A-Z]+(_[A-Z]+)*\b/g));
  expect(codes.filter((code) => !explained.has(code)).sort()).toEqual([]);
});
