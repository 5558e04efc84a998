import type { Query, QuerySnapshot } from '@google-cloud/firestore';

const RESTART_FIRST_MS = 500;
const RESTART_LONGEST_MS = 15_000;

/** Listens to a query for good, and gives what ends that. A listener that reports an error is dead, the library has given up on it: another one is started. */
export function listen(
  query: Query,
  what: string,
  log: (message: string, error?: unknown) => void,
  changed: (snapshot: QuerySnapshot) => void,
): () => void {
  let closed = false;
  let pause = RESTART_FIRST_MS;
  let restart: NodeJS.Timeout | undefined;
  let unlisten: () => void = () => {};
  const start = () => {
    if (closed) return;
    unlisten = query.onSnapshot(
      snapshot => {
        pause = RESTART_FIRST_MS;
        changed(snapshot);
      },
      error => {
        if (closed) return;
        log(`the listener for ${what} has ended and is started again`, error);
        restart = setTimeout(start, pause);
        pause = Math.min(pause * 2, RESTART_LONGEST_MS);
      },
    );
  };
  start();
  return () => {
    closed = true;
    clearTimeout(restart);
    unlisten();
  };
}
