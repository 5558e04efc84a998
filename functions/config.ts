import { z } from 'zod';

const json = <T extends z.ZodType>(inner: T) =>
  z
    .string()
    .default('{}')
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(inner);

/** The functions' configuration, from environment variables; docs/slack.md says what each is for. */
const schema = z.object({
  GOOGLE_CLOUD_PROJECT: z.string().min(1),
  HOLDPOINT_DATABASE: z.string().min(1).default('(default)'),
  /** The database of claims and revocations, the same that the proxy has. */
  HOLDPOINT_CLAIMS_DATABASE: z.string().min(1).optional(),
  /** The policy file: its groups say who is in which. */
  HOLDPOINT_POLICY: z.string().min(1),
  /** `projects/…/cryptoKeyVersions/N`. */
  HOLDPOINT_DECISION_KEY: z.string().regex(/\/cryptoKeyVersions\/[0-9]+$/, 'names no version of a KMS key'),
  /** Where the proxy tells of holds: a decision is told there too, for whoever shows it. */
  HOLDPOINT_HOLDS_TOPIC: z.string().regex(/^projects\/[^/]+\/topics\/[^/]+$/, 'is not projects/…/topics/…'),
  HOLDPOINT_CONSOLE_URL: z.url(),
  SLACK_BOT_TOKEN: z.string().min(1),
  SLACK_SIGNING_SECRET: z.string().min(16, 'is too short to be a signing secret'),
  SLACK_CHANNEL: z.string().min(1),
  /** Without it, anybody's connected workspace could have a member with an approver's e-mail. */
  SLACK_TEAM: z.string().min(1),
  SLACK_EMAILS: json(z.record(z.string(), z.string())),
  SLACK_USER_GROUPS: json(z.record(z.string(), z.string())),
  SLACK_API_URL: z.url().optional(),
  /** Only for emulators on this machine: nothing in the clear leaves it. */
  HOLDPOINT_KMS_EMULATOR: z
    .string()
    .regex(/^(127\.0\.0\.1|localhost):[0-9]+$/, 'has to be 127.0.0.1:port')
    .optional(),
});
export type FunctionsConfig = z.infer<typeof schema>;

/** Throws an Error with one sentence for each variable that is missing or wrong. Values are never repeated: some are secrets. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): FunctionsConfig {
  const read = schema.safeParse(env);
  if (read.success) return read.data;
  const faults = read.error.issues.map(issue => {
    const name = String(issue.path[0]);
    return env[name] === undefined ? `${name} is not set` : `${name}: ${issue.message}`;
  });
  throw new Error(`the functions are not configured: ${faults.join('; ')}`);
}
