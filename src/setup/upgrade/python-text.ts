import { isDeepStrictEqual } from 'node:util';
import { listOf, readToml, tableOf, textOf } from '../../egress/locks/python.js';
import { namedFile, projectName, sameVersion } from '../../egress/pypi-names.js';
import type { TomlTable } from '../../egress/toml.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Release } from './python-release.js';

/** One version in place of another, in the text of a lockfile. */
export interface Exchange {
  readonly name: string;
  readonly from: string;
  readonly to: Release;
}

function refuse(file: string, { name, to }: Exchange, why: string): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot upgrade ${name} to ${to.version} in ${file}: ${why}`);
}

/** A requirements file with another pin, and the digests of its files where it has digests. Everything else stays byte by byte. Null where it does not pin that version. */
export function editRequirements(file: string, text: string, exchange: Exchange): string | null {
  const pin = /^([ \t]*)([A-Za-z0-9][\w.-]*)([ \t]*(?:\[[^\]\n]*\][ \t]*)?={2,3}[ \t]*)([^\s;\\#,]+)((?:[^\n]*\\\r?\n)*[^\n]*)/gm;
  let found = false;
  const after = text.replace(pin, (whole, lead: string, name: string, middle: string, version: string, rest: string) => {
    if (projectName(name) !== exchange.name || sameVersion(version) !== sameVersion(exchange.from)) return whole;
    found = true;
    const hashes = [...rest.matchAll(/--hash[=\s]\s*\S+/g)];
    const [first, last] = [hashes[0], hashes.at(-1)];
    if (first === undefined || last === undefined) return `${lead}${name}${middle}${exchange.to.version}${rest}`;
    if (rest.slice(first.index, last.index).replace(/--hash[=\s]\s*\S+|[\s\\]/g, '') !== '') throw refuse(file, exchange, 'something stands between its digests');
    const between = hashes.length > 1 ? rest.slice(first.index + first[0].length, (hashes[1] as typeof first).index) : (/[ \t]*\\\r?\n[ \t]*$/.exec(rest.slice(Math.max(0, first.index - 200), first.index))?.[0] ?? ' ');
    return `${lead}${name}${middle}${exchange.to.version}${rest.slice(0, first.index)}${exchange.to.files.map((f) => `--hash=${f.digest}`).join(between)}${rest.slice(last.index + last[0].length)}`;
  });
  return found ? after : null;
}

/** What can be said of a lockfile's entry by the index alone: its metadata ask for the same. `upTo`: parts of what it asks for that the format writes down. */
function demandSame(file: string, exchange: Exchange, was: Release, python: string | undefined): void {
  const [old, now] = [was.metadata, exchange.to.metadata];
  const added = now.requires.filter((r) => !old.requires.includes(r));
  const gone = old.requires.filter((r) => !now.requires.includes(r));
  if (added.length + gone.length > 0) {
    const shown = [...added.map((r) => `+ ${named(r)}`), ...gone.map((r) => `- ${named(r)}`)].slice(0, 5).join(', ');
    throw refuse(file, exchange, `it asks for other packages than ${exchange.from} (${shown}), which only the lockfile's own tool can resolve`);
  }
  if (old.requiresPython !== now.requiresPython && !(python !== undefined && runsOn(now.requiresPython, python))) throw refuse(file, exchange, `it needs Python ${now.requiresPython ?? 'of any version'}, and the lockfile is for ${python ?? 'a Python that it does not name'}`);
}

function named(need: string): string {
  const [name = '', , range = ''] = need.startsWith('[') ? (JSON.parse(need) as string[]) : [need];
  return `${name}${range}`.slice(0, 100);
}

/** Whether what a lockfile is for, `>=3.9`, is what a package needs at its lower end. */
function runsOn(needed: string | null, lockedFor: string): boolean {
  if (needed === null) return true;
  const lowest = (text: string): string | null => (/^>=([\d.]+)(?:,<[\d.]+)?$/.exec(text.replace(/\s/g, ''))?.[1] ?? null);
  const [a, b] = [lowest(needed), lowest(lockedFor)];
  return a !== null && b !== null && !/</.test(needed) && byParts(a, b) <= 0;
}

