import { expect, it } from 'vitest';
import { ToolId } from '../../src/protocol/tools.js';
import { TAMPER_RULES } from '../../src/sarif/tamper/rules.js';
import { RULES } from '../../src/scan/tree.js';

it('no tool has a name that is a prefix of our own rules', () => {
  const prefixes = [...new Set([...RULES, ...TAMPER_RULES].map((rule) => rule.id.split('/')[0] as string))];
  expect(prefixes.filter((prefix) => ToolId.safeParse(prefix).success)).toEqual([]);
  expect(['eslint', 'tsc', 'golangci-lint'].filter((name) => !ToolId.safeParse(name).success)).toEqual([]);
});
