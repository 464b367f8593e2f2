import type { Admin } from 'kafkajs';
import { askService, type HttpService } from '../kit/http-login.ts';
import type { KafkaSettings } from '../kit/kafka-settings.ts';
import { withAdmin as withKafkaAdmin } from '../kit/kafka-admin.ts';

const WITHIN_MS = 3000;

/** @throws unless a GET of the URL is answered, whatever the answer */
export async function answers(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) });
  await response.body?.cancel();
}

/** @throws unless a GET of the URL answers 2xx */
export async function answersOk(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
}

/** @throws unless a GET of the service's path answers 2xx to its login */
export async function serviceAnswers(service: HttpService, path: string): Promise<void> {
  const response = await askService(service, path, { signal: AbortSignal.timeout(WITHIN_MS) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${service.url}${path} answers ${response.status}`);
}

/** @throws unless the broker knows itself as part of a cluster with a controller */
export async function brokerAnswers(kafka: KafkaSettings): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const { controller } = await admin.describeCluster();
    if (controller === null) throw new Error('the cluster has no controller yet');
  });
}

/** @throws unless the consumer group has a member and has handed out its partitions */
export async function groupIsStable(kafka: KafkaSettings, groupId: string): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const { groups } = await admin.describeGroups([groupId]);
    const state = groups[0]?.state ?? 'unknown';
    if (state !== 'Stable') throw new Error(`the consumer group ${groupId} is ${state}`);
  });
}

/** Asked often, so each time briefly. */
export const withAdmin = <T>(kafka: KafkaSettings, use: (admin: Admin) => Promise<T>): Promise<T> =>
  withKafkaAdmin(kafka, 'outbox-stack', use, { retries: 3, initialRetryTime: 50 });
