import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EnvironmentSpec } from '../../src/protocol/environment.js';
import { parseEnvironment } from '../../src/setup/environment.js';

const page = readFileSync(join(import.meta.dirname, '../../docs/environment.md'), 'utf8');

/** What is looked at of a JSON Schema. */
interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}
interface Key {
  readonly default: string | null;
  readonly bounds: readonly number[];
}

describe('docs/environment.md', () => {
  const documented = new Map([...page.matchAll(/^\| `([\w.]+)` \| (.*?) \| (.*?) \|/gm)].map((m) => [m[1] as string, { type: m[2] as string, default: m[3] as string }]));
  const keys = keysOf(z.toJSONSchema(EnvironmentSpec, { io: 'input', unrepresentable: 'any' }) as Node, '');

  it('has a row for every key, and no other', () => {
    expect([...documented.keys()].sort()).toEqual([...keys.keys()].sort());
  });

  it('says their defaults and bounds', () => {
    const wrong = [...keys].filter(([name, key]) => {
      const row = documented.get(name);
      const said = (row?.type.match(/\d+(\.\d+)?/g) ?? []).map(Number);
      return row === undefined || (key.default !== null && row.default !== key.default) || key.bounds.some((b) => !said.includes(b));
    });
    expect(wrong).toEqual([]);
  });

  it('has examples that are accepted', () => {
    const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => parseEnvironment(text.startsWith('version:') ? text : `version: 1\n${text}`, 'an example', new Date('2026-11-21')));
    expect(examples.map((one) => [Object.keys(one.checks ?? {}), Object.keys(one.tools), one.suppressions.length, one.hosts.length])).toEqual([[[], ['eslint', 'tsc', 'gosec'], 0, 0], [[], [], 1, 0], [['unit', 'types'], [], 0, 0], [[], [], 0, 1]]);
  });
});

/** Every key that a person can write, with the default that the page must show (null: none to show). */
function keysOf(node: Node, prefix: string): Map<string, Key> {
  const found = new Map<string, Key>();
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const path = `${prefix}${name}`;
    for (const [inner, key] of keysOf(child, `${path}.`)) found.set(inner, key);
    const variants = typeof child.additionalProperties === 'object' ? (child.additionalProperties.oneOf ?? child.additionalProperties.anyOf ?? [child.additionalProperties]) : undefined;
    for (const variant of variants ?? []) for (const [inner, key] of keysOf(variant, `${path}.NAME.`)) found.set(inner, key);
    for (const [inner, key] of child.items === undefined ? [] : keysOf(child.items, `${path}.N.`)) found.set(inner, key);
    if (child.properties !== undefined) continue; // a group: its keys have rows
    found.set(path, { default: defaultOf(child, node.required?.includes(name) === true), bounds: boundsOf(child) });
  }
  return found;
}

function defaultOf(node: Node, required: boolean): string | null {
  if (node.default !== undefined) return `\`${JSON.stringify(node.default)}\``;
  return required ? 'required' : null;
}

function boundsOf(node: Node): number[] {
  const item = node.items ?? (typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined);
  const own = [node.minimum, node.maximum, node.minLength, node.maxLength, node.maxItems];
  return [...own, item?.minLength, item?.maxLength].filter((n): n is number => n !== undefined && n !== Number.MAX_SAFE_INTEGER);
}
