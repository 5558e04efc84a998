import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

/** The page's modules, and the files of the contract that the page shares: who may decide is judged by the same lines everywhere. */
const MODULES: Readonly<Record<string, string>> = {
  api: './page/api.ts',
  app: './page/app.ts',
  binds: './page/binds.ts',
  'canonical-json': '#schemas/canonical-json.ts',
  card: './page/card.ts',
  describe: './page/describe.ts',
  dom: './page/dom.ts',
  facts: './page/facts.ts',
  history: './page/history.ts',
  'names-of': '#schemas/names-of.ts',
  email: '#schemas/email.ts',
  quorum: '#schemas/quorum.ts',
  replay: './page/replay.ts',
  'request-text': '#schemas/request-text.ts',
  sessions: './page/sessions.ts',
  shown: './page/shown.ts',
  sql: './page/sql.ts',
  statement: './page/statement.ts',
  steady: './page/steady.ts',
  visible: './page/visible.ts',
};

/** Everything static, by path. Read once: the page that was reviewed is the page that is served. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const script = 'text/javascript; charset=utf-8';
  return new Map<string, Asset>([
    ['/', { type: 'text/html; charset=utf-8', body: read('./page/index.html') }],
    ['/app.css', { type: 'text/css; charset=utf-8', body: read('./page/app.css') }],
    ['/favicon.svg', { type: 'image/svg+xml', body: read('./page/favicon.svg') }],
    ...Object.entries(MODULES).map(
      ([name, file]) => [`/${name}.js`, { type: script, body: toBrowser(read(file)) }] as const,
    ),
  ]);
}

function read(file: string): string {
  return readFileSync(
    new URL(file.startsWith('#') ? import.meta.resolve(file) : file, import.meta.url),
    'utf8',
  );
}

/** TypeScript to the JavaScript that it contains, with imports as the browser finds them: `./x.ts` and `#schemas/x.ts` are `./x.js`. */
function toBrowser(source: string): string {
  return strip(source).replace(/(\bfrom\s*')(?:\.|#schemas)\/([\w-]+)\.ts'/g, "$1./$2.js'");
}

/** Node marks the function as experimental with a warning on stderr, though it is what runs this very file: the warning alone is kept back. */
function strip(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = (() => {}) as typeof process.emitWarning;
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
