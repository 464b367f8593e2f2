import { ACTIONS_GROUP, CONSUMER_GROUP, kafkaServices } from '../contract/kafka-grants.ts';
import type { ClientQuota, QuotaEntity } from '../kit/kafka-quotas.ts';
import { check } from './check.ts';

export interface QuotaContext {
  clientQuotas: () => Promise<readonly ClientQuota[]>;
}

const LOGINS: readonly string[] = kafkaServices;
/** Prefixes of the pipeline's client ids. `connector-` is that of Connect's producers. */
const CLIENTS = ['outbox-', 'connector-', CONSUMER_GROUP, ACTIONS_GROUP];

/** Whether a quota can apply to the pipeline. null stands for everyone without a quota of their own. */
function concerns({ user = null, 'client-id': client = null, ip = null }: QuotaEntity): boolean {
  return (user === null || LOGINS.includes(user)) && (client === null || CLIENTS.some((one) => client.startsWith(one))) && ip === null;
}

const types: Record<string, string> = { user: 'users', 'client-id': 'clients', ip: 'ips' };
const described = (entity: QuotaEntity) =>
  Object.entries(entity)
    .map(([type, name]) => (name === null ? `every ${type}` : `${type} ${name}`))
    .join(', ');
const options = (entity: QuotaEntity) =>
  Object.entries(entity)
    .map(([type, name]) => `--entity-type ${types[type] ?? type} ${name === null ? '--entity-default' : `--entity-name ${name}`}`)
    .join(' ');

export const kafkaQuota = check({
  code: 'KAFKA_QUOTA',
  grade: 'weak',
  why: 'Beyond a quota Kafka delays its answers, without an error: events are published, read or cleaned up more slowly.',
  needs: ['kafka'],
  read: ({ clientQuotas }: QuotaContext) => clientQuotas(),
  evaluate: (quotas) => {
    const ours = quotas.filter(({ entity }) => concerns(entity));
    const [first] = ours;
    if (first === undefined) return undefined;
    const limits = ({ limits }: ClientQuota) => Object.entries(limits).map(([key, value]) => `${key} ${value}`);
    return {
      found: ours.map((quota) => `${described(quota.entity)}: ${limits(quota).join(', ')}`).join('; '),
      remedy: `If it is too small: kafka-configs --command-config … --alter ${options(first.entity)} --delete-config ${Object.keys(first.limits).join(',')}`,
    };
  },
});
