import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

// Runs the command blocks of a page as they are written, from the top: CI types what a reader types.
//   node --import tsx tools/run-doc.ts [--keep-going] PAGE [HEADING]
// Stops at the first failing command, or runs the rest too with --keep-going, and then ends with 1. A block that CI cannot
// run has <!-- not run: reason --> on the line above it.

interface Block {
  line: number;
  commands: string;
  notRun: string | undefined;
}

/** The blocks of shell commands of a page, or of one of its sections with its subsections. */
function blocks(text: string, section: string | undefined): Block[] {
  const found: Block[] = [];
  const lines = text.split('\n');
  let depth = section === undefined ? 0 : Infinity;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const [, marks, title] = /^(#+) (.+)$/.exec(line) ?? [];
    if (section !== undefined && marks !== undefined) {
      if (title === section) depth = marks.length;
      else if (marks.length <= depth) depth = Infinity;
    }
    if (!line.startsWith('```')) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`the block of line ${at + 1} has no end`);
    if (depth < Infinity && /^```(sh|bash|shell)$/.test(line)) {
      const notRun = /^<!-- not run: (.+) -->$/.exec(lines[at - 1] ?? '')?.[1];
      found.push({ line: at + 1, commands: lines.slice(at + 1, end).join('\n'), notRun });
    }
    at = end;
  }
  return found;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'keep-going': { type: 'boolean', default: false } } });
const [page = '', heading] = positionals;
const found = blocks(readFileSync(page, 'utf8'), heading);
if (!found.some(({ notRun }) => notRun === undefined)) {
  process.stderr.write(`${page}${heading === undefined ? '' : `, ${heading}`}: no command block to run\n`);
  process.exitCode = 1;
}
const onError = `echo "FAILED: $BASH_COMMAND" >&2; ${values['keep-going'] ? 'failed=1' : 'exit 1'}`;
for (const { line, commands, notRun } of found) {
  const where = `${page}:${line}`;
  if (notRun !== undefined) {
    process.stdout.write(`${where}: not run: ${notRun}\n`);
    continue;
  }
  process.stdout.write(`${where}:\n${commands.replaceAll(/^/gm, '  $ ')}\n`);
  const script = `trap '${onError}' ERR\n${commands}\nexit \${failed:-0}`;
  if (spawnSync('bash', ['-o', 'pipefail', '-c', script], { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0) continue;
  process.exitCode = 1;
  if (!values['keep-going']) break;
}
