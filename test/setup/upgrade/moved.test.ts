import { describe, expect, it } from 'vitest';
import { movedBeyond } from '../../../src/setup/upgrade/moved.js';

/** `name@version: who asks, as which name`; empty = the project. */
function packages(of: Readonly<Record<string, readonly string[]>>): Parameters<typeof movedBeyond>[0] {
  return Object.entries(of).map(([path, asked]) => ({ path, name: path.split('@')[0] as string, version: path.split('@')[1] as string, requiredBy: asked.map((by) => ({ by, as: path.split('@')[0] as string, range: '', group: 'dependencies' as const })) }));
}
const BEFORE = { 'a@1': [''], 'b@1': ['a@1'], 'old@1': ['b@1'], 'c@1': ['', 'a@1'] };
const UP = [{ package: 'b', from: ['1'], to: '2' }];

describe('what a new lockfile moved', () => {
  it.each<[string, Readonly<Record<string, readonly string[]>>, string | null]>([
    ['nothing but the upgrade, with what came and went by it', { 'a@1': [''], 'b@2': ['a@1'], 'new@1': ['b@2'], 'deep@1': ['new@1'], 'c@1': ['', 'a@1'] }, null],
    ['the old version is still there', { ...BEFORE, 'b@2': ['a@1'] }, 'b@1 is still in it'],
    ['the new one is not there', { 'a@1': [''], 'c@1': ['', 'a@1'] }, 'b@2 is not in it'],
    ['another came', { 'a@1': [''], 'b@2': ['a@1'], 'c@1': ['', 'a@1'], 'x@1': ['a@1'] }, 'it also brings x@1'],
    ['another went', { 'a@1': [''], 'b@2': ['a@1'] }, 'it also takes c@1 away'],
    ['another moved', { 'a@1': [''], 'b@2': ['a@1'], 'c@2': ['', 'a@1'] }, 'it also brings c@2'],
    ['somebody gets what only the upgrade needs', { 'a@1': [''], 'b@2': ['a@1'], 'c@1': [''], 'c@2': ['b@2', 'a@1'] }, 'it also gives c@2 to a@1, which had c@1 as c'],
  ])('%s', (_, after, why) => {
    expect(movedBeyond(packages(BEFORE), packages(after), UP)).toBe(why);
  });
});
