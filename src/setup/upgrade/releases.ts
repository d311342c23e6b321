import semver from 'semver';
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
