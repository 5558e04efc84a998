import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** PEM: the certificate with its intermediates behind it, and its key. */
export interface Pem {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/**
 * The certificate that the proxy shows to agents. `replace` changes it for those who come later: sessions that are open keep the keys
 * they have agreed on.
 */
export class ServerCertificate {
  private now: SecureContext;

  /** Throws an Error when certificate and key cannot be read or do not belong together. */
  constructor(pem: Pem) {
    this.now = contextOf(pem);
  }

  get context(): SecureContext {
    return this.now;
  }

  /** Throws as the constructor does, and then keeps the old one. */
  replace(pem: Pem): void {
    this.now = contextOf(pem);
  }
}

function contextOf({ cert, key }: Pem): SecureContext {
  // As the server sets it up (be-secure-openssl.c): no renegotiation, no session tickets, which would outlive a certificate.
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET, SSL_OP_NO_COMPRESSION } = constants;
  const secureOptions = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION;
  return createSecureContext({ cert, key, minVersion: 'TLSv1.2', secureOptions });
}
