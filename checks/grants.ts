import { kafkaGrants, type Grant } from '../contract/kafka-grants.ts';
import { aclOf, lacks, readAcls } from '../kit/kafka-acls.ts';
import { check } from './check.ts';

const described = ({ service, resource, name, prefixed, operation }: Grant) =>
  `${service}: ${operation} on ${resource.toLowerCase().replace('_', ' ')} ${name}${prefixed ? '*' : ''}`;

export const kafkaGrantMissing = check({
  code: 'KAFKA_GRANT_MISSING',
  grade: 'broken',
  why: 'Kafka refuses the service what it needs for its work: events are not published, read or cleaned up.',
  needs: ['kafka'],
  read: ({ admin }) => readAcls(admin),
  evaluate: (acls) => {
    // No list, or a Kafka whose logins have other names: nothing can be told.
    if (acls === undefined || acls.length === 0) return undefined;
    const isMissing = lacks(acls);
    const missing = kafkaGrants().filter((grant) => isMissing(aclOf(grant)));
    if (missing.length === 0) return undefined;
    return {
      found: missing.map(described).join('; '),
      remedy: 'Grant it: make up does on its own stack. The list is contract/kafka-grants.ts.',
    };
  },
});
