import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * The newest checkpoint beside the database: whoever cuts the end off the database must find this one too. Replaced by rename, so
 * that a reader sees the old or the new one. Written after the commit, hence never ahead of the database.
 */
export class CheckpointFile {
  #path: string;
  #written = '';
  #next: string | null = null;
  #writing: Promise<void> | null = null;
  #told: (fault: Error | null) => void;
  #failing = false;

  /** `told` hears of a write in the background that has failed, and with null of the first one that succeeds after that. */
  constructor(path: string, told: (fault: Error | null) => void) {
    this.#path = path;
    this.#told = told;
  }

  /** The note in the file; null when there is none. */
  read(): string | null {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Writes now, and to the disk, name and all: before the first entry the file must be sure to exist. */
  writeNow(note: string): void {
    const draft = `${this.#path}.new`;
    const file = openSync(draft, 'w', 0o644);
    try {
      writeSync(file, note);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, this.#path);
    const folder = openSync(dirname(this.#path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    this.#written = note;
  }

  /** Writes in the background; of several notes that come meanwhile, only the last is written. */
  write(note: string): void {
    if (note === this.#written && this.#writing === null) return;
    this.#next = note;
    this.#writing ??= this.#drain();
  }

  /** Everything given to `write` has been tried. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    try {
      for (let note = this.#next; note !== null; note = this.#next) {
        this.#next = null;
        await replace(this.#path, note);
        this.#written = note;
      }
    } catch (error) {
      this.#failing = true;
      this.#writing = null;
      this.#told(error as Error);
      return;
    }
    this.#writing = null;
    if (this.#failing) this.#told(null);
    this.#failing = false;
  }
}

async function replace(path: string, note: string): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, 'w', 0o644);
  try {
    await file.writeFile(note);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}
