import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostFault, siteFault } from '#functions/console/guard.ts';
import type { FakeButton, FakeMessage, SlackEmulator } from './slack.ts';

type Channel = Pick<SlackEmulator, 'users' | 'messages' | 'whispers' | 'press' | 'submit'> & {
  readonly buttons: (message: FakeMessage) => FakeButton[];
};

/** So long stands what only one person is shown; Slack's own goes with the next reload. */
const WHISPER_MS = 60_000;
/** Nothing from elsewhere, and nobody frames it to have its buttons pressed by mistake. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/**
 * The channel as a page, for `holdpoint dev --emulators`: messages with their buttons, a form where the app opens a dialog, and who one
 * is. Plain HTML and forms: it stands in for Slack, it does not imitate it.
 */
export async function slackPage(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  channel: Channel,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://slack');
  const user = url.searchParams.get('as') ?? channel.users[0]?.id ?? '';
  const html = (body: string, refresh?: string) =>
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY })
      .end(page(body, refresh));
  const back = () => response.writeHead(303, { location: `/?as=${encodeURIComponent(user)}` }).end();
  // No other page of the browser's reads this one or presses its buttons, whatever name it has given to 127.0.0.1.
  const fault =
    hostFault(request.headers.host, request.socket.localPort ?? 0) ??
    (request.method === 'GET' ? null : siteFault(request.headers, 'change'));
  if (fault !== null) {
    response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end(`${fault}\n`);
    return;
  }
  if (request.method === 'GET' && path === '/') {
    html(channelView(channel, user), '<meta http-equiv="refresh" content="5">');
    return;
  }
  const form = request.method === 'POST' ? await readForm(request) : null;
  if (form !== null && path === '/press') {
    const { dialog } = await channel.press(form.get('ts') ?? '', form.get('action') ?? '', user);
    if (dialog === null) back();
    else html(dialogView(dialog, user, ''));
    return;
  }
  if (form !== null && path === '/submit') {
    const dialog = JSON.parse(form.get('dialog') ?? '{}') as Record<string, unknown>;
    const { body } = await channel.submit(dialog, user, form.get('reason') ?? '');
    const errors = (body as { errors?: Record<string, string> } | null)?.errors;
    if (errors === undefined) back();
    else html(dialogView(dialog, user, Object.values(errors).join(' ')));
    return;
  }
  response.writeHead(404).end('There is no such page.\n');
}

function channelView(channel: Channel, user: string): string {
  const people = channel.users
    .map(u => `<a href="/?as=${inert(u.id)}"${u.id === user ? ' class="me"' : ''}>${inert(u.name)}</a>`)
    .join(' ');
  const messages = channel.messages.toReversed().map(
    message => `<article>${message.blocks.map(blockView).join('')}
      <form method="post" action="/press?as=${inert(user)}"><input type="hidden" name="ts" value="${inert(message.ts)}">${channel
        .buttons(message)
        .map(b =>
          b.url === undefined
            ? `<button name="action" value="${inert(b.action_id)}">${inert(b.text)}</button>`
            : `<a href="${inert(b.url)}" rel="noreferrer">${inert(b.text)}</a>`,
        )
        .join(' ')}</form></article>`,
  );
  const whispers = channel.whispers
    .filter(w => w.user === user && Date.now() - w.at < WHISPER_MS)
    .map(w => `<p class="whisper">Only you see this: ${inert(w.text)}</p>`);
  const none = messages.length === 0 ? '<p class="note">Nothing has been held yet.</p>' : '';
  return `<header><h1>#approvals</h1><p class="note">It stands in for Slack on this machine, and reloads every five seconds.</p>
    <p class="people">You press as ${people}</p></header>${whispers.slice(-1).join('')}${none}${messages.join('')}`;
}

function dialogView(dialog: Record<string, unknown>, user: string, fault: string): string {
  const [block] = dialog.blocks as { label: { text: string } }[];
  return `<article><form method="post" action="/submit?as=${inert(user)}">
    <input type="hidden" name="dialog" value="${inert(JSON.stringify(dialog))}">
    ${fault === '' ? '' : `<p class="whisper">${inert(fault)}</p>`}
    <label>${inert(block?.label.text ?? '')}<textarea name="reason" rows="3"></textarea></label>
    <button>${inert((dialog.submit as { text: string }).text)}</button> <a href="/?as=${inert(user)}">Back</a></form></article>`;
}

function blockView(block: Record<string, unknown>): string {
  if (block.type === 'header') return `<h2>${inert((block.text as { text: string }).text)}</h2>`;
  if (block.type !== 'rich_text') return '';
  return (block.elements as { type: string; elements: Record<string, unknown>[] }[])
    .map(({ type, elements }) => {
      const inner = elements.map(partView).join('');
      return type === 'rich_text_preformatted' ? `<pre>${inner}</pre>` : `<p>${inner}</p>`;
    })
    .join('');
}

function partView(part: Record<string, unknown>): string {
  if (part.type === 'date')
    return `<time>${inert(new Date(Number(part.timestamp) * 1000).toLocaleString())}</time>`;
  const text = inert(String(part.text)).replaceAll('\n', '<br>');
  if (part.type === 'link') return `<a href="${inert(String(part.url))}" rel="noreferrer">${text}</a>`;
  return (part.style as { bold?: boolean } | undefined)?.bold === true ? `<b>${text}</b>` : text;
}

function page(body: string, refresh = ''): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${refresh}<title>#approvals: Slack's stand-in</title>
<style>:root{color-scheme:light}body{font:15px/1.45 system-ui;max-width:46rem;margin:1.5rem auto;padding:0 1rem;color:#1d1c1d;background:#f8f8f8}
h1{font-size:1.3rem;margin:0}h2{font-size:1.1rem;margin:.3rem 0;overflow-wrap:anywhere}header{margin-bottom:1rem}header p{margin:.3rem 0}.note{color:#616061}
article{background:#fff;border:1px solid #ddd;border-radius:8px;padding:.6rem 1rem .9rem;margin:1rem 0}article p{margin:.5rem 0;overflow-wrap:anywhere}
pre{background:#f4f4f4;border:1px solid #e4e4e4;border-radius:4px;margin:.5rem 0;padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere}
.whisper{background:#fff8e1;border:1px solid #e8c66a;border-radius:8px;padding:.6rem 1rem}.people a{display:inline-block;padding:.15rem .6rem;border:1px solid #ccc;border-radius:1rem;color:inherit;text-decoration:none}
.people a.me{background:#1264a3;border-color:#1264a3;color:#fff}form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center}label,textarea{display:block;width:100%;box-sizing:border-box;font:inherit}
button{font:inherit;font-weight:600;padding:.4rem 1rem;border:1px solid #bbb;border-radius:4px;background:#fff;cursor:pointer}button[value=approve]{background:#007a5a;border-color:#007a5a;color:#fff}
button[value=deny],button[value=revoke]{color:#b3123b;border-color:#b3123b}</style>${body}</html>`;
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function inert(text: string): string {
  return text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
}
