import { expect, test } from 'vitest';
import { isVerifierOf, scramVerifier } from './scram.ts';

test('a verifier equals the example of RFC 7677', () => {
  expect(scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

test('two verifiers of one password have different salts', () => {
  expect(scramVerifier('same')).not.toBe(scramVerifier('same'));
});

test('a verifier is recognised by its password alone', () => {
  const kept = scramVerifier('right');
  expect([isVerifierOf(kept, 'right'), isVerifierOf(kept, 'wrong'), isVerifierOf('', 'right'), isVerifierOf('md5abc', 'right')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
