import type { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import type { Credential, Secrets } from '#proxy/ports.ts';
import { crc32c } from '#schemas/crc32c.ts';
import { HoldpointError } from '#schemas/errors.ts';

/** `projects/P/secrets/S` (its newest version) or `projects/P/secrets/S/versions/V`, also with `/locations/L` for regional ones. */
const REFERENCE = /^(projects\/[^/]+(?:\/locations\/[^/]+)?\/secrets\/[^/]+)(?:\/versions\/([^/]+))?$/;

/**
 * Credentials from Secret Manager, fetched anew for each session and kept nowhere. The version's name, which the answer carries also where
 * `latest` was asked for, is what gets recorded. `client` is the library's own, so that its caller chooses endpoint and identity.
 */
export function createCloudSecrets(
  client: Pick<SecretManagerServiceClient, 'accessSecretVersion'>,
  deadlineMs = 5000,
): Secrets {
  return {
    async fetch(reference): Promise<Credential> {
      const parts = REFERENCE.exec(reference);
      if (parts === null) throw unavailable('the reference names no secret of Secret Manager');
      const name = `${parts[1]}/versions/${parts[2] ?? 'latest'}`;
      const [answer] = await client
        .accessSecretVersion({ name }, { timeout: deadlineMs, maxRetries: 2 })
        .catch((cause: unknown) => {
          // The library's message may quote what was sent; its code is all that people need.
          throw unavailable(`${name}: ${codeOf(cause)}`, cause);
        });
      const data = answer.payload?.data;
      if (data === undefined || data === null || data.length === 0) throw unavailable(`${name} is empty`);
      const bytes = typeof data === 'string' ? Buffer.from(data, 'base64') : Buffer.from(data);
      const sum = answer.payload?.dataCrc32c;
      if (sum !== undefined && sum !== null && Number(sum) !== crc32c(bytes))
        throw unavailable(`${name} arrived damaged: its checksum is wrong`);
      const password = bytes.toString('utf8').replace(/\r?\n$/, '');
      if (password === '' || password.includes('\0') || !Buffer.from(password).equals(strip(bytes)))
        throw unavailable(`${name} is no password: it is empty, not UTF-8, or has a zero byte in it`);
      return { password, version: answer.name ?? name };
    },
  };
}

function strip(bytes: Buffer): Buffer {
  const end = bytes.at(-1) === 10 ? (bytes.at(-2) === 13 ? -2 : -1) : bytes.length;
  return bytes.subarray(0, end);
}

/** Google's names of gRPC codes that operators meet here. */
const CODES: Readonly<Record<number, string>> = {
  4: 'Secret Manager did not answer in time',
  5: 'there is no such secret or version',
  7: 'the proxy may not read it',
  9: 'the version is disabled or destroyed',
  14: 'Secret Manager cannot be reached',
};

function codeOf(cause: unknown): string {
  const code = (cause as { code?: number }).code;
  return (code === undefined ? undefined : CODES[code]) ?? `Secret Manager answered with code ${code}`;
}

function unavailable(detail: string, cause?: unknown): HoldpointError {
  return new HoldpointError('secret_unavailable', undefined, { detail, cause });
}
