import { ConnectionFault } from './connection-fault.ts';
import { usesTls, type KafkaSettings } from './kafka-settings.ts';
import { tlsFault, type TlsFault } from './tls-fault.ts';

/** What to do about each fault of TLS. */
const TLS_REMEDIES: Record<TlsFault['kind'], string> = {
  untrusted: "Name the CA of the brokers' certificates in KAFKA_CA_FILE",
  name: 'Use the names of the certificate in KAFKA_BROKERS, and in advertised.listeners of the brokers',
  expired: "Renew the brokers' certificate, or set this machine's clock",
  plain: 'Give the port of a TLS listener in KAFKA_BROKERS, or unset KAFKA_TLS, KAFKA_CA_FILE and KAFKA_CERT_FILE',
  'client certificate': 'Give a certificate that the brokers accept: KAFKA_CERT_FILE and KAFKA_KEY_FILE',
  other: 'Check KAFKA_TLS, KAFKA_CA_FILE and KAFKA_CERT_FILE',
};

/**
 * Why Kafka could not be connected to: KAFKA_LOGIN, KAFKA_TLS, KAFKA_OAUTH, KAFKA_CLOSED, or KAFKA_UNREACHABLE for all the
 * rest.
 *
 * @param error what kafkajs threw when it connected
 */
export function kafkaFault(settings: KafkaSettings, error: unknown): ConnectionFault {
  const at = `Kafka at ${settings.KAFKA_BROKERS.join(', ')}`;
  const errors = causesOf(error);
  const own = errors.find((one) => one instanceof ConnectionFault);
  if (own !== undefined) return own;
  const fault = (code: string, found: string, remedy: string) => new ConnectionFault(code, `${at} ${found}`, remedy, error);
  const refused = errors.find((one) => one.name === 'KafkaJSSASLAuthenticationError');
  if (refused !== undefined) {
    const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_USERNAME: user } = settings;
    const who = mechanism === 'OAUTHBEARER' ? 'the token' : user === undefined ? 'a client without a login' : `the login "${user}"`;
    const names = mechanism === 'OAUTHBEARER' ? 'the KAFKA_OAUTH_ settings' : 'KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD';
    return fault('KAFKA_LOGIN', `refuses ${who} (${mechanism ?? 'no login'}): ${refused.message}`, `Are ${names} right?`);
  }
  const tls = tlsFault(error);
  if (tls !== undefined) return fault('KAFKA_TLS', `cannot be connected to with TLS: ${tls.found}`, TLS_REMEDIES[tls.kind]);
  const closed = errors.find(({ message }) => /closed connection|no brokers in the broker pool|ECONNRESET|EPIPE|SASL/i.test(message));
  if (closed !== undefined && settings.KAFKA_SASL_MECHANISM === 'OAUTHBEARER')
    return fault('KAFKA_LOGIN', `refuses the token (OAUTHBEARER): ${closed.message}`, 'Are the KAFKA_OAUTH_ settings right?');
  const without = [...(usesTls(settings) ? [] : ['TLS']), ...(settings.KAFKA_SASL_MECHANISM === undefined ? ['a login'] : [])];
  // A broker that stops closes its connections too, but all these clients are what it may refuse.
  if (closed !== undefined && without.length > 0) {
    const remedy =
      'If its port requires TLS, set KAFKA_TLS=true, and KAFKA_CA_FILE for a CA of your own; if it requires a login, set KAFKA_SASL_MECHANISM';
    return fault('KAFKA_CLOSED', `closes the connection of a client without ${without.join(' and ')}: ${closed.message}`, remedy);
  }
  const words = errors.at(-1)?.message ?? 'no answer';
  return fault('KAFKA_UNREACHABLE', `does not answer: ${words}`, 'Is KAFKA_BROKERS right?');
}

/** @returns the error and its causes. kafkajs's error about exhausted retries has the real one as its cause. */
export function causesOf(error: unknown): Error[] {
  const found: Error[] = [];
  for (let one = error; one instanceof Error && !found.includes(one); one = one.cause) found.push(one);
  return found;
}
