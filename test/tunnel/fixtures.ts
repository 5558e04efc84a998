import { type ChildProcess, spawn } from 'node:child_process';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { atExit } from '#cli/at-exit.ts';
import { cleanEnvironment } from '#test/support/psql.ts';

const COMMAND = join(import.meta.dirname, '..', '..', 'cli', 'holdpoint.ts');

/** `holdpoint connect` as a process of its own. */
export interface Near {
  readonly at: string;
  readonly process: ChildProcess;
  readonly stderr: () => string;
  /** Ctrl-C; gives the exit code. */
  stop(): Promise<number | null>;
}

export async function startNear(args: readonly string[], env: Record<string, string> = {}): Promise<Near> {
  const child = spawn(process.execPath, [COMMAND, 'connect', '--json', ...args], {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.once(
    'exit',
    atExit(() => child.kill('SIGKILL')),
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', code => reject(new Error(`holdpoint connect ended with ${code}: ${stderr}`)));
  });
  const { listen } = JSON.parse(line) as { listen: string };
  return {
    at: listen,
    process: child,
    stderr: () => stderr,
    stop: () =>
      new Promise(resolve => {
        if (child.exitCode !== null) return resolve(child.exitCode);
        child.once('exit', resolve);
        child.kill('SIGINT');
      }),
  };
}

export interface Listening {
  readonly server: Server;
  readonly url: string;
  readonly host: string;
  /** Headers of the requests so far, upgrades included. */
  readonly seen: { readonly url: string; readonly headers: IncomingHttpHeaders }[];
}

/** An HTTP server on a free port that answers as told, also where an upgrade is asked for. */
export async function startHttp(answer: RequestListener): Promise<Listening> {
  const seen: Listening['seen'] = [];
  const server = createServer({ shouldUpgradeCallback: () => false }, (request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const host = `127.0.0.1:${address.port}`;
  return { server, host, url: `http://${host}`, seen };
}

/** A bare WebSocket to the tunnel. Rejects with the status and the body of the answer when it is refused. */
export function openRaw(
  http: string,
  headers: Record<string, string>,
  path = '/connect',
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${http.replace('http', 'ws')}${path}`, { headers, perMessageDeflate: true });
    ws.on('error', reject);
    ws.once('open', () => resolve(ws));
    ws.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', part => {
        body += part;
      });
      response.on('end', () => reject(new Error(`${response.statusCode} ${body}`)));
    });
  });
}
