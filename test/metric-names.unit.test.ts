import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

// All metrics have one naming scheme: outbox_<part>_<what>, followed by the unit or _total.

const root = new URL('../', import.meta.url);
const listed = execFileSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8' }).split('\n');
const services = listed.filter((path) => /^(ingest|watch|cleanup|consumers-example|kit)\//.test(path) && !path.endsWith('.test.ts'));
/** The names of the metrics in a file. */
const namesIn = (text: string) =>
  [...text.matchAll(/(?:new (?:Counter|Gauge|Histogram)(?:<[^>]*>)?\(\{[^}]*?name: |\b(?:gauge|counter)\()(['`])([^'`]+)\1/g)].map(
    ([, , name = '']) => name,
  );
const parts: Record<string, string> = {
  'ingest/': 'ingest',
  'watch/': 'watch',
  'cleanup/': 'cleanup',
  'consumers-example/consumer/': 'consumer',
  'consumers-example/actions/': 'actions',
  'kit/': 'alarms',
};

test('each metric is named after its part', () => {
  const seen = new Set<string>();
  for (const path of services) {
    const part = Object.entries(parts).find(([folder]) => path.startsWith(folder))?.[1] ?? 'none';
    for (const name of namesIn(readFileSync(new URL(path, root), 'utf8'))) {
      seen.add(part);
      expect([path, name]).toEqual([path, expect.stringMatching(new RegExp(`^outbox_${part}_[a-z_]+$`)) as string]);
    }
  }
  expect([...seen].sort()).toEqual(Object.values(parts).sort());
});
