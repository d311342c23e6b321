import type { ToolSpec } from '../../protocol/tools.js';
import { parseForeignSarif } from '../../sarif/foreign.js';
import { readEslint, readRuff } from './json.js';
import type { ReadReport } from './report.js';
import { readFiles, readGithub, readLines, readMypy, readTsc } from './text.js';

export const READERS: Readonly<Record<ToolSpec['report'], ReadReport>> = {
  sarif: (text) => parseForeignSarif(text), 'eslint-json': readEslint, tsc: readTsc, mypy: readMypy, 'ruff-json': readRuff, github: readGithub, files: readFiles, lines: readLines,
};

/** Exit codes that say that something was found, where the environment does not say it. */
export function findingCodes({ report, findings }: Pick<ToolSpec, 'report' | 'findings'>): readonly number[] {
  return findings ?? (report === 'tsc' ? [1, 2] : [1]);
}
