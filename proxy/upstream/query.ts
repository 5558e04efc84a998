import type { Socket } from 'node:net';
import { HoldpointError } from '#schemas/errors.ts';
import { BACKEND, decodeFields, decodeTextRow, encode, field } from '../wire/backend.ts';
import { Frames } from '../wire/frames.ts';
import { FRONTEND } from '../wire/frontend.ts';
import type { UpstreamConnection } from './connect.ts';

const MAX_MESSAGE = 256 * 1024 * 1024;

interface Waiting {
  readonly resolve: (rows: (string | null)[][]) => void;
  readonly reject: (error: Error) => void;
  readonly rows: (string | null)[][];
  error: HoldpointError | null;
}

/** The proxy's own connection to a target, for questions of its own: one simple Query at a time, rows as text. */
export class OwnConnection {
  private readonly socket: Socket;
  private readonly frames = new Frames({ limit: () => MAX_MESSAGE, stream: () => false });
  private readonly waiting: Waiting[] = [];
  private broken = false;
  /** As the server reports it: `18.4`. */
  readonly serverVersion: string;

  constructor(connection: UpstreamConnection) {
    this.serverVersion = connection.parameters.get('server_version') ?? '';
    this.socket = connection.socket;
    // Rows are text of their own, and `keep` copies what is left of a chunk: without this, all that was ever read would stay.
    if (connection.reads !== null) connection.reads.unneeded = () => true;
    this.socket.on('data', (chunk: Buffer) => {
      try {
        this.frames.push(chunk);
        while (this.frames.next()) this.message();
        this.frames.keep();
      } catch (error) {
        this.fail(error);
      }
    });
    this.socket.on('close', () => this.fail(undefined));
    this.socket.resume();
  }

  get closed(): boolean {
    return this.broken;
  }

  /** Rejects with HoldpointError `catalog_unavailable` when the server refuses it or the connection breaks. */
  query(sql: string): Promise<(string | null)[][]> {
    return new Promise((resolve, reject) => {
      if (this.broken) {
        reject(new HoldpointError('catalog_unavailable'));
        return;
      }
      this.waiting.push({ resolve, reject, rows: [], error: null });
      this.socket.write(encode(FRONTEND.query, sql));
    });
  }

  close(): void {
    if (!this.broken) this.socket.end(encode(FRONTEND.terminate));
    this.fail(undefined);
  }

  private message(): void {
    const { type, buffer, start, end } = this.frames;
    const head = this.waiting[0];
    if (head === undefined) return;
    if (type === BACKEND.dataRow) {
      head.rows.push(decodeTextRow(buffer, start, end));
    } else if (type === BACKEND.error) {
      const fields = decodeFields(buffer, start, end);
      head.error = new HoldpointError('catalog_unavailable', undefined, {
        cause: new Error(`${field(fields, 'C')} ${field(fields, 'M')}`),
      });
    } else if (type === BACKEND.readyForQuery) {
      this.waiting.shift();
      if (head.error === null) head.resolve(head.rows);
      else head.reject(head.error);
    }
  }

  private fail(cause: unknown): void {
    if (this.broken) return;
    this.broken = true;
    this.socket.destroy();
    for (const { reject } of this.waiting.splice(0))
      reject(new HoldpointError('catalog_unavailable', undefined, { cause }));
  }
}
