import avsc from 'avsc';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** The schema of an event, with every released version of it. */
export interface SchemaHistory {
  name: string;
  current: string;
  /** File name → text. */
  released: Readonly<Record<string, string>>;
}

/**
 * Checks, without a registry, that `current` is BACKWARD_TRANSITIVE: it reads events of every released version, and no
 * field has another logical type.
 *
 * @returns one sentence per fault, with its remedy
 */
export function schemaFaults({ name, current, released }: SchemaHistory): string[] {
  let reader: avsc.Type;
  try {
    reader = avsc.Type.forSchema(JSON.parse(current) as avsc.Schema);
  } catch (error) {
    return [`${name}.avsc is not an Avro schema: ${textOf(error)}`];
  }
  const faults = Object.entries(released).flatMap(([file, text]) => {
    try {
      reader.createResolver(avsc.Type.forSchema(JSON.parse(text) as avsc.Schema));
    } catch (error) {
      return [
        `${name}.avsc cannot read events written with ${file}: ${textOf(error)}. ` +
          'Add fields with a default, rename fields with an alias, and change no type.',
      ];
    }
    return changedMeanings(text, current).map(
      (path) => `${name}.avsc gives ${path} another logical type than ${file}: old values would be read wrongly. Add a new field instead.`,
    );
  });
  const isReleased = Object.values(released).some((text) => canonical(text) === canonical(current));
  if (faults.length === 0 && !isReleased) {
    const next = `${name}.v${Object.keys(released).length + 1}.avsc`;
    faults.push(
      `${name}.avsc is in no file of contract/schemas/released/, so later changes would not be checked against it. Copy it to ${next}.`,
    );
  }
  return faults;
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const canonical = (text: string) => JSON.stringify(JSON.parse(text));

/** Fields whose logical type changed. Avro's resolution compares only the underlying types. */
function changedMeanings(before: string, after: string): string[] {
  const meant = meanings(JSON.parse(before) as Json);
  return [...meanings(JSON.parse(after) as Json)].filter(([path, type]) => (meant.get(path) ?? type) !== type).map(([path]) => path);
}

/** Path of each field → its logical type, '' for none. */
function meanings(schema: Json, path = '', found = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(schema)) for (const branch of schema) meanings(branch, path, found);
  else if (typeof schema === 'object' && schema !== null) {
    const { logicalType, type, fields, items, values } = schema;
    if (typeof logicalType === 'string') found.set(path, logicalType);
    else if (path !== '' && typeof type === 'string' && !found.has(path)) found.set(path, '');
    for (const nested of [type, items, values]) if (nested !== undefined && typeof nested !== 'string') meanings(nested, path, found);
    for (const field of Array.isArray(fields) ? fields : []) {
      if (typeof field !== 'object' || field === null || Array.isArray(field) || typeof field.name !== 'string') continue;
      const here = path === '' ? field.name : `${path}.${field.name}`;
      found.set(here, '');
      meanings(field.type ?? null, here, found);
    }
  }
  return found;
}
