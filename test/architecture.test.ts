import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { test } from 'node:test';
import { codeOf, importsOf } from '#test/support/source.ts';

const root = join(import.meta.dirname, '..');
const AREAS = ['schemas', 'proxy', 'functions', 'cli', 'test', 'bench'];
const STAGES = ['tunnel', 'identity', 'catalog', 'policy', 'hold', 'upstream', 'mask', 'record'];
const MAX_LINES = 400;

/** What each area may import from this repository. */
const MAY: Record<string, readonly string[]> = {
  schemas: ['schemas'],
  proxy: ['proxy', 'schemas'],
  functions: ['functions', 'schemas'],
  cli: ['cli', 'proxy', 'functions', 'schemas'],
  test: AREAS,
  bench: AREAS,
};

interface Source {
  /** `proxy/policy/judge.ts` */
  readonly path: string;
  readonly text: string;
}

/** An import of another file of the repository. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const sources: Source[] = globSync(`{${AREAS.join(',')}}/**/*.ts`, { cwd: root })
  .filter(path => !path.includes('node_modules'))
  .map(path => ({ path: path.split(sep).join('/'), text: readFileSync(join(root, path), 'utf8') }))
  .sort((a, b) => a.path.localeCompare(b.path));

const edges: Edge[] = sources.flatMap(({ path, text }) =>
  importsOf(text).flatMap(({ specifier, typeOnly }) => {
    const to = specifier === null ? null : resolveLocal(path, specifier);
    return to === null ? [] : [{ from: path, to, typeOnly }];
  }),
);

test('the rules look at real files and imports', () => {
  for (const area of ['schemas', 'proxy', 'functions', 'cli', 'test']) {
    assert.ok(
      sources.some(source => source.path.startsWith(`${area}/`)),
      `no file in ${area}/`,
    );
  }
  assert.ok(edges.some(edge => edge.from.startsWith('proxy/') && edge.to.startsWith('schemas/')));
});

test('the reader of imports finds every form, and none in comments and strings', () => {
  const text = [
    "import a from './a.ts';",
    "import type { B } from './b.ts';",
    "import {\n  type C,\n  c,\n} from './c.ts';",
    "export * from './d.ts';",
    "export { e } from './e.ts';",
    "import './f.ts';",
    "const g = await import('./g.ts');",
    'const h = await import(name);',
    "type I = import('./i.ts').I;",
    "import * as j from './j.ts';",
    "import k, { type L } from './k.ts';",
    "// import x from './no.ts';",
    '/* import x from "./no.ts" */ const quote = /[\'"`/]/;',
    'const s = "import x from \'./no.ts\'";',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a template that is wanted
    "const t = `import('./no.ts') ${await import('./t.ts')} import './no.ts'`;",
    'export const from = import.meta.url;',
    "export type M = 'm';",
  ].join('\n');
  const found = importsOf(text).map(({ specifier, typeOnly }) => `${typeOnly ? 'type ' : ''}${specifier}`);
  assert.deepEqual(found, [
    ...['./a.ts', 'type ./b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts', 'null'],
    ...['./i.ts', './j.ts', './k.ts', './t.ts'],
  ]);
});

test('each area imports only what it may: proxy → schemas ← functions, and only cli joins them', () => {
  const wrong = edges.filter(({ from, to }) => !MAY[area(from)]!.includes(area(to)));
  assert.deepEqual(wrong.map(show), []);
});

test('what is imported exists, and no path is computed at run time', () => {
  const wrong = sources.flatMap(({ path, text }) =>
    importsOf(text)
      .filter(({ specifier }) => {
        if (specifier === null) return area(path) !== 'test';
        const to = resolveLocal(path, specifier);
        return to !== null && !existsSync(join(root, to));
      })
      .map(({ specifier }) => `${path} → ${specifier}`),
  );
  assert.deepEqual(wrong, []);
});

test('a stage of the proxy imports no other stage: only the schemas, the ports and the wire', () => {
  const wrong = edges.filter(({ from, to }) => {
    const stage = stageOf(from);
    if (stage === null || area(to) === 'schemas') return false;
    return stageOf(to) !== stage && to !== 'proxy/ports.ts' && !to.startsWith('proxy/wire/');
  });
  assert.deepEqual(wrong.map(show), []);
});

