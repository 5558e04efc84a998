import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Emulator, startEmulator } from './emulator.ts';
import { type KmsEmulator, startKms } from './kms.ts';
import { type SecretManagerEmulator, startSecretManager } from './secret-manager.ts';

/** Google's services on this machine: the real emulators of Firestore and Pub/Sub, and our own of Secret Manager and KMS. */
export interface Backends {
  readonly firestore: Emulator;
  readonly pubsub: Emulator;
  readonly secrets: SecretManagerEmulator;
  readonly kms: KmsEmulator;
  stop(): Promise<void>;
}

export const PROJECT = 'holdpoint-dev';
export const DECISION_KEY = `projects/${PROJECT}/locations/global/keyRings/holdpoint/cryptoKeys/decisions/cryptoKeyVersions/1`;
export const MASK_KEY = `projects/${PROJECT}/secrets/mask-key`;

/** Starts all four, side by side. `dir` is for what the emulators write. Rejects with an Error for people, and leaves nothing running. */
export async function startBackends(dir: string): Promise<Backends> {
  for (const [program, argument, why] of [
    ['gcloud', '--version', 'install the Google Cloud CLI'],
    ['java', '-version', 'the emulators need a Java runtime, 21 or later'],
  ] as const)
    if (spawnSync(program, [argument], { stdio: 'ignore' }).error !== undefined)
      throw new Error(`--emulators needs ${program}, which is not here: ${why}`);
  const started = await Promise.allSettled([
    startSomewhere('firestore', dir),
    startSomewhere('pubsub', dir),
    startSecretManager(),
    startKms(),
  ]);
  const stop = async () => {
    await Promise.all(started.map(one => (one.status === 'fulfilled' ? one.value.stop() : undefined)));
  };
  const [firestore, pubsub, secrets, kms] = started;
  if (
    firestore.status === 'rejected' ||
    pubsub.status === 'rejected' ||
    secrets.status === 'rejected' ||
    kms.status === 'rejected'
  ) {
    await stop();
    throw started.find(one => one.status === 'rejected')?.reason;
  }
  secrets.value.add(MASK_KEY, randomBytes(32).toString('hex'));
  return { firestore: firestore.value, pubsub: pubsub.value, secrets: secrets.value, kms: kms.value, stop };
}

/** Claims and revocations have a database of their own, as they should have on Google Cloud. */
export const CLAIMS = 'claims';

/** What points Google's clients at them, in this process or another. */
export function environmentOf(hosts: {
  readonly firestore: string;
  readonly pubsub: string;
}): Record<string, string> {
  return {
    GOOGLE_CLOUD_PROJECT: PROJECT,
    HOLDPOINT_CLAIMS_DATABASE: CLAIMS,
    FIRESTORE_EMULATOR_HOST: hosts.firestore,
    PUBSUB_EMULATOR_HOST: hosts.pubsub,
    // Nobody asks here who we are, and the library would look for a machine of Google's to ask.
    METADATA_SERVER_DETECTION: 'none',
  };
}

/** Between looking for a port and an emulator's listening on it a JVM starts, and others look for ports too. */
async function startSomewhere(which: 'firestore' | 'pubsub', dir: string): Promise<Emulator> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startEmulator(which, await freePort(), join(dir, `${which}-${attempt}`));
    } catch (error) {
      if (attempt === 3 || !String(error).includes('already in use')) throw error;
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port is free'));
        else resolve(address.port);
      });
    });
  });
}
