import { readConfig } from './config.ts';
import { loadParser } from './policy/analyse.ts';
import { startService } from './service.ts';

/**
 * The proxy as a service (Cloud Run): configured by its environment, until SIGTERM. Log lines are JSON, as Cloud Logging reads them.
 * Ends with code 1 where it cannot start, or could not put away everything before its end.
 */
const log = (message: string, error?: unknown) =>
  console.error(
    JSON.stringify({
      severity: error === undefined ? 'NOTICE' : 'ERROR',
      message: error === undefined ? message : `${message}: ${describe(error)}`,
    }),
  );

/** Cloud Run kills what is still there after 10 s. */
const STOP_MS = 9000;

try {
  const config = readConfig(process.env);
  await loadParser();
  const service = await startService(config, log);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      log('the end came before everything was put away', new Error(`not within ${STOP_MS} ms`));
      process.exit(1);
    }, STOP_MS).unref();
    service.stop().then(
      () => process.exit(0),
      error => {
        log('the proxy ended with a fault', error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  const { http, pg } = service;
  // For whoever has started it with port 0.
  console.log(JSON.stringify({ ready: true, http, pg }));
} catch (error) {
  log('the proxy cannot start', error);
  process.exit(1);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
