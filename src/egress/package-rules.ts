import type { Ecosystem } from '../protocol/event.js';
import { count } from '../protocol/words.js';
import { projectName, sameVersion } from './pypi-names.js';

/** A version of a package, by the names of its registry. */
export interface PackageVersion {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
}

/** Why a version is not fetched although a lockfile names it or a client chose it. */
export interface Refused {
  readonly rule: 'package.denied' | 'package.malicious' | 'package.too-young';
  /** A sentence without a full stop. */
  readonly why: string;
}

/** A version is old enough, or exempt; then `rule` says by what. */
export interface Admitted {
  readonly rule: 'package.exempt' | 'package.fixes-advisory' | null;
}

/** What is never fetched, whatever a lockfile says. Pure but for the clock. */
export interface PackageRules {
  /** Whether `judgeAge` needs to be asked. */
  readonly judgesAge: boolean;
  /** By name and version alone; null: nothing is against it. */
  judge(of: PackageVersion): Refused | null;
  /** By the time at which the registry says it was published; null: it does not say. */
  judgeAge(of: PackageVersion, published: Date | null): Admitted | Refused;
}

export interface PackageRulesOptions {
  /** Milliseconds that the environment demands, and those of the installation: the longer holds. */
  readonly minimumAge: number;
  readonly floor: number;
  /** `name` or `name@version`, of the environment. */
  readonly exempt: readonly string[];
  readonly deny: readonly string[];
  /** Id of the record that calls a version malicious; null: none does. */
  readonly malicious: (of: PackageVersion) => string | null;
  /** Id of an advisory that names this version as its fix, and that holds for what the base installs; null: there is none. */
  readonly fixes: (of: PackageVersion) => string | null;
  readonly now: () => Date;
}

const HOUR_MS = 3_600_000;

export function packageRules(options: PackageRulesOptions): PackageRules {
  const minimum = Math.max(options.minimumAge, options.floor);
  const denied = options.deny.map(readEntry);
  const exempt = options.exempt.map(readEntry);
  return {
    judgesAge: minimum > 0,
    judge: (of) => {
      const record = options.malicious(of);
      if (record !== null) return { rule: 'package.malicious', why: `${shown(of)} is known to be malicious (${record})` };
      const entry = denied.find((e) => names(e, of));
      return entry === undefined ? null : { rule: 'package.denied', why: `${shown(of)} is on the list packages.deny of the environment` };
    },
    judgeAge: (of, published) => {
      const age = published === null ? null : options.now().getTime() - published.getTime();
      if (age !== null && age >= minimum) return { rule: null };
      // A repository may lift its own minimum for a whole package; that of the installation for one version, which a person has looked at.
      if (exempt.some((e) => names(e, of) && (e.version !== null || (age !== null && age >= options.floor) || options.floor === 0))) return { rule: 'package.exempt' };
      if (options.fixes(of) !== null) return { rule: 'package.fixes-advisory' };
      const needed = `the minimum age is ${hours(minimum)}`;
      const why = published === null ? `the registry does not say when ${shown(of)} was published, and ${needed}` : `${shown(of)} was published at ${published.toISOString()}, ${hours(Math.max(0, age ?? 0))} ago, and ${needed}`;
      return { rule: 'package.too-young', why };
    },
  };
}

/** True for a verdict that refuses. */
export function isRefused(verdict: Admitted | Refused): verdict is Refused {
  return 'why' in verdict;
}

export function shown({ name, version }: PackageVersion): string {
  return `${name}@${version}`;
}

interface Entry {
  readonly name: string;
  readonly version: string | null;
}

function readEntry(text: string): Entry {
  const at = text.lastIndexOf('@');
  return at > 0 ? { name: text.slice(0, at), version: text.slice(at + 1) } : { name: text, version: null };
}

/** Names and versions of Python have several spellings each. */
function names(entry: Entry, of: PackageVersion): boolean {
  if (of.ecosystem !== 'pypi') return entry.name === of.name && (entry.version === null || entry.version === of.version);
  const name = projectName(entry.name);
  return name !== null && name === projectName(of.name) && (entry.version === null || (sameVersion(entry.version) ?? entry.version) === (sameVersion(of.version) ?? of.version));
}

function hours(ms: number): string {
  const whole = Math.floor(ms / HOUR_MS);
  return whole < 48 ? count(whole, 'hour') : `${count(Math.floor(whole / 24), 'day')}${whole % 24 === 0 ? '' : ` and ${count(whole % 24, 'hour')}`}`;
}
