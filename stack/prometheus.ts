import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StackConfig } from './config.ts';
import { portsOf } from './copies.ts';
import { StackError } from './errors.ts';
import { requireFreePorts } from './ports.ts';
import type { Say } from './stack.ts';

// Prometheus on the embedded stack: the program of this machine with the rules and the targets of deploy/prometheus/.

const folder = fileURLToPath(new URL('../deploy/prometheus/', import.meta.url));

/** deploy/prometheus/prometheus.yml with this stack's ports in place of compose's addresses. */
export function embeddedScrapes(config: StackConfig, text = readFileSync(join(folder, 'prometheus.yml'), 'utf8')): string {
  return text.replace(/'(ingest|cleanup|watch|consumer|actions):\d+'/g, (_all, part: string) => {
    const ports = portsOf(config, `${part.toUpperCase()}_METRICS_PORT` as 'INGEST_METRICS_PORT');
    return ports.map((port) => `'127.0.0.1:${port}'`).join(', ');
  });
}

/**
 * Starts Prometheus on PROMETHEUS_PORT with its data in the stack's folder.
 *
 * @param edit changes the rules, for a test that cannot wait for minutes
 * @throws StackError NO_PROMETHEUS where this machine has none
 */
export function startPrometheus(config: StackConfig, edit: (rules: string) => string = (rules) => rules): ChildProcess {
  if (spawnSync('prometheus', ['--version']).error !== undefined)
    throw new StackError('NO_PROMETHEUS', 'Prometheus is not installed (Debian: apt-get install prometheus).');
  const home = join(config.dir, 'prometheus');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'prometheus.yml'), embeddedScrapes(config));
  writeFileSync(join(home, 'alerts.yml'), edit(readFileSync(join(folder, 'alerts.yml'), 'utf8')));
  const args = [
    `--config.file=${join(home, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(home, 'data')}`,
    `--web.listen-address=127.0.0.1:${config.PROMETHEUS_PORT}`,
  ];
  return spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'ignore'] });
}

/** Serves Prometheus until it is interrupted. */
export async function openPrometheus(config: StackConfig, say: Say): Promise<void> {
  await requireFreePorts(config, ['PROMETHEUS_PORT']);
  const child = startPrometheus(config);
  say(`Prometheus: http://localhost:${config.PROMETHEUS_PORT}/alerts  Ctrl-C ends it.`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill('SIGTERM'));
  await new Promise((resolve) => child.once('exit', resolve));
}
