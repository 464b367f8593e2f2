import tseslint from 'typescript-eslint';

// Who may import what is in .dependency-cruiser.mjs; here are the doors to what is outside.
const doors = {
  kafkajs: 'A client of Kafka is made by kit/kafka.ts, and kafkajs is used by few files, so that another can take its place.',
  targets: 'Every request to a target goes through guarded-client.ts, which checks the address that it connects to.',
  prisma: 'A PrismaClient is made in prisma/client.ts only.',
};
const ours = ['contract', 'kit', 'checks', 'ingest', 'connect', 'watch', 'cleanup', 'consumers-example', 'operate', 'stack'];
const kafkaDoors = ['kit/kafka.ts', 'kit/kafka-acls.ts', 'kit/kafka-admin.ts', 'consumers-example/consumer/kafka.ts', 'operate/kafka.ts'];

export default tseslint.config(
  { ignores: ['node_modules', '.stack', 'prisma/generated', '.dependency-cruiser.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  {
    rules: {
      'max-lines': ['error', { max: 250 }],
      'max-lines-per-function': ['error', { max: 90, skipBlankLines: true, skipComments: true }],
      // Numbers and the like are fine in a message.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true, allowNever: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidOperator: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // An interface may demand a promise of something that has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // kafkajs and vitest hand over functions that need no `this`.
      '@typescript-eslint/unbound-method': 'off',
      'no-console': 'error',
      'no-restricted-properties': ['error', { property: 'only', message: 'A test that runs alone hides the others.' }],
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.property.name='message'][callee.property.name=/^(includes|match|startsWith)$/]",
          message: 'Errors are told apart by their code; the text may change.',
        },
      ],
    },
  },
  {
    files: ours.map((room) => `${room}/**/*.ts`),
    ignores: [...kafkaDoors, '**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'kafkajs', message: doors.kafkajs, allowTypeImports: true }],
          patterns: [{ group: ['**/generated/**', '@prisma/client'], message: doors.prisma }],
        },
      ],
    },
  },
  {
    files: ['consumers-example/actions/**/*.ts'],
    ignores: ['consumers-example/actions/{guarded-client,connect,answer}.ts', '**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'kafkajs', message: doors.kafkajs },
            ...['undici', 'node:http', 'node:https', 'node:tls'].map((name) => ({ name, message: doors.targets })),
            { name: 'node:net', importNames: ['connect', 'createConnection', 'Socket'], message: doors.targets },
          ],
        },
      ],
      'no-restricted-globals': ['error', { name: 'fetch', message: doors.targets }],
    },
  },
  {
    files: ['**/*.test.ts'],
    rules: {
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': 'off',
      'no-restricted-globals': ['error', { name: 'setTimeout', message: 'Wait for a condition: test/support/wait-for.ts.' }],
      'no-restricted-imports': ['error', { name: 'node:timers/promises', message: 'Wait for a condition: test/support/wait-for.ts.' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  // Data: one entry per vendor.
  { files: ['ingest/presets.ts'], rules: { 'max-lines': 'off' } },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
);