test('the wire stands on the schemas alone, and ports on nothing that runs', () => {
  const wrong = edges.filter(({ from, to, typeOnly }) => {
    if (from.startsWith('proxy/wire/')) return !to.startsWith('proxy/wire/') && area(to) !== 'schemas';
    if (from.endsWith('/ports.ts')) return area(to) !== 'schemas' || !typeOnly;
    return false;
  });
  assert.deepEqual(wrong.map(show), []);
});

test('no imports in a circle', () => {
  assert.deepEqual(circles(edges.filter(edge => !edge.typeOnly)), []);
});

test('only a gcp folder imports a Google SDK', () => {
  const sdk =
    /^(?:@google-cloud\/(?!functions-framework)|@googleapis\/|googleapis|google-auth-library|google-gax|gcp-metadata|firebase)/;
  const wrong = sources.flatMap(({ path, text }) =>
    path.split('/').includes('gcp')
      ? []
      : importsOf(text).flatMap(({ specifier }) =>
          sdk.test(specifier ?? '') ? [`${path} → ${specifier}`] : [],
        ),
  );
  assert.deepEqual(wrong, []);
});

test('the type checker is nowhere switched off', () => {
  const off = new RegExp(['@ts-ign', 'ore|@ts-noch', 'eck'].join(''));
  const any = /(?::|\bas|<|\|)\s*any\b(?!\s*[:(.])|,\s*any\s*>|\bany\[\]/;
  const wrong = sources.flatMap(({ path, text }) => [
    ...(off.test(text) ? [`${path}: a ts- directive`] : []),
    ...(any.test(codeOf(text, 'comments and strings')) ? [`${path}: any`] : []),
  ]);
  assert.deepEqual(wrong, []);
});

test(`no source file is longer than ${MAX_LINES} lines`, () => {
  const long = sources
    // Tests are lists of cases, and a corpus only grows.
    .filter(({ path }) => area(path) !== 'test' || !/\.(?:test|corpus)\.ts$/.test(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES);
  assert.deepEqual(long, []);
});

test('every test file holds a test and an assertion, and none is switched off or alone', () => {
  const wrong = sources
    .filter(({ path }) => path.endsWith('.test.ts'))
    .flatMap(({ path, text }) => {
      const code = codeOf(text, 'comments and strings');
      return [
        ...(/\b(?:test|it)\(/.test(code) ? [] : [`${path}: no test`]),
        ...(/\bassert\b[\w.]*\(|\bfc\.assert\(/.test(code) ? [] : [`${path}: no assertion`]),
        ...(/\b(?:test|it|describe|suite)\.(?:only|todo)\(/.test(code) ? [`${path}: only or todo`] : []),
        ...(/\bassert(?:\.ok)?\(true\b/.test(code) ? [`${path}: an assertion that cannot fail`] : []),
      ];
    });
  assert.deepEqual(wrong, []);
});

test('no file names a folder of somebody’s own machine', () => {
  const personal = new RegExp(['(?<![\\w.~-])/(?:wo', 'rk|fa', 'rm|Use', 'rs/\\w+|ho', 'me/\\w+)/'].join(''));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  const files = listed.split('\0').filter(file => file !== '' && existsSync(join(root, file)));
  assert.ok(files.length > 50);
  const wrong = files.flatMap(file => {
    const found = personal.exec(readFileSync(join(root, file), 'latin1'));
    return found === null ? [] : [`${file}: ${found[0]}`];
  });
  assert.deepEqual(wrong, []);
});

function area(path: string): string {
  return path.split('/')[0]!;
}

function stageOf(path: string): string | null {
  const [first, second, third] = path.split('/');
  return first === 'proxy' && third !== undefined && STAGES.includes(second!) ? second! : null;
}

/** The repository's file that a specifier means; null for packages and node's own modules. */
function resolveLocal(from: string, specifier: string): string | null {
  if (specifier.startsWith('#')) return specifier.slice(1);
  if (!specifier.startsWith('.')) return null;
  return relative(root, join(root, dirname(from), specifier))
    .split(sep)
    .join('/');
}

function show({ from, to, typeOnly }: Edge): string {
  return `${from} → ${to}${typeOnly ? ' (type)' : ''}`;
}

/** One way round for each circle found by walking in depth. */
function circles(all: readonly Edge[]): string[] {
  const next = Map.groupBy(all, edge => edge.from);
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) {
      found.push([...way.slice(way.indexOf(file)), file].join(' → '));
      return;
    }
    if (done.has(file)) return;
    for (const edge of next.get(file) ?? []) walk(edge.to, [...way, file]);
    done.add(file);
  };
  for (const file of next.keys()) walk(file, []);
  return found;
}
