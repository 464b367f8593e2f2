import { expect, test } from 'vitest';
import { scramVerifier } from './logins.ts';

test('a verifier is what Postgres itself makes of the password (the example of RFC 7677)', () => {
  expect(scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

test('two verifiers of one password have no salt in common', () => {
  expect(scramVerifier('same')).not.toBe(scramVerifier('same'));
});
