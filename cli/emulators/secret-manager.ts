import { status } from '@grpc/grpc-js';
import { crc32c } from '#schemas/crc32c.ts';
import { GrpcRefusal, startGrpcService } from './grpc-server.ts';

interface Version {
  readonly value: Buffer;
  state: 'enabled' | 'disabled' | 'destroyed';
}

/** A Secret Manager on this machine: versions that are added, disabled and destroyed, and `latest` as the real one resolves it. */
export interface SecretManagerEmulator {
  readonly host: string;
  /** Adds a version and gives its name. `secret` is `projects/P/secrets/S`. */
  add(secret: string, value: string): string;
  set(version: string, state: Version['state']): void;
  /** Names asked for, in order. */
  readonly asked: string[];
  /** Called before each answer: may throw or wait, for faults. */
  before: () => void | Promise<void>;
  stop(): void;
}

export async function startSecretManager(): Promise<SecretManagerEmulator> {
  const secrets = new Map<string, Version[]>();
  const emulator = { asked: [] as string[], before: () => {} };
  const service = await startGrpcService(
    '@google-cloud/secret-manager',
    'google.cloud.secretmanager.v1.SecretManagerService',
    {
      async AccessSecretVersion({ name }) {
        emulator.asked.push(String(name));
        await emulator.before();
        const [, secret = '', asked = ''] = /^(.*)\/versions\/([^/]+)$/.exec(String(name)) ?? [];
        const versions = secrets.get(secret);
        // The newest version, also where it is disabled: then the real one refuses rather than fall back.
        const at = asked === 'latest' ? (versions?.length ?? 0) : Number(asked);
        const version = versions?.[at - 1];
        if (version === undefined)
          throw new GrpcRefusal(status.NOT_FOUND, `Secret Version [${name}] not found.`);
        if (version.state !== 'enabled')
          throw new GrpcRefusal(
            status.FAILED_PRECONDITION,
            `Secret Version [${name}] is in ${version.state} state.`,
          );
        return {
          name: `${secret}/versions/${at}`,
          payload: { data: version.value, dataCrc32c: String(crc32c(version.value)) },
        };
      },
    },
  );
  return Object.assign(emulator, {
    ...service,
    add(secret: string, value: string) {
      const versions = secrets.get(secret) ?? [];
      secrets.set(secret, versions);
      versions.push({ value: Buffer.from(value, 'utf8'), state: 'enabled' });
      return `${secret}/versions/${versions.length}`;
    },
    set(name: string, state: Version['state']) {
      const [, secret = '', number] = /^(.*)\/versions\/(\d+)$/.exec(name) ?? [];
      const version = secrets.get(secret)?.[Number(number) - 1];
      if (version === undefined) throw new Error(`there is no ${name}`);
      version.state = state;
    },
  });
}
