import { describe, expect, it } from 'vitest';
import { scriptsListedBy } from '../../src/setup/script-lists.js';

describe('packages whose install scripts the files of clients list', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['of pnpm in package.json', { 'package.json': JSON.stringify({ pnpm: { onlyBuiltDependencies: ['a', '@s/b@1.0.0 || 1.0.1'] } }) }, ['a', '@s/b']],
    ['of pnpm in pnpm-workspace.yaml', { 'pnpm-workspace.yaml': 'onlyBuiltDependencies: [a]\nallowBuilds:\n  b: true\n  c: false\n' }, ['a', 'b']],
    ['of yarn', { 'package.json': JSON.stringify({ dependenciesMeta: { a: { built: true }, b: { built: false }, c: {} } }) }, ['a']],
    ['trusted ones', { 'package.json': JSON.stringify({ trustedDependencies: ['a'] }) }, ['a']],
    ['of another form', { 'package.json': JSON.stringify({ pnpm: { onlyBuiltDependencies: 1 }, trustedDependencies: {} }), 'pnpm-workspace.yaml': '- a' }, []],
    ['that cannot be read', { 'package.json': '{', 'pnpm-workspace.yaml': '{' }, []],
  ])('%s', (_, texts, expected) => {
    expect(scriptsListedBy(new Map(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)])))).toEqual(expected);
  });
});
