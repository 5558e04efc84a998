import { type NodeProcess, startNode } from './node-process.ts';

export const FUNCTIONS = ['announce', 'record', 'slack', 'expire'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** A function that runs in a process of its own. */
export interface FunctionProcess extends NodeProcess {
  /** Where it answers, without a path. */
  readonly url: string;
}

const MAIN = new URL('../gcp/function-main.ts', import.meta.url);

/** Starts one function on a port of 127.0.0.1 (0: a free one). */
export async function startFunction(
  name: FunctionName,
  env: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void,
  port = 0,
): Promise<FunctionProcess> {
  const started = await startNode(MAIN, [name, String(port)], env, line => log(`${name}: ${line}`));
  return { ...started, url: `http://127.0.0.1:${String(started.ready.port)}` };
}

/** Where Pub/Sub has to push a topic's messages so that the framework knows them as such. */
export function pushTo({ url }: FunctionProcess, topic: string): string {
  return `${url}/${topic}`;
}
