import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { jarsHome, kafkaClasspath } from '../stack/jars.ts';
import { java } from './support/worker.ts';

test.runIf(inject('way') === 'embedded')(
  'the queue before Kafka Connect hands over at once, keeps order, loses nothing and idles without spinning',
  async () => {
    const { jars } = inject('stack');
    const classpath = [join(jarsHome(jars), 'plugins/debezium', '*'), kafkaClasspath(jars)].join(':');
    const check = fileURLToPath(new URL('../connect/queue/PromptQueueCheck.java', import.meta.url));
    const { stdout } = await promisify(execFile)(java(), ['-cp', classpath, check], { timeout: 50_000 });
    expect(stdout.split('\n').filter((line) => /^(kept|BROKEN)/.test(line))).toEqual([
      expect.stringMatching(/^kept: a record alone is handed over at once/),
      expect.stringMatching(/^kept: every record comes once, in order/),
      expect.stringMatching(/^kept: a batch holds no more than max.batch.size/),
      expect.stringMatching(/^kept: nothing is left/),
      expect.stringMatching(/^kept: an idle poll does not spin/),
    ]);
  },
);
