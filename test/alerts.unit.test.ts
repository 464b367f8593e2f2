import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

// What promtool cannot check of the alert rules: that the metrics exist, and that each rule has a runbook and tests.

const root = new URL('../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');
interface Rule {
  alert: string;
  expr: string;
  annotations: { summary: string; runbook_url: string };
}
const { groups } = parse(text('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const sources = execFileSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => /^(ingest|watch|cleanup|consumers-example|kit)\//.test(path))
  .map(text)
  .join('\n');
const metricsOf = (expression: string) =>
  [...expression.matchAll(/\boutbox_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));

describe('each alert', () => {
  test('uses only metrics that a service has', () => {
    expect(rules.length).toBeGreaterThan(15);
    const unknown = rules.flatMap(({ expr }) => metricsOf(expr)).filter((name) => !sources.includes(`'${name}'`));
    expect(unknown).toEqual([]);
  });

  test('links to its own section in docs/operations.md', () => {
    const headings = [...text('docs/operations.md').matchAll(/^### (\w+)$/gm)].map(([, title = '']) => title);
    expect(headings).toEqual(rules.map(({ alert }) => alert));
    for (const { alert, annotations } of rules) expect(annotations.runbook_url).toBe(`docs/operations.md#${alert.toLowerCase()}`);
  });

  test('has a test in which it fires and one in which it is silent', () => {
    const { tests } = parse(text('deploy/prometheus/alerts.test.yml')) as { tests: { name: string }[] };
    expect(tests.map(({ name }) => name)).toEqual(rules.flatMap(({ alert }) => [`${alert} fires`, `${alert} silent`]));
  });
});

test('the dashboard shows only metrics that a service has', () => {
  const shown = metricsOf(text('deploy/grafana/dashboard.json'));
  expect(shown.length).toBeGreaterThan(15);
  expect(shown.filter((name) => !sources.includes(`'${name}'`))).toEqual([]);
});
