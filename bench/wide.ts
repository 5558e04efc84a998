import { query, RawClient } from '#test/support/raw.ts';
import type { BenchCluster } from './cluster.ts';
import { memoryOf, resetPeak } from './memory.ts';
import { median } from './throughput.ts';
import type { Way } from './ways.ts';

const SQL = 'select id, name, email, city, joined from bench_people';

export interface WideRow {
  readonly way: 'direct' | 'node pipe' | 'holdpoint';
  readonly seconds: number;
  readonly ofDirect: number;
  readonly mebibytes: number;
  /** Of the proxy: resident before, and the most during. Null for what is no process of ours. */
  readonly memory: { readonly beforeMiB: number; readonly peakMiB: number } | null;
}

/** A whole table through each way in turn, several rounds; the column `email` is masked by the proxy. */
export async function wide(
  cluster: BenchCluster,
  options: { ways: readonly Way[]; rounds: number; log: (line: string) => void },
): Promise<WideRow[]> {
  // Without SCRAM, which our raw client does not speak: log-in is not part of the time.
  const direct = {
    name: 'direct' as const,
    port: cluster.port,
    user: cluster.trustedUser,
    database: cluster.database,
  };
  const pipe = options.ways.find(way => way.name === 'node pipe');
  const proxy = options.ways.find(way => way.name === 'holdpoint');
  const ways = [
    direct,
    ...(pipe === undefined ? [] : [{ ...direct, name: 'node pipe' as const, port: pipe.port }]),
    ...(proxy === undefined ? [] : [{ ...proxy, name: 'holdpoint' as const }]),
  ];
  const pid = proxy?.dev?.process.pid;
  const before = pid === undefined ? null : memoryOf(pid);
  if (pid !== undefined) resetPeak(pid);
  const taken = new Map(ways.map(way => [way.name, [] as { seconds: number; bytes: number }[]]));
  for (let round = 0; round <= options.rounds; round += 1) {
    for (const way of ways) {
      const client = await RawClient.connect({ port: way.port });
      const password = 'password' in way && way.password !== undefined ? { password: way.password } : {};
      await client.login({ user: way.user, database: way.database, ...password });
      const figures = await drain(client);
      if (round > 0) taken.get(way.name)!.push(figures);
      if (round > 0) options.log(`whole table, round ${round}, ${way.name}: ${figures.seconds.toFixed(2)} s`);
    }
  }
  const peak = pid === undefined ? null : memoryOf(pid);
  const middle = (name: WideRow['way']) => median(taken.get(name)!.map(({ seconds }) => seconds));
  return ways.map(way => ({
    way: way.name,
    seconds: middle(way.name),
    ofDirect: middle(way.name) / middle('direct'),
    mebibytes: taken.get(way.name)!.at(-1)!.bytes / 2 ** 20,
    memory:
      way.name === 'holdpoint' && before !== null && peak !== null
        ? { beforeMiB: before.nowMiB, peakMiB: peak.peakMiB }
        : null,
  }));
}

/** Sends the query and counts bytes until the last ones are ReadyForQuery: no client's own work with rows is in the time. */
function drain(client: RawClient): Promise<{ seconds: number; bytes: number }> {
  const { socket } = client;
  socket.ref();
  socket.removeAllListeners('data');
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let first = 0;
    let tail: Buffer = Buffer.alloc(0);
    const began = performance.now();
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection ended in the middle of the rows')));
    socket.on('data', (data: Buffer) => {
      if (bytes === 0) first = data[0]!;
      bytes += data.length;
      tail = data.length >= 6 ? data.subarray(-6) : Buffer.concat([tail, data]).subarray(-6);
      if (tail.toString('latin1') !== 'Z\0\0\0\x05I') return;
      socket.removeAllListeners('close').destroy();
      // `T` RowDescription; anything else first is a refusal or a notice.
      if (first !== 0x54)
        reject(new Error(`the whole table was answered with ${data.toString('latin1', 0, 200)}`));
      else resolve({ seconds: (performance.now() - began) / 1000, bytes });
    });
    client.send(query(SQL));
  });
}
