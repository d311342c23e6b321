import type { ToolSpec } from '../../protocol/tools.js';
import { changedDefinitions, type Definition } from '../definitions.js';

/** Lists of what tools pass over; many of them obey git's too. */
const IGNORED = /(?:^|\/)\.(?:git|prettier|semgrep|eslint|stylelint|ruff|trivy|gitleaks)?ignore$/;

/**
 * What of a change says what a tool looks for or how it runs: as with a check by exit code, and lists of files that are passed over. Scripts of package.json count where the command
 * calls one.
 */
export function toolDefinitions({ command }: Pick<ToolSpec, 'command'>, change: Omit<Definition, 'checks'>): string[] {
  const scripts = /\b(?:npm|pnpm|yarn|bun)\b/.test(command);
  const same = changedDefinitions({ ...change, checks: { tool: { runner: 'command', command, timeout: 1 } } }).filter((one) => scripts || one !== 'package.json (scripts)');
  return [...new Set([...same, ...change.changed.filter((path) => IGNORED.test(path))])].sort();
}
