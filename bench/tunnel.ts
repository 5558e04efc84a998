import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Way } from './ways.ts';

const COMMAND = join(import.meta.dirname, '..', 'cli', 'holdpoint.ts');

/**
 * The same proxy at the other end of `holdpoint connect`: what it costs beside `holdpoint` is the tunnel's own cost, two more hops of Node and
 * the frames between them. The token goes with the tunnel, so that pgbench has no password.
 */
export async function throughTunnel(proxy: Way): Promise<Way & { readonly nearPid: number }> {
  const { dev, password = '' } = proxy;
  if (dev === undefined) throw new Error('there is a tunnel to holdpoint only');
  const args = ['connect', '--json', '--url', dev.ready.http, '--listen', '127.0.0.1:0', '--token-env', 'T'];
  const child = spawn(process.execPath, [COMMAND, ...args], {
    env: { ...process.env, T: password },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { listen } = JSON.parse(line) as { listen: string };
  return {
    nearPid: child.pid ?? 0,
    name: 'holdpoint connect',
    port: Number(listen.split(':').at(-1)),
    user: proxy.user,
    database: proxy.database,
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGINT');
      await gone;
      process.off('exit', kill);
      await proxy.stop();
    },
  };
}
