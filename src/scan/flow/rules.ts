import type { FlowRule } from './rule.js';
import { FLOW_INJECTION } from './rules/injection.js';

/** Every data-flow rule for JavaScript and TypeScript. */
export const FLOW_RULES: readonly FlowRule[] = [...FLOW_INJECTION];
