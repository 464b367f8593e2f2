import { expect, test } from 'vitest';
import { EVENT_TOPIC, OFFSET_TOPIC } from '../contract/names.ts';
import { withAdmin } from './support/kafka.ts';

// A new admin knows no topic yet: each of its first questions fetches what it needs while another is under way.
test('a new admin that is asked for one topic while it asks for the offsets of another answers both', { timeout: 120_000 }, async () => {
  for (let round = 0; round < 150; round += 1)
    await withAdmin(async (admin) => {
      const metadata = async () => {
        // Some steps later each time, to meet the other question at each of its own steps.
        for (let step = 0; step < round % 5; step += 1) await admin.listTopics();
        return admin.fetchTopicMetadata({ topics: [EVENT_TOPIC] });
      };
      const [offsets, { topics }] = await Promise.all([admin.fetchTopicOffsetsByTimestamp(OFFSET_TOPIC, Date.now()), metadata()]);
      expect(offsets.length).toBeGreaterThan(0);
      expect(topics[0]?.partitions.length).toBeGreaterThan(0);
    });
});
