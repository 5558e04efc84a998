import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLocalSecrets } from '#proxy/local/secrets.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { tempDir } from '#test/support/temp.ts';

const dir = tempDir('secrets');
const file = join(dir, 'password');
const secrets = createLocalSecrets({ APP_PASSWORD: 'hunter2', EMPTY: '', ZERO: 'a\0b' });

test('a password comes from the environment, and its version is the reference', async () => {
  assert.deepEqual(await secrets.fetch('env:APP_PASSWORD'), {
    password: 'hunter2',
    version: 'env:APP_PASSWORD',
  });
});

test('a password comes from a file without the newline at its end; the version changes with the file and not with the value', async () => {
  writeFileSync(file, 'hunter2\n');
  const first = await secrets.fetch(`file:${file}`);
  assert.equal(first.password, 'hunter2');
  assert.match(first.version, /^file:.*@\d+-20\d\d-/);
  assert.deepEqual(await secrets.fetch(`file:${file}`), first);
  utimesSync(file, 1, 1);
  const touched = await secrets.fetch(`file:${file}`);
  assert.equal(touched.password, 'hunter2');
  assert.notEqual(touched.version, first.version);
  writeFileSync(file, '  spaces \r\n');
  utimesSync(file, 1, 1);
  assert.deepEqual(await secrets.fetch(`file:${file}`), { ...touched, password: '  spaces ' });
});

test('what cannot be fetched is secret_unavailable within no time, and no error says a password', async () => {
  writeFileSync(join(dir, 'empty'), '\n');
  writeFileSync(join(dir, 'large'), 'hunter2'.repeat(9999));
  writeFileSync(join(dir, 'zero'), 'hunter2\0');
  chmodSync(join(dir, 'zero'), 0o600);
  execFileSync('mkfifo', [join(dir, 'pipe')]);
  const bad: [string, RegExp][] = [
    ['env:MISSING', /env:MISSING is not set/],
    ['env:EMPTY', /is not set/],
    ['env:ZERO', /zero byte/],
    ['env:', /is not set/],
    [`file:${dir}/missing`, /ENOENT/],
    [`file:${dir}`, /not a regular file/],
    [`file:${dir}/pipe`, /not a regular file/],
    [`file:${dir}/empty`, /is empty/],
    [`file:${dir}/large`, /larger than/],
    [`file:${dir}/zero`, /zero byte/],
    ['file:relative', /absolute/],
    ['hunter2', /neither env:NAME nor file/],
    ['projects/p/secrets/hunter2', /neither env:NAME nor file/],
  ];
  for (const [reference, why] of bad)
    await assert.rejects(secrets.fetch(reference), (error: unknown) => {
      assert(error instanceof HoldpointError);
      assert.equal(error.code, 'secret_unavailable');
      assert.match(error.detail ?? '', why);
      assert(!`${error.message}${error.detail}${error.hint}`.includes('hunter2'), reference);
      return true;
    });
});
