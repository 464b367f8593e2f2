import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { kaskadeArguments, kaskadePrograms } from '../stack/ui.ts';
import { uniqueName } from './support/names.ts';
import { post } from './support/post.ts';
import { config } from './support/stack.ts';
import { readTopic } from './support/topic.ts';

test('the Kafka UI shows a record of the event topic with its metadata decoded', { timeout: 300_000 }, async () => {
  const [userId, zapId, text] = [uniqueName('user'), uniqueName('zap'), uniqueName('text')];
  expect((await post(userId, zapId, JSON.stringify({ text }))).status).toBe(200);
  const topic = await readTopic();
  onTestFinished(() => topic.close());
  const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1);

  // What `make ui` shows, but from this record on: the topic may have thousands before it.
  const from = ['--partition', `${record?.partition}:${record?.offset}`];
  const script = fileURLToPath(new URL('support/look-at-kaskade.py', import.meta.url));
  const args = [script, text, ...kaskadeArguments(config).records, ...from];
  const { stdout } = await promisify(execFile)(join(kaskadePrograms(), 'python'), args);
  expect(stdout).toContain(text);
});
