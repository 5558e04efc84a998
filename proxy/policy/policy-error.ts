/** One thing that is wrong with a policy file, and where: lines and columns count from 1. */
export interface PolicyFault {
  readonly line: number;
  readonly column: number;
  /** `rules[2].match.effects`; empty for the file as a whole. */
  readonly path: string;
  /** A sentence. */
  readonly message: string;
}

const SHOWN = 50;

/** A policy file that does not load. The message has a line `file:line:column: path: sentence` per fault, in the file's order. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly file: string;
  readonly faults: readonly PolicyFault[];

  constructor(file: string, faults: readonly PolicyFault[]) {
    const sorted = [...faults].sort((a, b) => a.line - b.line || a.column - b.column);
    const lines = sorted.slice(0, SHOWN).map(fault => formatFault(file, fault));
    if (sorted.length > SHOWN) lines.push(`${file}: and ${sorted.length - SHOWN} more faults`);
    super(lines.join('\n'));
    this.file = file;
    this.faults = sorted;
  }
}

/** `file:line:column: path: sentence` */
export function formatFault(file: string, fault: PolicyFault): string {
  const path = fault.path === '' ? '' : `${fault.path}: `;
  return `${file}:${fault.line}:${fault.column}: ${path}${fault.message}`;
}

/** A path as people write it: `rules[2].match`. Keys that are not plain words are quoted. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    const key = String(segment);
    if (!/^[\w-]+$/.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}
