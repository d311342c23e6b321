import type { FlowRule } from './rule.js';
import { FLOW_ACCESS } from './rules/access.js';
import { FLOW_CRYPTO } from './rules/crypto.js';
import { FLOW_FILES } from './rules/files.js';
import { FLOW_INJECTION } from './rules/injection.js';
import { FLOW_OBJECTS } from './rules/objects.js';
import { FLOW_PYTHON } from './rules/python.js';
import { FLOW_WEB } from './rules/web.js';

const JAVASCRIPT: readonly FlowRule[] = [...FLOW_INJECTION, ...FLOW_WEB, ...FLOW_FILES, ...FLOW_OBJECTS, ...FLOW_ACCESS, ...FLOW_CRYPTO];

/** Every data-flow rule; `js/…` are for JavaScript and TypeScript, `py/…` for Python. */
export const FLOW_RULES: readonly FlowRule[] = [...JAVASCRIPT, ...FLOW_PYTHON];

/** Those for a file of that name. */
export function flowRulesFor(path: string): readonly FlowRule[] {
  return path.endsWith('.py') ? FLOW_PYTHON : JAVASCRIPT;
}
