/** Why a TLS connection failed, as far as settings can change it. */
export interface TlsFault {
  kind: 'untrusted' | 'name' | 'expired' | 'plain' | 'client certificate' | 'other';
  /** The reason, followed by the message of the TLS library. */
  found: string;
}

const WORDS: Record<TlsFault['kind'], string> = {
  untrusted: 'its certificate is from a CA that is not trusted here',
  name: 'its certificate is for another name',
  expired: 'its certificate has expired or is not valid yet',
  plain: 'the port does not speak TLS',
  'client certificate': 'it refuses the client certificate, or requires one',
  other: 'the TLS connection fails',
};

const KINDS: readonly [RegExp, TlsFault['kind']][] = [
  [/ALTNAME_INVALID/, 'name'],
  [/CERT_(HAS_EXPIRED|NOT_YET_VALID)|_FIELD$/, 'expired'],
  [
    /SELF_SIGNED|UNABLE_TO_|CERT_(SIGNATURE_FAILURE|UNTRUSTED|REJECTED|REVOKED|CHAIN_TOO_LONG)|INVALID_CA|PATH_LENGTH|INVALID_PURPOSE/,
    'untrusted',
  ],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE/, 'plain'],
  [/ALERT_.*(CERTIFICATE|UNKNOWN_CA)|BAD_CERTIFICATE/, 'client certificate'],
  [/^ERR_(SSL|TLS)_|^EPROTO$/, 'other'],
];

/** @returns undefined when the error, with its causes, is not about TLS */
export function tlsFault(error: unknown): TlsFault | undefined {
  const { code, message, cause } = (error ?? {}) as { code?: unknown; message?: unknown; cause?: unknown };
  // With EPROTO only the message has the library's name of the fault: "…:SSL routines:…:wrong version number:…".
  const named = code === 'EPROTO' ? `ERR_SSL_${String(message).replaceAll(' ', '_').toUpperCase()}` : code;
  const kind = typeof named === 'string' ? KINDS.find(([pattern]) => pattern.test(named))?.[1] : undefined;
  if (kind !== undefined) return { kind, found: `${WORDS[kind]} (${String(message).trim()})` };
  return cause === undefined || cause === null || cause === error ? undefined : tlsFault(cause);
}