function byParts(a: string, b: string): number {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) - (y[i] ?? 0);
  return 0;
}

/** The text of a lockfile in which one entry is another, written by `write`; the tables of all others are checked to be the same. */
function editEntry(file: string, text: string, list: 'package' | 'packages', exchange: Exchange, write: (block: string, entry: TomlTable) => string): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const plain = text.replaceAll('\r\n', '\n');
  const isIt = (entry: TomlTable): boolean => projectName(textOf(entry['name']) ?? '') === exchange.name;
  const old = readToml(file, plain);
  const entries = listOf(old[list]).map(tableOf);
  if (entries.filter(isIt).length !== 1) throw refuse(file, exchange, 'it is locked in several versions');
  const at = entries.findIndex(isIt);
  const parts = plain.split(new RegExp(`^(?=\\[\\[${list}\\]\\][ \\t]*$)`, 'm'));
  const head = parts[0]?.startsWith('[[') === true ? 0 : 1;
  if (parts.length !== entries.length + head) throw refuse(file, exchange, 'its form is not the usual one');
  const after = parts.map((part, i) => (i === at + head ? write(part, entries[at] as TomlTable) : part)).join('');
  const now = readToml(file, after);
  const fresh = listOf(now[list]).map(tableOf);
  const without = (table: TomlTable): unknown => ({ ...table, [list]: null });
  const others = isDeepStrictEqual(without(now), without(old)) && fresh.length === entries.length && entries.every((entry, i) => i === at || isDeepStrictEqual(fresh[i], entry));
  const mine = fresh[at] ?? {};
  const files = JSON.stringify(mine);
  if (!others || textOf(mine['version']) !== exchange.to.version || !exchange.to.files.every((f) => !isWheel(f.file) || files.includes(f.digest.split(':')[1] as string))) throw refuse(file, exchange, 'its entry cannot be exchanged without touching another');
  return eol === '\n' ? after : after.replaceAll('\n', eol);
}

const quoted = (text: string): string => JSON.stringify(text);

/** One key of a table's own lines, in place of what it was; a list may have several lines. */
function setKey(block: string, key: string, value: string | null): string {
  const form = new RegExp(`^${key} = (?:\\[\\n(?: .*\\n)*\\]|.*)\\n`, 'm');
  return block.replace(form, () => (value === null ? '' : `${key} = ${value}\n`));
}

/** The addresses of files stand in the lockfile: only where the index is the one that it names, or names the same host for its files. */
function demandAddresses(file: string, exchange: Exchange, was: Release, entry: TomlTable): void {
  const old = [tableOf(entry['sdist']), ...listOf(entry['wheels']).map(tableOf)].flatMap((one) => textOf(one['url']) ?? []);
  const hosts = new Set(old.map((url) => (URL.canParse(url) ? new URL(url).host : '')));
  if (!exchange.to.files.every((f) => hosts.has(f.url.host)) || !was.files.some((f) => old.includes(withoutHash(f.url)))) throw refuse(file, exchange, 'the configured index has its files at other addresses than the lockfile');
}

function withoutHash(url: URL): string {
  return url.href.split('#')[0] as string;
}

const isWheel = (file: string): boolean => namedFile(file)?.kind === 'wheel';

/** uv.lock with another version of one package. */
export function editUvLock(text: string, exchange: Exchange, was: Release): string {
  const file = 'uv.lock';
  demandSame(file, exchange, was, textOf(readToml(file, text)['requires-python']));
  return editEntry(file, text, 'package', exchange, (block, entry) => {
    demandAddresses(file, exchange, was, entry);
    const sample = tableOf(listOf(entry['wheels'])[0] ?? entry['sdist']);
    const line = (f: Release['files'][number]): string => `{ url = ${quoted(withoutHash(f.url))}, hash = ${quoted(f.digest)}${sample['size'] === undefined || f.size === null ? '' : `, size = ${f.size}`}${sample['upload-time'] === undefined || f.published === null ? '' : `, upload-time = ${quoted(f.published)}`} }`;
    const [sdist, wheels] = [exchange.to.files.find((f) => !isWheel(f.file)), exchange.to.files.filter((f) => isWheel(f.file))];
    const bare = setKey(setKey(setKey(block, 'version', quoted(exchange.to.version)), 'sdist', null), 'wheels', `[\n${wheels.map((f) => `    ${line(f)},\n`).join('')}]`);
    return sdist === undefined ? bare : bare.replace(/^wheels = /m, () => `sdist = ${line(sdist)}\nwheels = `);
  });
}

