import type { FlowRule } from './rule.js';
import { FLOW_ACCESS } from './rules/access.js';
import { FLOW_CRYPTO } from './rules/crypto.js';
import { FLOW_FILES } from './rules/files.js';
import { FLOW_INJECTION } from './rules/injection.js';
import { FLOW_OBJECTS } from './rules/objects.js';
import { FLOW_WEB } from './rules/web.js';

/** Every data-flow rule for JavaScript and TypeScript. */
export const FLOW_RULES: readonly FlowRule[] = [...FLOW_INJECTION, ...FLOW_WEB, ...FLOW_FILES, ...FLOW_OBJECTS, ...FLOW_ACCESS, ...FLOW_CRYPTO];
