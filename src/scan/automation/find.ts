import type { Found } from '../../sarif/model.js';
import { DOCKER_RULES, findInDockerfile } from './dockerfile.js';
import type { AutomationRule, Hit } from './rule.js';
import { findInShell, SHELL_RULES } from './shell.js';
import { findInWorkflow, WORKFLOW_RULES } from './workflow.js';

export const AUTOMATION_RULES: readonly AutomationRule[] = [...SHELL_RULES, ...DOCKER_RULES, ...WORKFLOW_RULES];
const LEVELS = new Map(AUTOMATION_RULES.map((rule) => [rule.id, rule.level]));

/** What a file is, by its path and first line; null where these rules have nothing to say. */
export function automationKind(path: string, source: string): AutomationRule['kind'] | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/^(?:.*\/)?\.(?:github|gitea|forgejo)\/(?:workflows\/[^/]+|actions\/.+\/action)\.ya?ml$/.test(path) || /^action\.ya?ml$/.test(name)) return 'workflow';
  if (/^(?:Dockerfile|Containerfile)(?:\..+)?$|\.(?:dockerfile|containerfile)$/i.test(name)) return 'docker';
  if (/\.(?:sh|bash|zsh|ksh)$/.test(name)) return 'shell';
  return !name.includes('.') && /^#!\s*(?:\/usr)?\/bin\/(?:env\s+(?:-S\s+)?)?(?:ba|da|k|z|a)?sh\b/.test(source.slice(0, 80)) ? 'shell' : null;
}

/** Results of the rules for scripts, Dockerfiles and workflows. `whole` is false for a workflow of which not all is YAML. */
export function findAutomation(path: string, source: string): { readonly found: readonly Found[]; readonly whole: boolean } {
  const kind = automationKind(path, source);
  if (kind === null) return { found: [], whole: true };
  const { hits, whole } = kind === 'workflow' ? findInWorkflow(source) : { hits: kind === 'shell' ? findInShell(source) : findInDockerfile(source), whole: true };
  const starts = lineStarts(source);
  return { found: hits.map((hit) => found(path, source, starts, hit)), whole };
}

function found(path: string, source: string, starts: readonly number[], { rule, message, start, end, level }: Hit): Found {
  const [from, to] = [placeOf(starts, start), placeOf(starts, Math.max(start, end - 1))];
  const given = level ?? LEVELS.get(rule);
  return { rule, message, path, line: from.line, column: from.column, endLine: to.line, endColumn: to.column + 1, snippet: source.slice(start, end).trimEnd(), ...(given === undefined ? {} : { level: given }) };
}

function lineStarts(source: string): number[] {
  const starts = [0];
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Line and column from 1; a bisection, for a file may have many results. */
function placeOf(starts: readonly number[], offset: number): { readonly line: number; readonly column: number } {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] as number) + 1 };
}
