import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { typesFromSchema } from '../contract/types-from-schema.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const schema = readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8');

const { config } = ts.readConfigFile(path('../tsconfig.json'), ts.sys.readFile) as { config: object };
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, path('..'));
const host = ts.createCompilerHost(options);
const files = new Map<string, ts.SourceFile | undefined>();

/** The compiler's errors in main.ts with a zap-run.ts generated from this schema. */
function compileMainWith(schemaText: string): string[] {
  const getSourceFile: ts.CompilerHost['getSourceFile'] = (name, version) => {
    if (name === path('../contract/zap-run.ts')) return ts.createSourceFile(name, typesFromSchema(schemaText, 'a test'), version);
    if (!files.has(name)) files.set(name, host.getSourceFile(name, version));
    return files.get(name);
  };
  const program = ts.createProgram([path('main.ts')], options, { ...host, getSourceFile });
  return program
    .getSemanticDiagnostics(program.getSourceFile(path('main.ts')))
    .map(({ file, messageText }) => `${file?.fileName.split('/').at(-1)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

describe('main.ts', { timeout: 120_000 }, () => {
  test('compiles with the type of the schema', () => {
    expect(compileMainWith(schema)).toEqual([]);
  });

  test('does not compile once a field that it uses is renamed', () => {
    expect(compileMainWith(schema.replace('"name": "metadata"', '"name": "body"'))).toEqual([
      expect.stringMatching(/^main\.ts: Property 'metadata' does not exist on type 'ZapRunCreated'/),
    ]);
  });

  test('does not compile once a field that it uses has another type', () => {
    const changed = schema.replace('{ "type": "long", "logicalType": "timestamp-millis" }', '["null", "long"]');
    expect(compileMainWith(changed)).toEqual([expect.stringMatching(/^main\.ts: /)]);
  });
});

test('only the generated file of a consumer casts decoded records', () => {
  const casting = ['main.ts', 'consumer/decode.ts', 'consumer/kafka.ts', 'consumer/work-off.ts', 'consumer/batches.ts'].filter((name) =>
    / as (?!const\b|unknown\b)[A-Z]/.test(readFileSync(path(name), 'utf8')),
  );
  expect(casting).toEqual([]);
  expect(readFileSync(path('../contract/zap-run.ts'), 'utf8')).toContain('decoded as ZapRunCreated');
});

describe('a generated type', () => {
  const fieldOf = (type: unknown) => {
    const text = typesFromSchema(JSON.stringify({ type: 'record', name: 'Thing', fields: [{ name: 'it', type }] }), 'a test');
    return /it: (.+);/.exec(text)?.[1];
  };

  test.each([
    ['string', 'string'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, 'number'],
    [['null', 'string'], 'null | string'],
    [{ type: 'array', items: ['null', 'int'] }, '(null | number)[]'],
    [{ type: 'map', values: 'bytes' }, 'Record<string, Buffer>'],
    [{ type: 'enum', name: 'Kind', symbols: ['A', 'B'] }, "'A' | 'B'"],
  ])('of %j is %s', (type, expected) => {
    expect(fieldOf(type)).toBe(expected);
  });

  test.each([[{ type: 'fixed', name: 'Four', size: 4 }], [{ type: 'record', name: 'Inner', fields: [] }]])('is refused for %j', (type) => {
    expect(() => fieldOf(type)).toThrow('no TypeScript type');
  });
});