/** poetry.lock with another version of one package. Its content-hash is one of pyproject.toml, which stays. */
export function editPoetryLock(text: string, exchange: Exchange, was: Release): string {
  const file = 'poetry.lock';
  demandSame(file, exchange, was, textOf(tableOf(readToml(file, text)['metadata'])['python-versions']));
  return editEntry(file, text, 'package', exchange, (block, entry) => {
    if (entry['files'] === undefined) throw refuse(file, exchange, 'its digests stand apart from its packages, as poetry before 1.3 wrote it');
    const { summary, requiresPython } = exchange.to.metadata;
    const files = `[\n${exchange.to.files.map((f) => `    {file = ${quoted(f.file)}, hash = ${quoted(f.digest)}},\n`).join('')}]`;
    return setKey(setKey(setKey(setKey(block, 'version', quoted(exchange.to.version)), 'description', quoted(summary)), 'python-versions', quoted(requiresPython ?? '*')), 'files', files);
  });
}

/** pylock.toml with another version of one package, in the form that it has: lists on lines of their own, or tables. */
export function editPylock(text: string, exchange: Exchange, was: Release): string {
  const file = 'pylock.toml';
  demandSame(file, exchange, was, textOf(readToml(file, text)['requires-python']));
  return editEntry(file, text, 'packages', exchange, (block, entry) => {
    demandAddresses(file, exchange, was, entry);
    const sample = tableOf(listOf(entry['wheels'])[0] ?? entry['sdist']);
    const pairs = (f: Release['files'][number]): string[] => [
      ...(sample['name'] === undefined ? [] : [`name = ${quoted(f.file)}`]), ...(sample['upload-time'] === undefined || f.published === null ? [] : [`upload-time = ${f.published}`]), `url = ${quoted(withoutHash(f.url))}`, ...(sample['size'] === undefined || f.size === null ? [] : [`size = ${f.size}`]),
    ];
    const hash = (f: Release['files'][number]): string => `${f.digest.split(':')[0]} = ${quoted(f.digest.split(':')[1] as string)}`;
    const line = (f: Release['files'][number]): string => `{ ${pairs(f).join(', ')}, hashes = { ${hash(f)} } }`;
    const [sdist, wheels] = [entry['sdist'] === undefined ? undefined : exchange.to.files.find((f) => !isWheel(f.file)), exchange.to.files.filter((f) => isWheel(f.file))];
    const { requiresPython } = exchange.to.metadata;
    const bare = setKey(setKey(block, 'version', quoted(exchange.to.version)), 'requires-python', requiresPython === null ? null : quoted(requiresPython));
    if (/^wheels = \[/m.test(bare)) {
      const list = setKey(setKey(bare, 'sdist', null), 'wheels', `[\n${wheels.map((f) => `    ${line(f)},\n`).join('')}]`);
      return sdist === undefined ? list : list.replace(/^wheels = /m, () => `sdist = ${line(sdist)}\nwheels = `);
    }
    const own = bare.slice(0, bare.search(/^\[{1,2}packages\./m));
    const table = (head: string, f: Release['files'][number], inner: string): string => `${head}\n${pairs(f).join('\n')}\n\n[${inner}.hashes]\n${hash(f)}\n\n`;
    return own + (sdist === undefined ? '' : table('[packages.sdist]', sdist, 'packages.sdist')) + wheels.map((f) => table('[[packages.wheels]]', f, 'packages.wheels')).join('');
  });
}
