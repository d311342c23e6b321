import { isDeepStrictEqual } from 'node:util';
import { readNeed } from '../../egress/locks/python-inventory.js';
import { readToml, tableOf, textOf } from '../../egress/locks/python.js';
import { projectName } from '../../egress/pypi-names.js';
import type { TomlValue } from '../../egress/toml.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Specifier } from './edits.js';

/** True where a project asks for one version and no other: the one kind of specifier that is edited. */
export function isExact(range: string): boolean {
  return /^==[^*,=]+$/.test(range);
}

/** What is longer is no specifier. */
const MAX_LINE = 1000;

/** A pyproject.toml (PEP 621, PEP 735) that asks for another version. No other value changes, and no other text but comments that quote the same. */
export function editPyproject(text: string, specifier: Specifier): string {
  const asked = (line: string): string => {
    const need = line.length > MAX_LINE ? null : readNeed(line);
    return need?.name === specifier.name && need.range === specifier.from ? line.replace(/==[^;)]*?(?=\s*(?:[;)]|$))/, specifier.to) : line;
  };
  const after = text.replace(/"([^"\\\n]*)"|'([^'\n]*)'/g, (whole, double?: string, single?: string) => whole[0] + asked(double ?? single ?? '') + whole[0]);
  return checked('pyproject.toml', text, after, specifier, (value) => mapped(value, (one) => (typeof one === 'string' ? asked(one) : one)));
}

/** The copy of it that uv.lock has of what the project asks for. */
export function editUvSpecifier(text: string, specifier: Specifier): string {
  const form = new RegExp(`^([ \\t]*(?:[\\w-]+ = \\[)?\\{ name = "${specifier.name}",[^\\n{}]* specifier = ")${specifier.from.replace(/[^\w]/g, '\\$&')}(" \\},?\\]?)`, 'gm');
  const after = text.replace(form, (_, lead: string, tail: string) => lead + specifier.to + tail);
  return checked('uv.lock', text, after, specifier, (value) => mapped(value, (one) => {
    const table = tableOf(one);
    return projectName(textOf(table['name']) ?? '') === specifier.name && table['specifier'] === specifier.from ? { ...table, specifier: specifier.to } : one;
  }));
}

/** Nothing else is another value than before, and something is. */
function checked(file: string, before: string, after: string, { name, from }: Specifier, meant: (value: TomlValue) => unknown): string {
  if (before !== after && isDeepStrictEqual(plain(readToml(file, after)), plain(meant(readToml(file, before))))) return after;
  throw new SallyportError('setup.fetch_failed', `Cannot change ${name}${from} in ${file}: its form is not one that is edited`);
}

function mapped(value: TomlValue, change: (value: TomlValue) => unknown): unknown {
  const now = change(value);
  if (now !== value || typeof value !== 'object') return now;
  if (Array.isArray(value)) return value.map((one: TomlValue) => mapped(one, change));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapped(one, change)]));
}

/** Tables of the reader have no prototype. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
