import { z } from 'zod';

const KEY_VERSION =
  /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+\/cryptoKeyVersions\/[0-9]+$/;
const SECRET = /^projects\/[^/]+\/(locations\/[^/]+\/)?secrets\/[^/]+(\/versions\/[^/]+)?$/;

const port = z
  .string()
  .regex(/^[0-9]{1,5}$/, 'is not a port')
  .transform(Number)
  .refine(value => value <= 65535, 'is not a port');
const topic = z.string().regex(/^projects\/[^/]+\/topics\/[^/]+$/, 'is not projects/…/topics/…');
const database = z.string().min(1);
/** Only for emulators on this machine: nothing in the clear leaves it. */
const emulator = z.string().regex(/^(127\.0\.0\.1|localhost):[0-9]+$/, 'has to be 127.0.0.1:port');

const schema = z
  .object({
    GOOGLE_CLOUD_PROJECT: z.string().min(1),
    /** The policy file. */
    HOLDPOINT_POLICY: z.string().min(1),
    HOLDPOINT_HOLDS_TOPIC: topic,
    HOLDPOINT_AUDIT_TOPIC: topic,
    /** Firestore's database with the approvals, and the one in which the proxy makes its claims. */
    HOLDPOINT_DATABASE: database.default('(default)'),
    HOLDPOINT_CLAIMS_DATABASE: database.optional(),
    /** Versions of KMS keys that decisions may be signed with, separated by commas. */
    HOLDPOINT_DECISION_KEYS: z
      .string()
      .transform(text => text.split(',').map(one => one.trim()))
      .refine(names => names.every(name => KEY_VERSION.test(name)), {
        message: 'has to be versions of KMS keys (projects/…/cryptoKeyVersions/N), separated by commas',
      }),
    /** The secret with the key of `hash` masks: 64 hex digits. */
    HOLDPOINT_MASK_KEY: z.string().regex(SECRET, 'is no secret of Secret Manager (projects/…/secrets/…)'),
    /** Where people decide. */
    HOLDPOINT_CONSOLE_URL: z.url('is no address'),
    /** For the tunnel, as Cloud Run gives it. */
    PORT: port.default(8080),
    /** For Postgres clients that come over TCP; without it there is only the tunnel. */
    HOLDPOINT_PG_PORT: port.optional(),
    HOLDPOINT_TLS_CERT: z.string().min(1).optional(),
    HOLDPOINT_TLS_KEY: z.string().min(1).optional(),
    /** The address that is listened on. */
    HOLDPOINT_LISTEN: z.string().min(1).default('0.0.0.0'),
    HOLDPOINT_SECRETS_EMULATOR: emulator.optional(),
    HOLDPOINT_KMS_EMULATOR: emulator.optional(),
    /** Set by Cloud Run. */
    K_SERVICE: z.string().optional(),
    K_REVISION: z.string().optional(),
  })
  .refine(c => (c.HOLDPOINT_TLS_CERT === undefined) === (c.HOLDPOINT_TLS_KEY === undefined), {
    path: ['HOLDPOINT_TLS_KEY'],
    message: 'belongs together with HOLDPOINT_TLS_CERT',
  });
export type ProxyConfig = z.infer<typeof schema>;

/** The configuration of the proxy as a service. Throws an Error with a sentence for each variable that is missing or wrong. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ProxyConfig {
  // Deployments leave a variable empty to mean that it is not set.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = schema.safeParse(set);
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    return set[name] === undefined && name !== 'HOLDPOINT_TLS_KEY'
      ? `${name} is not set`
      : `${name} ${message}`;
  });
  throw new Error(`the proxy is not configured: ${faults.join('; ')}`);
}
