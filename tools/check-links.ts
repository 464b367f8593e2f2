import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { documents } from './documents.ts';

// A part of `make check`: every relative link of a Markdown page leads to a file, and its anchor to a heading of that file.

const withoutCode = (text: string) => text.replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, '');

/** The anchors of a page, as GitHub makes them from its headings. */
function anchors(path: string): Set<string> {
  const text = readFileSync(path, 'utf8').replaceAll(/^```.*?^```/gms, '');
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
  return new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slug(heading)));
}

const faults: string[] = [];
for (const page of documents()) {
  for (const [, target = ''] of withoutCode(readFileSync(page, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : resolve(dirname(page), path);
    const where = `${relative(process.cwd(), page)}: ${target}`;
    if (!existsSync(file)) faults.push(`${where}: no such file`);
    else if (anchor !== undefined && !anchors(file).has(anchor)) faults.push(`${where}: no such heading`);
  }
}
if (faults.length > 0) {
  process.stderr.write(`Links that lead nowhere:\n${faults.map((fault) => `  ${fault}`).join('\n')}\n`);
  process.exitCode = 1;
}
