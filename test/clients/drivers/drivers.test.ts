import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Dev, startDev } from '#test/support/dev.ts';
import { askedBy, DRIVERS } from './asked.ts';
import { HEAD, PAGE, section, sectionsOf } from './page.ts';

/** With `WRITE_PAGE=1` the page is written anew from what the drivers ask today, and then compared with itself. */
const WRITE = process.env.WRITE_PAGE === '1';

const sections: string[] = [];
let dev: Dev;
let token: string;
before(async () => {
  dev = await startDev();
  token = await dev.token('agent-1');
});
after(() => {
  if (WRITE) writeFileSync(PAGE, [HEAD, ...sections].join('\n'));
});

const read = () => (WRITE ? [HEAD, ...sections].join('\n') : readFileSync(PAGE, 'utf8'));

for (const driver of DRIVERS)
  test(
    `what ${driver.name} asks of itself is allowed by the sample policy, and is what docs/drivers.md says`,
    {
      skip: driver.lacks,
    },
    async () => {
      const asked = await askedBy(driver, dev, token);
      for (const { text, verdict } of asked) assert.equal(verdict, 'allow', text);
      sections.push(section(driver, asked));
      assert.equal(section(driver, asked), sectionsOf(read()).get(driver.name));
    },
  );

test('docs/drivers.md tells of these drivers and no others, in order', () => {
  assert.ok(read().startsWith(HEAD), 'the page begins with another text');
  assert.deepEqual(
    [...sectionsOf(read()).keys()],
    DRIVERS.map(driver => driver.name),
  );
});
