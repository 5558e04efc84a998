import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { AT_COMMIT } from './at-commit.ts';
import type { AttackClass } from './attack.ts';
import { BODIES } from './bodies.ts';
import { CHANGED_MEANING } from './changed-meaning.ts';
import { ENCODING } from './encoding.ts';
import { Field } from './field.ts';
import { HOLDS } from './holds.ts';
import { NAMES } from './names.ts';
import { OLD_PLANS } from './old-plans.ts';
import { PARSED_TYPES } from './parsed-types.ts';
import { PROTECTED_VALUES } from './protected-values.ts';
import { READ_ONLY } from './read-only.ts';
import { SEARCH_PATH } from './search-path.ts';
import { STRINGS } from './strings.ts';
import { WIRE } from './wire.ts';

/**
 * What an attacker tries to make the proxy's picture of the session another than the server's. This suite only grows. An attack has
 * failed when the database is as it was and nothing protected has come out; what the proxy answered does not count.
 */
const CLASSES: readonly AttackClass[] = [
  SEARCH_PATH,
  AT_COMMIT,
  NAMES,
  CHANGED_MEANING,
  BODIES,
  OLD_PLANS,
  PARSED_TYPES,
  READ_ONLY,
  ENCODING,
  STRINGS,
  PROTECTED_VALUES,
  HOLDS,
  WIRE,
];

let field: Field;
before(async () => {
  field = await Field.open();
});

for (const { title, attacks } of CLASSES)
  for (const { name, run, as, parameters } of attacks)
    test(`${title}: ${name}`, async () => {
      const me = await field.attacker(as, parameters);
      const broken = await run(me, field).then(
        () => null,
        fault => fault,
      );
      assert.deepEqual(await field.damage(), []);
      assert.equal(broken, null);
    });
