import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '#cli/emulators/emulator.ts';
import { freePort } from '#test/support/ports.ts';
import { tempDir } from '#test/support/temp.ts';

/** False where the emulators can be run; otherwise why not, for `skip`. With CI=true they have to be there: then it throws. */
export function lacksEmulators(): string | false {
  const why = lack();
  if (why !== false && process.env.CI === 'true')
    throw new Error(`the emulators are required here, but ${why}`);
  return why;
}

function lack(): string | false {
  const { error, stdout } = spawnSync('gcloud', ['version', '--format=json'], { encoding: 'utf8' });
  if (error !== undefined) return 'gcloud is not installed';
  const missing = ['cloud-firestore-emulator', 'pubsub-emulator'].filter(name => !stdout.includes(name));
  if (missing.length > 0) return `gcloud has no component ${missing.join(' and ')}`;
  return spawnSync('java', ['-version']).error === undefined ? false : 'java is not installed';
}

export interface Emulators {
  readonly firestore: Emulator;
  readonly pubsub: Emulator;
  /** Call it in `after`: while they run, the test process does not end. */
  stop(): Promise<void>;
}

/** Firestore and Pub/Sub on ports of their own; the environment points Google's clients at them. */
export async function startEmulators(): Promise<Emulators> {
  const dir = tempDir('emulators');
  const started = await Promise.allSettled(
    (['firestore', 'pubsub'] as const).map(which => startSomewhere(which, dir)),
  );
  const running = started.filter(one => one.status === 'fulfilled').map(one => one.value);
  const [firestore, pubsub] = running;
  if (firestore === undefined || pubsub === undefined) {
    // What did start would keep the test process from ending.
    await Promise.all(running.map(one => one.stop()));
    throw (started.find(one => one.status === 'rejected') as PromiseRejectedResult).reason;
  }
  process.env.FIRESTORE_EMULATOR_HOST = firestore.host;
  process.env.PUBSUB_EMULATOR_HOST = pubsub.host;
  // Nobody asks here who we are, and the library would look for a machine of Google's to ask.
  process.env.METADATA_SERVER_DETECTION = 'none';
  return {
    firestore,
    pubsub,
    async stop() {
      await Promise.all([firestore.stop(), pubsub.stop()]);
    },
  };
}

/** Between looking for a port and an emulator's listening on it a JVM starts, and other tests look for ports too. */
async function startSomewhere(which: 'firestore' | 'pubsub', dir: string): Promise<Emulator> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startEmulator(which, await freePort(), join(dir, `${which}-${attempt}`));
    } catch (error) {
      if (attempt === 3 || !String(error).includes('already in use')) throw error;
    }
  }
}
