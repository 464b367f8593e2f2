import { expect, test } from 'vitest';
import { tlsFault } from './tls-fault.ts';

// What Node and kafkajs give; on real servers they are tried in test/secure/.

test.each([
  ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', 'untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', 'untrusted'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", 'name'],
  ['CERT_HAS_EXPIRED', 'certificate has expired', 'expired'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number', 'plain'],
  ['EPROTO', 'write EPROTO 00:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/record.c:354:', 'plain'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tlsv13 alert certificate required', 'client certificate'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'ssl/tls alert bad certificate', 'client certificate'],
  ['ERR_SSL_NO_PROTOCOLS_AVAILABLE', 'no protocols available', 'other'],
])('%s, also as the cause of another error, is named in words', (code, message, kind) => {
  const error = Object.assign(new Error(message), { code });
  expect(tlsFault(error)).toMatchObject({ kind, found: expect.stringContaining(message) as string });
  expect(tlsFault(new TypeError('fetch failed', { cause: error }))).toMatchObject({ kind });
});

test.each(['ECONNREFUSED', 'ECONNRESET', undefined])('%s is not about TLS', (code) => {
  expect(tlsFault(Object.assign(new Error('no'), { code }))).toBeUndefined();
  expect(tlsFault(undefined)).toBeUndefined();
});
