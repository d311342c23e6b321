import semver from 'semver';
import { comparePep440, type Pep440, parsePep440 } from '../../protocol/pep440.js';
import type { Releases } from './model.js';

/** Versions of npm. An installed one is read loosely, as lockfiles write it. */
export const npmReleases: Releases = {
  osv: 'npm', withdrawn: 'deprecated',
  valid: (version) => semver.parse(version, { loose: true }) !== null,
  final: (version) => semver.valid(version) !== null && semver.prerelease(version) === null,
  compare: (a, b) => semver.compareLoose(a, b),
  major: (version) => semver.major(version, { loose: true }),
  minor: (version) => semver.minor(version, { loose: true }),
};

const pep = (version: string): Pep440 => parsePep440(version) ?? { epoch: '0', release: ['0'], pre: null, post: null, dev: null, local: null };

/** Versions of Python packages. */
export const pypiReleases: Releases = {
  osv: 'PyPI', withdrawn: 'yanked',
  valid: (version) => parsePep440(version) !== null,
  final: (version) => parsePep440(version) !== null && pep(version).pre === null && pep(version).dev === null && pep(version).local === null,
  compare: (a, b) => comparePep440(pep(a), pep(b)),
  major: (version) => Number(pep(version).release[0]),
  minor: (version) => Number(pep(version).release[1] ?? 0),
};
