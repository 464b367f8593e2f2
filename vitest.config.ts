import { defineConfig } from 'vitest/config';

/** Tests that need the real services: one stack for all files, which therefore run one after another. */
const stack = (name: string, files: string | string[]) => ({
  test: {
    name,
    include: [files].flat(),
    exclude: ['**/*.unit.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

/** The tests of the whole pipeline, which hold on secured servers too. */
const ON_SECURED_SERVERS = [
  ...['chain', 'consumer', 'actions', 'cleanup', 'watch', 'operate', 'doctor'],
  ...['kafka-logins', 'logins', 'erase', 'silent-links', 'ingest-outcome', 'bootstrap'],
];

export default defineConfig({
  test: {
    retry: 0,
    // CI counts from the reports in this folder, one of each run.
    reporters: process.env.VITEST_JSON ? ['default', 'json'] : ['default'],
    ...(process.env.VITEST_JSON ? { outputFile: { json: `${process.env.VITEST_JSON}/${process.pid}.json` } } : {}),
    projects: [
      {
        // Beside the code: needs nothing but Node.
        test: {
          name: 'unit',
          // Generous: how long a test takes on a busy machine is not what it is about.
          testTimeout: 30_000,
          include: [
            '{contract,kit,checks,ingest,connect,watch,cleanup,consumers-example,operate,stack,prisma,test,tools}/**/*.unit.test.ts',
          ],
        },
      },
      stack('stack', 'test/*.test.ts'),
      // Too long for every change: make test/full.
      stack('full', 'test/full/*.test.ts'),
      // Needs Go: make test/tracing.
      stack('tracing', 'test/tracing/*.test.ts'),
      // On three brokers, two workers and three copies of each service: make test/cluster.
      stack('cluster', ['test/cluster/*.test.ts', 'test/chain.test.ts']),
      // On servers that accept only TLS: make test/secure.
      stack('secure', ['test/secure/*.test.ts', ...ON_SECURED_SERVERS.map((name) => `test/${name}.test.ts`)]),
    ],
  },
});
