import { Command } from 'commander';
import { policyCommand } from '#cli/policy.ts';

/** `holdpoint` with the policy commands alone: what the tests of them run. */
await new Command('holdpoint').addCommand(policyCommand()).parseAsync();
