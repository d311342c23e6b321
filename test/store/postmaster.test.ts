import { describe, expect, it } from 'vitest';
import { blindRoot } from '../../src/store/postmaster.js';

describe('root that cannot see the processes of the database account', () => {
  it.each<[string, string, boolean]>([
    ['all capabilities', 'Name:\tnode\nCapEff:\t000001ffffffffff\n', false],
    ['what engines give a container', 'CapEff:\t00000000a80425fb\n', true],
    ['the same with SYS_PTRACE', 'CapEff:\t00000000a80c25fb\n', false],
    ['a file that does not say', 'Name:\tnode\n', true],
  ])('%s', (_, status, blind) => expect(blindRoot(status) !== null).toBe(blind));
});
