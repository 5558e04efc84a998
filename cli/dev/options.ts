import type { TlsFiles } from '#proxy/door/tls-files.ts';

export interface DevOptions {
  readonly data: string;
  readonly pgPort: number;
  readonly httpPort: number;
  /** Default: the sample policy. */
  readonly policy: string | undefined;
  /** Default: the sample shop. */
  readonly target: string | undefined;
  /** TLS towards agents. Default: none. */
  readonly tls?: TlsFiles | undefined;
  readonly log: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Dev {
  /** Without a password. */
  readonly pg: string;
  readonly http: string;
  readonly data: string;
  readonly issuer: string;
  readonly policy: string;
  /** Where the fake Slack shows its channel, and where tunnels lead to; only on emulators. */
  readonly slack?: string;
  readonly tunnel?: string;
  /** Withdraws what is held, ends the sessions, seals the ledger, stops what was started. */
  stop(): Promise<void>;
}
