import { spawnSync } from 'node:child_process';

// `npm run prisma:generate`. Generating needs no engine, but the CLI downloads one unless it is told of a file; any
// executable will do. So generating works where only the npm registry can be reached.

const { status, stdout, stderr } = spawnSync('npx', ['prisma', 'generate'], {
  encoding: 'utf8',
  env: { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, ...process.env },
});
if (status !== 0) {
  process.stderr.write(stdout + stderr);
  process.exitCode = 1;
}
