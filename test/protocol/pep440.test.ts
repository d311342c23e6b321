import { describe, expect, it } from 'vitest';
import { allowsPep440, comparePep440, type Pep440, parsePep440 } from '../../src/protocol/pep440.js';

describe('versions of Python packages', () => {
  it('stand in the order of PEP 440', () => {
    const order = ['1.dev0', '1.0.dev456', '1.0a1', '1.0a2.dev456', '1.0a12.dev456', '1.0a12', '1.0b1.dev456', '1.0b2', '1.0b2.post345.dev456', '1.0b2.post345', '1.0rc1.dev456', '1.0rc1', '1.0', '1.0+abc.5', '1.0+abc.7', '1.0+5', '1.0.post456.dev34', '1.0.post456', '1.0.15', '1.1.dev1', '1.10', '20240101', '99999999999999999999', '1!0.1'];
    const parsed = order.map((version) => parsePep440(version) as Pep440);
    expect([...parsed].reverse().sort(comparePep440)).toEqual(parsed);
  });

  it.each<[string, string, boolean | null]>([
    ['>=1.4,<2', '1.9', true], ['>=1.4,<2', '2.0', false], ['~=1.4.2', '1.4.9', true], ['~=1.4.2', '1.5', false], ['~=1.4', '1.9', true], ['~=1.4', '2', false], ['==1.4.*', '1.4.7', true], ['==1.4.*', '1.5', false],
    ['!=1.4.*', '1.4.7', false], ['==1.0', '1.0.0', true], ['===1.0', '1.1', false], ['', '3', true], ['*', '3', true], ['^1.4', '1.9', true], ['^1.4', '2', false], ['^0.2.3', '0.2.9', true], ['^0.2.3', '0.3', false],
    ['~1.4', '1.4.9', true], ['~1.4', '1.5', false], ['~1', '1.9', true], ['1.4', '1.4.0', true], ['1.4', '1.4.1', false], ['1.4.*', '1.4.1', true], ['>=1 || ==0.5', '0.5', true], ['nonsense', '1', null], ['~=1', '1', null], ['>=1', 'x', null],
  ])('%j is asked whether %j is allowed', (specifiers, version, answer) => {
    expect(allowsPep440(specifiers, version)).toBe(answer);
  });
});
