import { afterAll, beforeAll } from 'vitest';
import { startAudit, type Audit } from './audit.ts';
import { readTopic, type TopicReader } from './topic.ts';

// What tests of lost events compare: the topic as it is read, and what was accepted.

export let topic: TopicReader;
export let audit: Audit;

/** Follows both for all tests of the file. */
export function auditThisFile(): void {
  beforeAll(async () => {
    [topic, audit] = await Promise.all([readTopic(), startAudit()]);
  });
  afterAll(async () => {
    await Promise.all([topic.close(), audit.close()]);
  });
}

/** After the topic was closed, deleted and made again: it is read from its new beginning. */
export async function readTopicAgain(): Promise<void> {
  topic = await readTopic();
}
