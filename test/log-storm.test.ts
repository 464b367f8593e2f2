import { execFile } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { kafkaClasspath } from '../stack/jars.ts';
import { java } from './support/worker.ts';

const SECONDS = 3;
const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

test.runIf(inject('way') === 'embedded')('a broker or worker that fails in a loop writes a bounded number of lines', async () => {
  const logging = `-Dlog4j2.configurationFile=${pathToFileURL(fileOf('../stack/log4j2.yaml')).href}`;
  const { stdout, stderr } = await promisify(execFile)(
    java(),
    [logging, '-cp', kafkaClasspath(inject('stack').jars), fileOf('support/LogStorm.java'), String(SECONDS)],
    { timeout: 50_000, maxBuffer: 100_000_000 },
  );
  const failures = stdout.split('\n').filter((line) => line.includes('no offsets topic')).length;
  expect(Number(stderr.trim())).toBeGreaterThan(20_000);
  expect(failures).toBeGreaterThanOrEqual(2000);
  expect(failures).toBeLessThan(2000 + 20 * (SECONDS + 2));
});
