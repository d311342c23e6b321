import { describe, expect, it } from 'vitest';
import { ociProfile, type Profile } from '../../src/sandbox/oci/profile.js';
import { SYSCALLS } from '../../src/sandbox/oci/syscalls.js';
import { ABSENT, type Arch, CALLS, DENIED, seccompFilter } from '../../src/sandbox/seccomp.js';

const ALLOW = 0x7fff0000;
const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** What the classic BPF program answers: a small machine for the instructions that it uses. */
function bpf(arch: Arch, call: number, args: readonly number[]): number {
  const program = seccompFilter(arch);
  let word = 0;
  for (let at = 0; ; at++) {
    const [code, jt, jf, k] = [program.readUInt16LE(at * 8), program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3), program.readUInt32LE(at * 8 + 4)];
    if (code === 0x06) return k;
    if (code === 0x20) word = k === 0 ? call : k === 4 ? AUDIT[arch] : (args[(k - 16) / 8] ?? 0) >>> 0;
    else at += (code === 0x15 ? word === k : code === 0x35 ? word >= k : code === 0x25 ? word > k : (word & k) !== 0) ? jt : jf;
  }
}

/** What the profile answers by the rules of the OCI specification: the rule whose conditions all hold, else the default. */
function profile({ syscalls, defaultErrnoRet }: Profile, name: string, args: readonly number[]): number {
  const answers = new Set(syscalls.filter((rule) => rule.names.includes(name) && (rule.args ?? []).every((c) => (((args[c.index] ?? 0) & c.value) >>> 0) === c.valueTwo))
    .map((rule) => (rule.action === 'SCMP_ACT_ALLOW' ? ALLOW : 0x50000 | (rule.errnoRet ?? 0))));
  expect(answers.size, `${name}(${args.join()}) has one answer`).toBeLessThan(2);
  return [...answers][0] ?? 0x50000 | defaultErrnoRet;
}

describe('the profile for OCI runtimes', () => {
  it.each(['x64', 'arm64'] as const)('answers every call as the filter of bubblewrap does (%s)', (arch) => {
    const made = ociProfile(arch);
    const column = arch === 'x64' ? 0 : 1;
    const words = [...Array.from({ length: 50 }, (_, i) => i), 0x5411, 0x5412, 0x5413, 0x541b, 0x541c, 0x5422, 0x5423, 0x5424, 0x8000, 0x20000, 0x20008, 0x20009, 0x7e020000, 0x10000000, 0x00020000, 0x003d0f00, 0x80000000, 0xffffffff];
    for (const [name, numbers] of Object.entries(CALLS)) {
      for (const a of words) for (const [first, second, third] of [[a, 0, 0], [16, 3, a], [0, a, 0], [1, a, 9]] as const) {
        expect([name, first, second, third, profile(made, name, [first, second, third])]).toEqual([name, first, second, third, bpf(arch, numbers[column], [first, second, third])]);
      }
    }
    for (const [name, numbers] of Object.entries({ ...DENIED, ...ABSENT })) if (numbers[column] >= 0) expect([name, profile(made, name, [])]).toEqual([name, bpf(arch, numbers[column], [])]);
  });

  it('names every call once, and answers that what it does not name is absent', () => {
    expect(new Set(SYSCALLS).size).toBe(SYSCALLS.length);
    expect([...Object.keys(ABSENT), ...Object.keys(CALLS)].filter((name) => !SYSCALLS.includes(name))).toEqual([]);
    expect(profile(ociProfile('x64'), 'a_call_of_next_year', [])).toBe(0x50000 | 38);
  });

  it('gives no rule two conditions on one argument, which runtimes read as either', () => {
    expect(ociProfile('x64').syscalls.filter((rule) => new Set(rule.args?.map((c) => c.index)).size !== (rule.args?.length ?? 0))).toEqual([]);
  });
});
