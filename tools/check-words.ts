import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

// A part of `make check`: finds house words that readers stumble over, and says what to write instead. words.json has the
// patterns; only such with few false hits belong there. Without arguments it reads all tracked texts:
//   node --import tsx tools/check-words.ts [FILE…]
// Released migrations stay as they are, and lock files are not ours.

interface Word {
  pattern: string;
  write: string;
}

const TEXTS = ['*.ts', '*.js', '*.mjs', '*.java', '*.py', '*.sql', '*.sh', '*.md', '*.yaml', '*.yml', '*.properties', '*.conf'];
const OTHERS = ['Makefile', 'Dockerfile', '*/Dockerfile', '.ci/run', '.env.example'];
const NOT_OURS = [':!prisma/migrations', ':!package-lock.json'];

const tracked = () => {
  const listed = execFileSync('git', ['ls-files', '-z', '--', ...TEXTS, ...OTHERS, ...NOT_OURS], { encoding: 'utf8' });
  return listed.split('\0').filter((path) => path !== '' && existsSync(path));
};

const words = JSON.parse(readFileSync(new URL('words.json', import.meta.url), 'utf8')) as Word[];
const patterns = words.map(({ pattern, write }) => ({ pattern: new RegExp(pattern, 'g'), write }));

const { positionals } = parseArgs({ allowPositionals: true });
const paths = positionals.length > 0 ? positionals : tracked();
for (const path of paths) {
  const lines = readFileSync(path, 'utf8').split('\n');
  for (const [at, line] of lines.entries()) {
    for (const { pattern, write } of patterns) {
      for (const [found] of line.matchAll(pattern)) {
        process.stderr.write(`${path}:${at + 1}: "${found}": write ${write}\n`);
        process.exitCode = 1;
      }
    }
  }
}
