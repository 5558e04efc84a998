export interface Import {
  /** As written: `#schemas/policy.ts`, `../x.ts`, `node:fs`, or null where it is computed at run time. */
  readonly specifier: string | null;
  /** Erased before the program runs. */
  readonly typeOnly: boolean;
}

/**
 * TypeScript without its comments and, with `blank`, without what stands in strings and regular expressions: enough of a reader to
 * find imports and words. Lengths and line breaks stay, so that places in it are places in the file.
 */
export function codeOf(text: string, blank: 'comments' | 'comments and strings'): string {
  const strings = blank === 'comments and strings';
  let out = '';
  let at = 0;
  // Template literals nest: for each open one, how many braces its `${` has open.
  const templates: number[] = [];
  const wipe = (part: string) => part.replace(/[^\n]/g, ' ');
  const quoted = (end: number, keep: number) => {
    const part = text.slice(at, end);
    out += strings ? part.slice(0, keep) + wipe(part.slice(keep, -keep)) + part.slice(-keep) : part;
    at = end;
  };
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text[at]!;
    if (two === '//') {
      const end = until(text, '\n', at);
      out += wipe(text.slice(at, end));
      at = end;
    } else if (two === '/*') {
      const end = Math.min(text.length, until(text, '*/', at + 2) + 2);
      out += wipe(text.slice(at, end));
      at = end;
    } else if (one === "'" || one === '"') {
      quoted(stringEnd(text, at), 1);
    } else if (one === '/' && startsRegex(out)) {
      quoted(regexEnd(text, at), 1);
    } else if (one === '`' || (one === '}' && templates.at(-1) === 0)) {
      if (one === '}') templates.pop();
      const end = templateEnd(text, at);
      if (text[end - 1] === '{') templates.push(0);
      quoted(end, 1);
    } else {
      if (templates.length > 0 && one === '{') templates[templates.length - 1]! += 1;
      if (templates.length > 0 && one === '}') templates[templates.length - 1]! -= 1;
      out += one;
      at += 1;
    }
  }
  return out;
}

/** Every import of a file: static, re-exported, dynamic, and `import('…')` in types. */
export function importsOf(text: string): Import[] {
  const code = codeOf(text, 'comments');
  const blank = codeOf(text, 'comments and strings');
  const found: Import[] = [];
  // Words are looked for where strings are blank, and specifiers read at the same place where they are not.
  for (const match of blank.matchAll(/(?<![\w.$])(import|export)\b(\s+type\b(?!\s*(?:,|from\b|=)))?/g)) {
    const from = match.index + match[0].length;
    const typeOnly = match[2] !== undefined;
    const rest = blank.slice(from);
    const called = /^\s*\(\s*/.exec(rest);
    if (match[1] === 'import' && called !== null) {
      found.push({ specifier: stringAt(code, from + called[0].length), typeOnly: false });
      continue;
    }
    if (match[1] === 'import' && /^\s*\.\s*meta\b/.test(rest)) continue;
    const clause = /^\s*(?:(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s*as\s+[\w$]+)?)?\s*from\s*)?(?=['"])/.exec(
      rest,
    );
    if (clause === null) continue;
    // `import { type A, type B }` stays as an import of the module: only `import type` goes as a whole.
    found.push({ specifier: stringAt(code, from + clause[0].length), typeOnly });
  }
  return found;
}

function stringAt(code: string, at: number): string | null {
  const quote = code[at];
  if (quote !== "'" && quote !== '"') return null;
  return code.slice(at + 1, stringEnd(code, at) - 1);
}

function until(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found < 0 ? text.length : found;
}

function stringEnd(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== text[at] && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
  return Math.min(text.length, end + 1);
}

/** From a backquote or the `}` that goes back into the template, to behind its closing backquote or its next `${`. */
function templateEnd(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '`') {
    if (text[end] === '$' && text[end + 1] === '{') return end + 2;
    end += text[end] === '\\' ? 2 : 1;
  }
  return Math.min(text.length, end + 1);
}

function regexEnd(text: string, at: number): number {
  let end = at + 1;
  let inClass = false;
  while (end < text.length && text[end] !== '\n' && (inClass || text[end] !== '/')) {
    if (text[end] === '[') inClass = true;
    else if (text[end] === ']') inClass = false;
    end += text[end] === '\\' ? 2 : 1;
  }
  return Math.min(text.length, end + 1);
}

/** A slash divides after a value and begins a regular expression after anything else. */
function startsRegex(before: string): boolean {
  const last = before.trimEnd();
  return (
    last === '' ||
    /[(,=:[!&|?{};+\-*%<>~^]$/.test(last) ||
    /\b(?:return|typeof|case|in|of|await|yield)$/.test(last)
  );
}
