import { readSettings } from '../kit/settings.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import type { KafkaSettings } from '../kit/kafka.ts';
import { z } from 'zod';
import { brokerAddress, type StackConfig } from './config.ts';

// How a part of the stack reaches its Kafka.

/** Who asks Kafka for something; `admin` is the stack itself, its tests and its benchmarks. */
export type Principal = 'admin' | 'register' | 'connect' | 'cleanup' | 'watch' | 'consumer' | 'actions' | 'operator' | 'ui';

/** The settings of a part, as its environment has them. */
export const kafkaEnv: (config: StackConfig, as: Principal) => Record<string, string> = (config) => ({
  KAFKA_BROKERS: brokerAddress(config),
});

/** The same for a client in this process. */
export const kafkaFor = (config: StackConfig, as: Principal): KafkaSettings => readSettings(z.object(kafkaSettings), kafkaEnv(config, as));
