import type { Evidence } from '../protocol/evidence.js';
import { visible } from '../redact/visible.js';
import { type Item, type Part, type Report, reportOf, type Section } from './report.js';

const MAX_ITEMS = 500;
const MAX_TEXT = 4000;
const MAX_DIFF_LINES = 5000;

/**
 * Evidence as one HTML page that needs nothing else: no script, no picture, no font, nothing from anywhere (its own Content-Security-Policy says so), so that it can be opened from a
 * disk and be kept as an artifact of a pipeline. All that others could write is escaped and made visible. `patch` is shown as a diff when it is given.
 */
export function htmlReport(evidence: Evidence, patch: string | null): string {
  const report = reportOf(evidence);
  return [
    '<!doctype html>', '<html lang="en">', '<head>', '<meta charset="utf-8">', '<meta name="viewport" content="width=device-width">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    `<title>${report.verdict}: ${text(evidence.request).slice(0, 120)}</title>`, `<style>${STYLE}</style>`, '</head>', '<body>', '<main>',
    ...head(evidence, report), ...report.sections.map(section), ...(patch === null || patch === '' ? [] : [diff(patch)]), notChecked(report), '</main>', '</body>', '</html>', '',
  ].join('\n');
}

function head({ request }: Evidence, { verdict, meaning, facts }: Report): string[] {
  return [
    `<header class="${verdict}"><p class="verdict">${verdict}</p><p>${meaning}</p></header>`,
    `<section><h2>What was asked</h2><blockquote>${text(request)}</blockquote>`,
    `<dl>${facts.map(([name, ...value]) => `<dt>${name}</dt><dd>${value.map(part).join('')}</dd>`).join('')}</dl></section>`,
  ];
}

/** A word of ours between asterisks is stressed; nobody else's text stands in a title. */
function section({ title, items, unlisted = 0 }: Section): string {
  const left = Math.max(0, items.length - MAX_ITEMS) + unlisted;
  const lines = items.slice(0, MAX_ITEMS).map(item);
  return `<section><h2>${title.replace(/\*(\w+)\*/g, '<em>$1</em>')} <small>${items.length + unlisted}</small></h2><ul>${lines.join('\n')}${left === 0 ? '' : `<li>… and ${left} more</li>`}</ul></section>`;
}

function item({ parts, block, tone }: Item): string {
  return `<li${tone === undefined ? '' : ` class="${tone}"`}>${parts.map(part).join('')}${block === undefined ? '' : `<pre>${text(block)}</pre>`}</li>`;
}

function part(one: Part): string {
  if (typeof one === 'string') return one;
  const shown = text(one.theirs, false);
  return one.prose === true ? shown : `<code>${shown}</code>`;
}

function notChecked({ notChecked: block, notCheckedToo }: Report): string {
  return `<section class="not-checked"><h2>Not checked</h2><p>${block}</p>${notCheckedToo.length === 0 ? '' : `<ul>${notCheckedToo.map((line) => `<li>${text(line)}</li>`).join('')}</ul>`}</section>`;
}

function diff(patch: string): string {
  const all = patch.split('\n');
  const lines = all.slice(0, MAX_DIFF_LINES).map((line) => {
    const kind = /^(?:diff --git|index|---|\+\+\+|new file|deleted file|old mode|new mode|similarity|rename)/.test(line) ? 'meta' : line.startsWith('@@') ? 'hunk' : line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : null;
    return kind === null ? text(line) : `<span class="${kind}">${text(line)}</span>`;
  });
  return `<section><h2>Diff</h2><pre class="diff">${lines.join('\n')}</pre>${all.length > MAX_DIFF_LINES ? `<p>… and ${all.length - MAX_DIFF_LINES} lines more: <code>sallyport diff TASK</code></p>` : ''}</section>`;
}

function text(value: string, lines = true): string {
  const shown = visible(value, { lines });
  const cut = shown.length > MAX_TEXT ? `${shown.slice(0, MAX_TEXT)}… (${shown.length - MAX_TEXT} characters more)` : shown;
  return cut.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a7f37; --bad: #cf222e; --open: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --open: #d29922; } }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; border-left: .5rem solid var(--open); padding: .5rem 1rem; background: var(--soft); }
header.passed { border-color: var(--good); } header.failed, header.error { border-color: var(--bad); }
header p { margin: 0; } .verdict { font-size: 1.6rem; font-weight: 700; text-transform: uppercase; letter-spacing: .03em; }
.passed .verdict { color: var(--good); } .failed .verdict, .error .verdict { color: var(--bad); } .unverified .verdict { color: var(--open); }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; } small { font-weight: 400; opacity: .7; }
blockquote { margin: 0; padding: .5rem 1rem; background: var(--soft); white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .6rem 0; } dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; } li { padding: .25rem .6rem; border-bottom: 1px solid var(--line); border-left: .25rem solid transparent; overflow-wrap: anywhere; }
li.good { border-left-color: var(--good); } li.bad { border-left-color: var(--bad); } li.open { border-left-color: var(--open); }
code, pre { font: .85em/1.45 ui-monospace, monospace; } code { background: var(--soft); padding: .05em .25em; border-radius: .2em; }
pre { margin: .4rem 0 0; padding: .5rem; background: var(--soft); overflow: auto; max-height: 24rem; } pre.diff { max-height: none; }
.added { color: var(--good); } .removed { color: var(--bad); } .hunk, .meta { opacity: .65; }
.not-checked { border: 1px solid var(--open); padding: 0 1rem .6rem; margin-top: 1.6rem; }
`;
