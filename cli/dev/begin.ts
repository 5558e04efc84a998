import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { join, resolve } from 'node:path';
import { openDevIssuer } from '#cli/dev-issuer.ts';
import { loadParser } from '#proxy/policy/analyse.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import { readText } from '#proxy/read-text.ts';
import type { Policy } from '#schemas/policy.ts';
import { makeDataFolder, writePrivately } from './data-folder.ts';
import { closeServer, listen, portOf, probe } from './listening.ts';
import type { DevOptions } from './options.ts';
import { parseTarget } from './target.ts';
import type { Undo } from './undo.ts';

const SAMPLE_POLICY = new URL('../sample/policy.yaml', import.meta.url);

/** What a person may have got wrong, read before anything is started. Throws an Error of one line. */
export function readOptions(options: DevOptions) {
  const given = options.target === undefined ? null : parseTarget(options.target, options.env);
  const file = options.policy ?? SAMPLE_POLICY.pathname;
  const policy = loadPolicy(readText('the policy', file), options.policy ?? 'sample policy', {
    extraTargets: [given?.name ?? 'shop'],
    extraIssuers: ['dev'],
  });
  return { data: resolve(options.data), given, policy };
}

/** The page's port, the data folder and the issuer: what every kind of dev begins with. Rejects with an Error of one line. */
export async function begin(http: Server, options: DevOptions, undo: Undo) {
  await listen(http, options.httpPort, '--http-port');
  undo.push(() => closeServer(http));
  await probe(options.pgPort);
  const data = resolve(options.data);
  makeDataFolder(data);
  await loadParser();
  return { address: `http://127.0.0.1:${portOf(http)}`, issuer: await openDevIssuer(data) };
}

/** Tells the command line where this dev is, and what it has to send. */
export function tellCommandLine(
  data: string,
  about: {
    readonly http: string;
    readonly token: string;
    readonly groups: Policy['groups'];
    readonly emulators?: true;
  },
  undo: Undo,
): void {
  const file = join(data, 'dev.json');
  writePrivately(file, JSON.stringify({ ...about, pid: process.pid }));
  undo.push(() => rmSync(file, { force: true }));
}
