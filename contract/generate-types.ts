import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { typesFromSchema } from './types-from-schema.ts';

// `npm run generate`: writes NAME.ts from each contract/schemas/NAME.avsc. With --check it only reports stale files.

const schemas = new URL('schemas/', import.meta.url);

for (const file of readdirSync(schemas).filter((name) => name.endsWith('.avsc'))) {
  const target = new URL(file.replace(/\.avsc$/, '.ts'), import.meta.url);
  const text = typesFromSchema(readFileSync(new URL(file, schemas), 'utf8'), `contract/schemas/${file}`);
  const formatted = await format(text, { ...(await resolveConfig(target)), parser: 'typescript' });
  if (!process.argv.includes('--check')) writeFileSync(target, formatted);
  else if (!existsSync(target) || readFileSync(target, 'utf8') !== formatted) {
    process.stderr.write(`${target.pathname} is stale: it differs from contract/schemas/${file}. Run: npm run generate\n`);
    process.exitCode = 1;
  }
}
