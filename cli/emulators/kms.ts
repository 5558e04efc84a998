import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { crc32c } from '#schemas/crc32c.ts';
import { GrpcRefusal, startGrpcService } from './grpc-server.ts';
import { signDigest } from './sign-digest.ts';

/** A KMS on this machine with P-256 signing keys that are made as they are first named. */
export interface KmsEmulator {
  readonly host: string;
  /** Called before each answer with the method's name: may throw or wait, for faults. */
  before: (method: string) => void | Promise<void>;
  stop(): void;
}

/**
 * Answers GetPublicKey and AsymmetricSign for `…/cryptoKeyVersions/N` as the real service does for EC_SIGN_P256_SHA256: it signs a SHA-256
 * digest, in DER, and guards both ways with CRC-32C.
 */
export async function startKms(): Promise<KmsEmulator> {
  const keys = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>();
  const emulator = { before: (_method: string) => {} };
  const keyOf = (name: unknown) => {
    const version = String(name);
    if (!/\/cryptoKeyVersions\/\d+$/.test(version))
      throw new GrpcRefusal(status.INVALID_ARGUMENT, `${version} is no CryptoKeyVersion.`);
    const key = keys.get(version) ?? generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    keys.set(version, key);
    return { version, ...key };
  };
  const service = await startGrpcService('@google-cloud/kms', 'google.cloud.kms.v1.KeyManagementService', {
    async GetPublicKey({ name }) {
      await emulator.before('GetPublicKey');
      const { version, publicKey } = keyOf(name);
      const pem = String(publicKey.export({ type: 'spki', format: 'pem' }));
      return {
        name: version,
        pem,
        pemCrc32c: { value: String(crc32c(Buffer.from(pem))) },
        algorithm: 'EC_SIGN_P256_SHA256',
      };
    },
    async AsymmetricSign(request) {
      await emulator.before('AsymmetricSign');
      const { version, privateKey } = keyOf(request.name);
      const digest = (request.digest as { sha256?: Buffer } | undefined)?.sha256;
      if (digest?.length !== 32)
        throw new GrpcRefusal(status.INVALID_ARGUMENT, 'A SHA-256 digest is needed for this key.');
      const given = (request.digestCrc32c as { value?: string } | undefined)?.value;
      if (given !== undefined && Number(given) !== crc32c(digest))
        throw new GrpcRefusal(status.INVALID_ARGUMENT, 'The checksum in field digest_crc32c is wrong.');
      const signature = signDigest(digest, privateKey);
      return {
        name: version,
        signature,
        signatureCrc32c: { value: String(crc32c(signature)) },
        verifiedDigestCrc32c: given !== undefined,
      };
    },
  });
  return Object.assign(emulator, service);
}
