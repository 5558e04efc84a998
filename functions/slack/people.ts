import { lowerEmail } from '#schemas/email.ts';

/** Somebody who has pressed a button, as the Web API knows them. */
export interface SlackUser {
  readonly id: string;
  readonly team: string | undefined;
  readonly email: string | undefined;
  readonly deleted: boolean;
  readonly bot: boolean;
  /** A guest of the workspace. */
  readonly guest: boolean;
}

/** What is asked of Slack about people. Both reject when Slack does not answer. */
export interface Directory {
  user(id: string): Promise<SlackUser>;
  /** Ids of the members of a Slack user group. */
  members(userGroup: string): Promise<readonly string[]>;
}

export interface PeopleOptions {
  readonly directory: Directory;
  /** Slack user id → e-mail, for people whose e-mail in Slack is another one than in the policy. */
  readonly emails: Readonly<Record<string, string>>;
  /** Group of the policy → id of the Slack user group whose members are in it too. */
  readonly userGroups: Readonly<Record<string, string>>;
  /** The workspace. People of connected ones cannot decide: whoever runs such a workspace chooses the e-mails in it. */
  readonly team: string;
  /** Groups of a lower-case e-mail by the policy's own list. */
  readonly groupsOf: (email: string) => readonly string[];
  readonly clock: () => number;
  /** How long Slack's answers are believed (ms): so long does somebody who was removed keep a right. */
  readonly cacheMs?: number;
}

export type Decider =
  | {
      readonly kind: 'person';
      readonly email: string;
      readonly account: string;
      readonly groups: readonly string[];
    }
  /** A sentence for that person. */
  | { readonly kind: 'nobody'; readonly why: string };

/**
 * Who in the policy's words has pressed a button. The channel proves nothing: whoever can read it can press. `groups` are those of the
 * policy for the e-mail and those whose Slack user group the person is in; they are signed with the decision.
 */
export function createPeople(options: PeopleOptions): (userId: string) => Promise<Decider> {
  const { directory, emails, userGroups, team, groupsOf } = options;
  const users = cache(options, id => directory.user(id));
  const members = cache(options, group => directory.members(group));
  return async userId => {
    const user = await users(userId);
    if (user.deleted || user.bot) return nobody('only people with an active account can decide');
    if (user.guest) return nobody('guests of the workspace cannot decide');
    if (user.team !== team) return nobody('people of another workspace cannot decide');
    const known = (Object.hasOwn(emails, userId) ? emails[userId] : user.email)?.trim();
    if (known === undefined || known === '')
      return nobody('your Slack account has no e-mail that Holdpoint can see, and none is configured for it');
    const email = lowerEmail(known);
    const inSlack = await Promise.all(
      Object.entries(userGroups).map(async ([group, id]) =>
        (await members(id)).includes(userId) ? group : null,
      ),
    );
    const groups = new Set([...groupsOf(email), ...inSlack.filter(group => group !== null)]);
    return { kind: 'person', email, account: `slack:${team}/${userId}`, groups: [...groups].sort() };
  };
}

function nobody(why: string): Decider {
  return { kind: 'nobody', why };
}

/** Answers are kept for a while, failures are not. */
function cache<T>(
  { clock, cacheMs = 120_000 }: Pick<PeopleOptions, 'clock' | 'cacheMs'>,
  ask: (key: string) => Promise<T>,
): (key: string) => Promise<T> {
  const known = new Map<string, { readonly until: number; readonly value: Promise<T> }>();
  return key => {
    const now = clock();
    const there = known.get(key);
    if (there !== undefined && now < there.until) return there.value;
    const value = ask(key);
    known.set(key, { until: now + cacheMs, value });
    value.catch(() => known.delete(key));
    return value;
  };
}
