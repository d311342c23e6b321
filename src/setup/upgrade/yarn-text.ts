import { parse } from 'yaml';
import { SallyportError } from '../../protocol/errors.js';
import { type Block, blocksOf } from './blocks.js';
import { resolvedStyle } from './resolved-style.js';

/** The lockfile that yarn 1 made, with the old one's text for all entries that are the same; new ones name the registry as the old ones did. */
export function mergeClassicLock(before: string, made: string, insideUrl: string): string {
  const was = blocksOf(before, 0);
  const old = new Map(was.blocks.map((b) => [identityOf(b), b]));
  const addresses = was.blocks.map((b, i) => [`node_modules/${nameOf(b)}#${i}`, { name: nameOf(b), version: field(b, 'version'), resolved: field(b, 'resolved').replace(/#.*$/, '') }] as const);
  const style = resolvedStyle(Object.fromEntries(addresses), insideUrl);
  const text = blocksOf(made, 0).blocks.map((b) => {
    const known = old.get(identityOf(b));
    if (known?.key === b.key) return known.text;
    if (known !== undefined) return b.key + known.text.slice(known.key.length);
    const [address = '', fragment = ''] = field(b, 'resolved').split('#');
    const mark = /^[0-9a-f]{40}$/.test(fragment) ? fragment : '';
    const { resolved } = style.apply(`node_modules/${nameOf(b)}`, { name: nameOf(b), version: field(b, 'version'), resolved: address });
    return b.text.replace(/^ {2}resolved .*\n/m, resolved === undefined ? '' : `  resolved "${resolved}${mark === '' ? '' : `#${mark}`}"\n`);
  });
  return finished(before, was.head, text, insideUrl);
}

/** The same for yarn 2 and later, whose lockfile has no addresses. Its metadata stay those of the old one. */
export function mergeBerryLock(before: string, made: string): string {
  const was = blocksOf(before, 0);
  const old = new Map(was.blocks.map((b) => [b.key, b]));
  const text = blocksOf(made, 0).blocks.map((b) => {
    const known = old.get(b.key);
    return known !== undefined && (b.key === '__metadata:' || same(known, b)) ? known.text : b.text;
  });
  return finished(before, was.head, text, null);
}

/** An entry says the same whatever order and quotes it has. */
function same(a: Block, b: Block): boolean {
  const said = (block: Block): string => JSON.stringify(Object.values(parse(block.text, { maxAliasCount: 0, logLevel: 'error' }) as object).map((entry) => Object.entries(entry as object).sort(([x], [y]) => (x < y ? -1 : 1))));
  return said(a) === said(b);
}

function identityOf(block: Block): string {
  return JSON.stringify([nameOf(block), field(block, 'version'), field(block, 'integrity') || field(block, 'resolved').replace(/^[^#]*/, '')]);
}

/** The registry's name: that of the address is written by nobody else. */
function nameOf({ key }: Block): string {
  const pattern = key.split(', ')[0]?.replace(/^"|"?:?$/g, '') ?? '';
  return /^(?:@[^/]+\/)?[^@]+@npm:((?:@[^/]+\/)?[^@]+)/.exec(pattern)?.[1] ?? /^(?:@[^/]+\/)?[^@]+/.exec(pattern)?.[0] ?? '';
}

function field({ text }: Block, name: 'version' | 'resolved' | 'integrity'): string {
  return (new RegExp(`^ {2}${name} (.+)$`, 'm').exec(text)?.[1] ?? '').trim().replace(/^"|"$/g, '');
}

function finished(before: string, head: string, blocks: readonly string[], insideUrl: string | null): string {
  const eol = before.includes('\r\n') ? '\r\n' : '\n';
  const text = blocks.map((b, i) => b.replaceAll('\r\n', '\n').replace(/\n*$/, i < blocks.length - 1 ? '\n\n' : '\n')).join('');
  const whole = head + (eol === '\n' ? text : text.replaceAll('\n', eol));
  if (insideUrl !== null && whole.includes(insideUrl)) throw new SallyportError('setup.fetch_failed', 'Cannot use the lockfile that yarn made: an address of the sandbox is left in it');
  return whole;
}
