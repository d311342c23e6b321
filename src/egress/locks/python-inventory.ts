import type { InstalledPackage, Requirement } from '../inventory.js';
import { projectName, sameVersion } from '../pypi-names.js';
import type { TomlTable } from '../toml.js';
import { bounded } from './entry.js';
import { listOf, readToml, tableOf, textOf } from './python.js';
import type { RequirementFiles } from './requirements.js';

type Asks = readonly { readonly name: string; readonly range: string }[];
interface Locked {
  readonly name: string;
  readonly version: string;
  readonly needs: Asks;
}

/** Packages by the key `name@version`, and who asks for them. `asked` is what the project itself asks for. Versions stay as they are written. */
function inventoryOf(locked: readonly Locked[], asked: Asks): InstalledPackage[] {
  const requirements = new Map<string, Requirement[]>();
  const ask = (by: string, needs: Asks): void => {
    for (const { name, range } of needs) {
      const known = requirements.get(name) ?? [];
      known.push({ by, as: name, range, group: 'dependencies' });
      requirements.set(name, known);
    }
  };
  ask('', asked);
  for (const one of locked) ask(`${one.name}@${one.version}`, one.needs);
  return locked.map(({ name, version }) => {
    const requiredBy = requirements.get(name) ?? [];
    return { path: `${name}@${version}`, name, version, dev: false, optional: false, bundled: false, direct: requiredBy.some((r) => r.by === ''), requiredBy };
  });
}

function lockedOf(entry: TomlTable, needs: readonly (readonly [string, string])[]): Locked[] {
  const [name, version] = [projectName(textOf(entry['name']) ?? ''), textOf(entry['version']) ?? ''];
  return name === null || sameVersion(version) === null ? [] : [{ name, version, needs: asksOf(needs) }];
}

function asksOf(needs: readonly (readonly [string, string])[]): Asks {
  return needs.flatMap(([written, range]) => {
    const name = projectName(written);
    return name === null ? [] : [{ name, range }];
  });
}

/** uv.lock: packages of an index; the ranges of the project's own stand in `requires-dist`. */
export function uvInventory(text: string): InstalledPackage[] {
  const named = (list: readonly TomlTable[]): [string, string][] => list.map((one) => [textOf(one['name']) ?? '', textOf(one['specifier']) ?? '']);
  const asked: [string, string][] = [];
  const locked = bounded('uv.lock', listOf(readToml('uv.lock', text)['package'])).map(tableOf).flatMap((entry) => {
    if (tableOf(entry['source'])['registry'] !== undefined) return lockedOf(entry, named(listOf(entry['dependencies']).map(tableOf)));
    const metadata = tableOf(entry['metadata']);
    asked.push(...named([...listOf(metadata['requires-dist']), ...Object.values(tableOf(metadata['requires-dev'])).flatMap(listOf)].map(tableOf)));
    return [];
  });
  return inventoryOf(locked, asksOf(asked));
}

/** poetry.lock, with the ranges of pyproject.toml. */
export function poetryInventory(text: string, pyproject: string | null): InstalledPackage[] {
  const rangeOf = (value: TomlTable[string]): string => textOf(value) ?? textOf(tableOf(value)['version']) ?? '';
  const locked = bounded('poetry.lock', listOf(readToml('poetry.lock', text)['package'])).map(tableOf).flatMap((entry) => lockedOf(entry, Object.entries(tableOf(entry['dependencies'])).map(([name, value]) => [name, rangeOf(value)])));
  return inventoryOf(locked, asksOf(pyproject === null ? [] : askedByProject(readToml('pyproject.toml', pyproject), rangeOf)));
}

function askedByProject(pyproject: TomlTable, rangeOf: (value: TomlTable[string]) => string): [string, string][] {
  const poetry = tableOf(tableOf(pyproject['tool'])['poetry']);
  const tables = [poetry['dependencies'], poetry['dev-dependencies'], ...Object.values(tableOf(poetry['group'])).map((group) => tableOf(group)['dependencies'])].map(tableOf);
  const project = tableOf(pyproject['project']);
  const lines = [project['dependencies'], ...Object.values(tableOf(project['optional-dependencies'])), ...Object.values(tableOf(pyproject['dependency-groups']))].flatMap(listOf);
  return [
    ...tables.flatMap((table) => Object.entries(table)).filter(([name]) => name !== 'python').map(([name, value]): [string, string] => [name, rangeOf(value)]),
    ...lines.flatMap((line): [string, string][] => {
      const need = readNeed(typeof line === 'string' ? line : '');
      return need === null ? [] : [[need.name, need.range]];
    }),
  ];
}

/** pylock.toml: all that it names is asked for by the project. */
export function pylockInventory(text: string): InstalledPackage[] {
  const locked = bounded('pylock.toml', listOf(readToml('pylock.toml', text)['packages'])).map(tableOf).filter((entry) => ['vcs', 'archive', 'directory'].every((kind) => entry[kind] === undefined)).flatMap((entry) => lockedOf(entry, []));
  return inventoryOf(locked, locked.map(({ name }) => ({ name, range: '' })));
}

/** Requirements files as far as they pin: what has no exact version says nothing of what is installed. */
export function requirementsInventory({ requirements }: RequirementFiles): InstalledPackage[] {
  const pinned = new Map(requirements.flatMap(({ name, spec }) => {
    const [project, version] = [projectName(name), /^={2,3}([^*,]+)$/.exec(spec)?.[1]];
    return project === null || version === undefined || sameVersion(version) === null ? [] : [[`${project}@${version}`, { name: project, version, needs: [] }] as const];
  }));
  return inventoryOf([...pinned.values()], [...pinned.values()].map(({ name, version }) => ({ name, range: `==${version}` })));
}

/** A dependency as a package or a project writes it (PEP 508); null for an address or what is none. */
export interface Need {
  readonly name: string;
  readonly extras: string;
  readonly range: string;
  readonly marker: string;
}

export function readNeed(line: string): Need | null {
  const [asked = '', ...marker] = line.slice(0, MAX_NEED).split(';');
  const [, written = '', rest = ''] = /^([A-Za-z0-9][\w.-]*)(.*)$/s.exec(asked.trim()) ?? [];
  const [, extras = '', after = ''] = /^\[([\w\s.,-]*)\](.*)$/s.exec(rest.trim()) ?? [null, '', rest];
  const range = after.trim().replace(/^\(([^()]*)\)$/, '$1').replace(/\s+/g, '');
  const name = projectName(written);
  if (name === null || /[@()[\]]/.test(range)) return null;
  return { name, extras: extras.split(',').map((e) => e.trim().toLowerCase()).filter((e) => e !== '').sort().join(','), range, marker: marker.join(';').replace(/\s+/g, ' ').trim() };
}

const MAX_NEED = 5000;
