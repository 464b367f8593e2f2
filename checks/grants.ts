import { kafkaGrants, type Grant } from '../contract/kafka-grants.ts';
import { aclOf, lacks, readAcls } from '../kit/kafka-acls.ts';
import { check } from './check.ts';

/** Kafka's code of a login that may not ask the cluster. */
const CLUSTER_AUTHORIZATION_FAILED = 31;
/** The grant by which the operator reads the list. */
const LISTS: Grant = { service: 'operator', resource: 'CLUSTER', name: 'kafka-cluster', prefixed: false, operation: 'DESCRIBE' };
const REMEDY = 'Grant them; make up does so on its own stack, and npm run outbox -- bootstrap prints or makes the whole list.';

const described = ({ service, resource, name, prefixed, operation }: Grant) =>
  `${service}: ${operation} on ${resource.toLowerCase().replace('_', ' ')} ${name}${prefixed ? '*' : ''}`;

export const kafkaGrantMissing = check({
  code: 'KAFKA_GRANT_MISSING',
  grade: 'broken',
  why: 'Kafka refuses calls that the service needs: events are not published, read or cleaned up.',
  needs: ['kafka'],
  read: ({ admin }) =>
    readAcls(admin).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === CLUSTER_AUTHORIZATION_FAILED) return 'hidden' as const;
      throw error;
    }),
  evaluate: (acls) => {
    if (acls === 'hidden') return { found: `${described(LISTS)}, without which no other can be listed`, remedy: REMEDY };
    // Without an access list, or with other login names, nothing can be compared.
    if (acls === undefined || acls.length === 0) return undefined;
    const isMissing = lacks(acls);
    const missing = kafkaGrants().filter((grant) => isMissing(aclOf(grant)));
    if (missing.length === 0) return undefined;
    return {
      found: missing.map(described).join('; '),
      remedy: REMEDY,
    };
  },
});
