import { afterAll, describe, expect, test } from 'vitest';
import { runChecks } from '../../checks/check.ts';
import { kafkaGrantMissing } from '../../checks/grants.ts';
import { kafkaGrants, kafkaServices } from '../../contract/kafka-grants.ts';
import { aclOf } from '../../kit/kafka-acls.ts';
import { withAdmin as withAdminOf } from '../../kit/kafka-admin.ts';
import { kafkaFor } from '../../stack/kafka-logins.ts';
import { doctor } from '../support/doctor.ts';
import { withAdmin } from '../support/kafka.ts';
import { outbox } from '../support/operate.ts';
import { grantAgain } from '../support/services.ts';
import { config } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

// Each grant of the list is needed by somebody, so the doctor names each that is missing.

afterAll(grantAgain);

/** What the doctor's check finds, asked as the operator. */
const findings = () =>
  withAdminOf(kafkaFor(config, 'operator'), 'test', (admin) =>
    runChecks([kafkaGrantMissing], { ...doctor, admin } as unknown as Parameters<typeof kafkaGrantMissing.run>[0]),
  );

describe.each(kafkaServices)('the doctor names a missing grant of %s:', (service) => {
  const grants = kafkaGrants().filter((grant) => grant.service === service);
  test.each(grants.map((grant) => [`${grant.operation} on ${grant.resource} ${grant.name}`, grant] as const))(
    '%s',
    async (_what, grant) => {
      const acl = aclOf(grant);
      await withAdmin((admin) => admin.deleteAcls({ filters: [acl] }));
      try {
        const words = `${service}: ${grant.operation} on ${grant.resource.toLowerCase().replace('_', ' ')} ${grant.name}`;
        const [found] = await waitFor('it is found', async () => {
          const all = await findings();
          return all.length > 0 ? all : undefined;
        });
        expect(found).toMatchObject({ code: 'KAFKA_GRANT_MISSING', grade: 'broken' });
        expect(found?.found.startsWith(words)).toBe(true);
      } finally {
        await withAdmin((admin) => admin.createAcls({ acl: [acl] }));
      }
      await waitFor('nothing is missing', async () => (await findings()).length === 0);
    },
  );
});

test('and its command ends with 1 and the name of the login', async () => {
  const [grant] = kafkaGrants();
  if (grant === undefined) throw new Error('no grants');
  await withAdmin((admin) => admin.deleteAcls({ filters: [aclOf(grant)] }));
  expect(await outbox('doctor')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/KAFKA_GRANT_MISSING +register: CREATE on topic/) as string,
  });
  await grantAgain();
});
