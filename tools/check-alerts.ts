import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// A part of `make check`: runs promtool on the configuration, the rules and the tests of deploy/prometheus/.

const cwd = fileURLToPath(new URL('../deploy/prometheus/', import.meta.url));
const promtool = (...args: string[]) => spawnSync('promtool', args, { cwd, encoding: 'utf8' });

if (promtool('--version').error !== undefined) {
  process.stdout.write('The alert rules are not checked: promtool is not installed (Debian: apt-get install prometheus).\n');
} else {
  const runs = [
    promtool('check', 'config', 'prometheus.yml'),
    promtool('check', 'rules', 'alerts.yml'),
    promtool('test', 'rules', 'alerts.test.yml'),
  ];
  for (const { status, stdout, stderr } of runs) {
    if (status === 0) continue;
    process.stderr.write(stdout + stderr);
    process.exitCode = 1;
  }
}
