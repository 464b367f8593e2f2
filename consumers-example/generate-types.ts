import { readFileSync, writeFileSync } from 'node:fs';
import avsc from 'avsc';
import { format, resolveConfig } from 'prettier';

// `npm run generate`: writes zap-run.ts from the schema. `npm run generate -- --check` only says whether it is stale.

const source = new URL('../connect/schemas/zap-run.avsc', import.meta.url);
const target = new URL('zap-run.ts', import.meta.url);

interface Field {
  name: string;
  type: avsc.Schema;
  doc?: string;
}
type RecordSchema = { name: string; doc?: string; fields: Field[] };

const primitives: Record<string, string> = {
  ...{ null: 'null', boolean: 'boolean', string: 'string', bytes: 'Buffer' },
  ...{ int: 'number', long: 'number', float: 'number', double: 'number' },
};

/** The TypeScript type of what avsc decodes. Named types other than the record itself are not used by our schemas. */
function typeOf(schema: avsc.Schema): string {
  if (Array.isArray(schema)) return schema.map((branch) => typeOf(branch as avsc.Schema)).join(' | ');
  if (typeof schema === 'string') {
    const primitive = primitives[schema];
    if (primitive === undefined) throw new Error(`no TypeScript type for the Avro type "${schema}"`);
    return primitive;
  }
  const { type, items, values, symbols } = schema as unknown as Record<string, avsc.Schema>;
  if (type === 'array' && items !== undefined) return `(${typeOf(items)})[]`;
  if (type === 'map' && values !== undefined) return `Record<string, ${typeOf(values)}>`;
  if (type === 'enum') return (symbols as unknown as string[]).map((symbol) => `'${symbol}'`).join(' | ');
  if (type === undefined || type === 'record' || type === 'fixed') throw new Error(`no TypeScript type for ${JSON.stringify(schema)}`);
  return typeOf(type);
}

function comment(doc: string | undefined): string {
  return doc === undefined ? '' : `/** ${doc} */\n`;
}

async function generate(): Promise<string> {
  const schema = JSON.parse(readFileSync(source, 'utf8')) as RecordSchema;
  avsc.Type.forSchema(schema as unknown as avsc.Schema); // Throws when it is no Avro schema.
  const fields = schema.fields.map(({ name, type, doc }) => `${comment(doc)}${name}: ${typeOf(type)};`).join('\n');
  const constant = schema.name.charAt(0).toLowerCase() + schema.name.slice(1);
  const text = `// Generated from connect/schemas/zap-run.avsc by npm run generate. Do not edit.
import type { ReaderSchema } from './decode.ts';

${comment(schema.doc)}export interface ${schema.name} {
${fields}
}

/** The schema that this consumer reads with, whatever a record was written with. */
export const ${constant}: ReaderSchema<${schema.name}> = { typed: (decoded) => decoded as ${schema.name}, schema: ${JSON.stringify(schema)} };
`;
  return format(text, { ...(await resolveConfig(target)), parser: 'typescript' });
}

const text = await generate();
if (!process.argv.includes('--check')) writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text) {
  process.stderr.write('consumers-example/zap-run.ts does not fit connect/schemas/zap-run.avsc. Run: npm run generate\n');
  process.exitCode = 1;
}
