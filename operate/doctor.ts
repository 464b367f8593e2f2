import { Command } from '@commander-js/extra-typings';
import type { Finding } from '../checks/check.ts';
import { checks, diagnose } from './diagnose.ts';
import type { Run } from './verb.ts';

export const doctor = (run: Run) =>
  new Command('doctor')
    .description('checks everything; exit code 0: well or only weak, 1: broken, 2: unsafe')
    .option('--json', 'the findings as JSON')
    .action(({ json }) =>
      run(async (config) => {
        const findings = await diagnose(config);
        process.stdout.write(json ? `${JSON.stringify({ checks: checks.length, findings }, null, 2)}\n` : table(findings));
        if (findings.some(({ grade }) => grade === 'unsafe')) return 2;
        return findings.some(({ grade }) => grade === 'broken') ? 1 : 0;
      }),
    );

function table(findings: readonly Finding[]): string {
  const blocks = findings.map(({ code, grade, found, why, remedy }) =>
    [`${grade.padEnd(7)} ${code.padEnd(22)} ${found}`, `${''.padEnd(31)}why: ${why}`, `${''.padEnd(31)}do:  ${remedy}`].join('\n'),
  );
  const count = (wanted: Finding['grade']) => findings.filter(({ grade }) => grade === wanted).length;
  const sum = `${checks.length} checks: ${count('unsafe')} unsafe, ${count('broken')} broken, ${count('weak')} weak`;
  return `${[...blocks, sum].join('\n')}\n`;
}
