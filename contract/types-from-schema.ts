import avsc from 'avsc';

interface RecordSchema {
  name: string;
  doc?: string;
  fields: { name: string; type: avsc.Schema; doc?: string }[];
}

const primitives: Record<string, string> = {
  ...{ null: 'null', boolean: 'boolean', string: 'string', bytes: 'Buffer' },
  ...{ int: 'number', long: 'number', float: 'number', double: 'number' },
};

/** The TypeScript type of a value that avsc decodes. References to named types are not supported. */
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

const comment = (doc: string | undefined) => (doc === undefined ? '' : `/** ${doc} */\n`);

/**
 * The source file of an event's type and its reader schema, unformatted. It holds the only cast of a consumer, which is
 * safe because type and schema are written from the same file.
 *
 * @param text an Avro record schema
 * @param source its file, for the first line
 * @throws when the text is not an Avro schema, or has an unsupported type
 */
export function typesFromSchema(text: string, source: string): string {
  const schema = JSON.parse(text) as RecordSchema;
  avsc.Type.forSchema(schema as unknown as avsc.Schema); // Throws when it is not an Avro schema.
  const fields = schema.fields.map(({ name, type, doc }) => `${comment(doc)}${name}: ${typeOf(type)};`).join('\n');
  const constant = schema.name.charAt(0).toLowerCase() + schema.name.slice(1);
  return `// Generated from ${source} by npm run generate. Do not edit.
import type { ReaderSchema } from './event.ts';

${comment(schema.doc)}export interface ${schema.name} {
${fields}
}

/** The schema that this consumer reads with, whatever a record was written with. */
export const ${constant}: ReaderSchema<${schema.name}> = {
  typed: (decoded) => decoded as ${schema.name},
  schema: ${JSON.stringify(schema)},
};
`;
}
