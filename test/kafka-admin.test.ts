import { expect, test } from 'vitest';
import { EVENT_TOPIC, OFFSET_TOPIC } from '../contract/names.ts';
import { withAdmin } from './support/kafka.ts';

// A new admin has no metadata yet: each of its first calls fetches what it needs while another call is running.
test('a new admin answers a call about one topic while it reads the offsets of another', { timeout: 120_000 }, async () => {
  for (let round = 0; round < 150; round += 1)
    await withAdmin(async (admin) => {
      const metadata = async () => {
        // Started some steps later each time, to overlap with the other call at each of its steps.
        for (let step = 0; step < round % 5; step += 1) await admin.listTopics();
        return admin.fetchTopicMetadata({ topics: [EVENT_TOPIC] });
      };
      const [offsets, { topics }] = await Promise.all([admin.fetchTopicOffsetsByTimestamp(OFFSET_TOPIC, Date.now()), metadata()]);
      expect(offsets.length).toBeGreaterThan(0);
      expect(topics[0]?.partitions.length).toBeGreaterThan(0);
    });
});
