import { spawnSync } from 'node:child_process';

// `npm run prisma:generate`. Generating needs no engine, but the CLI downloads one unless a path is set; any executable
// works. So generating needs only the npm registry.

const { status, stdout, stderr } = spawnSync('npx', ['prisma', 'generate'], {
  encoding: 'utf8',
  env: { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, ...process.env },
});
if (status !== 0) {
  process.stderr.write(stdout + stderr);
  process.exitCode = 1;
}
