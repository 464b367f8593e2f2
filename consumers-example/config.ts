import { z } from 'zod';
import { list } from '../settings.ts';

export const settings = z.object({
  KAFKA_BROKERS: list().default(['localhost:9092']).describe('Kafka brokers, host:port, separated by commas'),
  REGISTRY_URL: z.url().default('http://localhost:8081/apis/ccompat/v7').describe('Schema registry, Confluent API'),
  GROUP_ID: z.string().min(1).default('consumers-example').describe('Consumer group; name it in ACK_GROUPS of cleanup'),
});
