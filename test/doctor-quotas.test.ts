import { expect, test } from 'vitest';
import { readClientQuotas, type QuotaEntity } from '../kit/kafka-quotas.ts';
import { kafkaFor } from '../stack/kafka-logins.ts';
import { codes, expectFound } from './support/doctor.ts';
import { setClientQuota } from './support/quotas.ts';
import { config } from './support/stack.ts';

// Quotas of Kafka, which slow the pipeline without an error.

test.each<[string, QuotaEntity, string, number]>([
  ['the login of the connector', { user: 'connect' }, 'producer_byte_rate', 1_000_000],
  ['everyone', { user: null }, 'request_percentage', 200],
  ['the client id of cleanup', { 'client-id': 'outbox-cleanup' }, 'consumer_byte_rate', 1_000_000],
])('weak KAFKA_QUOTA: a quota slows %s', async (_whom, entity, key, limit) => {
  await expectFound(
    'weak KAFKA_QUOTA',
    () => setClientQuota(entity, key, limit),
    () => setClientQuota(entity, key),
  );
});

test('a quota of somebody else is not a finding', async () => {
  await setClientQuota({ user: 'somebody' }, 'producer_byte_rate', 1000);
  try {
    const quotas = await readClientQuotas(kafkaFor(config, 'operator'));
    expect(quotas).toEqual([{ entity: { user: 'somebody' }, limits: { producer_byte_rate: 1000 } }]);
    expect(await codes()).not.toContain('weak KAFKA_QUOTA');
  } finally {
    await setClientQuota({ user: 'somebody' }, 'producer_byte_rate');
  }
});
