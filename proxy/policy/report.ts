import type { Path } from './yaml-source.ts';

/** Takes one fault: where it is, and a sentence. */
export type Report = (path: Path, message: string) => void;
