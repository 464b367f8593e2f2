import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** The errors of `make check` in a tree of these files with these imports: `rule: from → to`. */
function broken(imports: Record<string, string[]>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'import-law-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [file, targets] of Object.entries(imports)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    const lines = targets.map((target, index) => `import type { it as it${index} } from '${target}';\n`);
    writeFileSync(join(root, file), `${lines.join('')}export const it = 1;\n`);
  }
  const args = [path('node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), '--config', path('.dependency-cruiser.mjs')];
  const { stdout } = spawnSync(process.execPath, [...args, '--output-type', 'json', '.'], { cwd: root, encoding: 'utf8' });
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string }; from: string; to: string }[] } };
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`).sort();
}

test('a service imports only the ground and itself', { timeout: 120_000 }, () => {
  const imports = {
    'contract/names.ts': [],
    'contract/event.ts': ['../kit/metrics.ts'],
    'kit/metrics.ts': ['../contract/names.ts'],
    'kit/process.ts': ['../ingest/main.ts'],
    'checks/slot.ts': ['../kit/metrics.ts', '../contract/names.ts'],
    'ingest/main.ts': ['./app.ts', '../contract/names.ts', '../checks/slot.ts'],
    'ingest/app.ts': [],
    'ingest/app.unit.test.ts': ['../cleanup/main.ts'],
    'cleanup/main.ts': ['../ingest/app.ts'],
    'watch/rules.ts': ['../test/support/names.ts'],
    'test/support/names.ts': ['../../ingest/app.ts'],
    'consumers-example/consumer/batches.ts': ['../actions/main.ts'],
    'consumers-example/actions/main.ts': [],
  };
  expect(broken(imports)).toEqual([
    'consumer-can-be-copied: consumers-example/consumer/batches.ts → consumers-example/actions/main.ts',
    'contract-needs-nothing-of-ours: contract/event.ts → kit/metrics.ts',
    'no-code-of-another-service: cleanup/main.ts → ingest/app.ts',
    'no-code-of-another-service: kit/process.ts → ingest/main.ts',
    'no-code-of-another-service: watch/rules.ts → test/support/names.ts',
  ]);
});

test('files that import each other are an error, even for a type', { timeout: 120_000 }, () => {
  const found = broken({ 'ingest/a.ts': ['./b.ts'], 'ingest/b.ts': ['./c.ts'], 'ingest/c.ts': ['./a.ts'] });
  expect(new Set(found.map((fault) => fault.split(':')[0]))).toEqual(new Set(['no-circle']));
});
