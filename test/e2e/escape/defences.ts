import type { Weakening } from './weaken.js';

/** The defences of the bubblewrap driver, each as what is left when exactly it is taken away. */

/** An option of bwrap and its values left out. */
export function withoutOption(option: string, values = 0): Weakening {
  return {
    says: `no ${option}`,
    args: (args) => {
      const at = args.indexOf(option);
      if (at === -1) throw new Error(`bwrap is not given ${option}`);
      return [...args.slice(0, at), ...args.slice(at + 1 + values)];
    },
  };
}

/** More options of bwrap, put where the root is still writable. */
export function withOptions(says: string, ...more: readonly string[]): Weakening {
  return { says, args: (args) => insert(args, args.lastIndexOf('--seccomp'), more) };
}

/** Shows a host folder or file inside, at the same path. */
export function showing(source: string, at = source, write = false): Weakening {
  return withOptions(`${at} shown`, write ? '--bind' : '--ro-bind', source, at);
}

/** A writable file at a path that is otherwise absent or read-only: the probe of an open for writing must see that it opens. */
export function writableAt(path: string): Weakening {
  return {
    says: `${path} writable`,
    args: (args, spec) => {
      const source = `${spec.workspace.lowers[0]}/writable`;
      const at = path.startsWith('/dev/') ? args.indexOf('/dev') + 1 : args.lastIndexOf('--seccomp');
      return insert(args, at, ['--bind', source, path]);
    },
  };
}

export function withCapability(...names: readonly string[]): Weakening {
  return { says: names.join(' '), args: (args) => insert(args, args.indexOf('--cap-drop') + 2, names.flatMap((n) => ['--cap-add', n])) };
}

/** Several at once, where each of them alone still stops the attempt. */
export function all(...weakenings: readonly Weakening[]): Weakening {
  return {
    ...Object.assign({}, ...weakenings),
    says: weakenings.map((w) => w.says).join(', '),
    args: (args, spec) => weakenings.reduce((now, w) => w.args?.(now, spec) ?? now, args),
    filter: (filter) => weakenings.reduce((now, w) => w.filter?.(now) ?? now, filter),
  };
}

/** `--disable-userns` puts everything into one more user namespace, in which a capability is worth nothing for the network. */
export const NESTED = all(withoutOption('--disable-userns'), withoutOption('--assert-userns-disabled'));
export const NO_NET = withoutOption('--unshare-net');
export const NO_PID = withoutOption('--unshare-pid');
/** The stage without its bounds of a process: largest file, core dump. */
export const NO_LIMITS: Weakening = { says: 'no limits of a process', program: (text) => replaced(text, /my @limits = \(.*\);/, 'my @limits = ();') };
/** Descriptors that were left open stay open. */
export const DESCRIPTORS: Weakening = { says: 'descriptors stay open', program: (text) => replaced(text, /my @inherited = .*;/, 'my @inherited = ();') };

function replaced(text: string, what: RegExp, by: string): string {
  const changed = text.replace(what, by);
  if (changed === text) throw new Error(`the program of a stage has no ${what.source}`);
  return changed;
}

const JEQ = 0x15;
const RET = 0x06;
const ERRNO = 0x00050000;
const KILL = 0x80000000;
const ALLOW = 0x7fff0000;
/** ENOMEDIUM: nothing that is asked here answers it by itself. */
export const MARK = 123;

type Instruction = { code: number; jt: number; jf: number; k: number };

function rewrite(filter: Buffer, change: (program: Instruction[]) => void): Buffer {
  const program: Instruction[] = [];
  for (let at = 0; at < filter.length; at += 8) program.push({ code: filter.readUInt16LE(at), jt: filter.readUInt8(at + 2), jf: filter.readUInt8(at + 3), k: filter.readUInt32LE(at + 4) });
  change(program);
  const bytes = Buffer.alloc(filter.length);
  program.forEach(({ code, jt, jf, k }, i) => {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(jt, i * 8 + 2);
    bytes.writeUInt8(jf, i * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, i * 8 + 4);
  });
  return bytes;
}

/** The rule of a call jumps over its body when it is another one; the same number as a family or an argument jumps less far. */
function ruleOf(program: readonly Instruction[], number: number): number {
  const rules = program.flatMap((i, at) => (i.code === JEQ && i.k === number && i.jt === 0 && i.jf > 0 ? [{ at, jf: i.jf }] : []));
  const rule = rules.sort((a, b) => b.jf - a.jf)[0];
  if (rule === undefined) throw new Error(`the filter has no rule for call ${number}`);
  return rule.at;
}

/** The filter without its rule for one call. */
export function withoutCall(number: number): Weakening {
  return { says: `filter without call ${number}`, filter: (filter) => rewrite(filter, (program) => void ((program[ruleOf(program, number)] as Instruction).k = 0xfffffffe)) };
}

/** The filter answers a mark for one call: that it comes back shows that the call met the filter and nothing before it. */
export function markedCall(number: number): Weakening {
  return { says: `filter answers a mark for call ${number}`, filter: (filter) => rewrite(filter, (program) => void ((program[ruleOf(program, number) + 1] as Instruction).k = ERRNO | MARK)) };
}

/** The same wherever the filter answers `errno`. */
export function marked(errno: number): Weakening {
  return { says: `filter answers a mark for errno ${errno}`, filter: (filter) => rewrite(filter, (program) => {
    for (const i of program) if (i.code === RET && i.k === ((ERRNO | errno) >>> 0)) i.k = (ERRNO | MARK) >>> 0;
  }) };
}

/** The same for calls of x32 and those that are newer than the filter; the others that it calls absent stay so, or nothing would start. */
export const UNKNOWN_MARKED: Weakening = { says: 'filter answers a mark for unknown calls', filter: (filter) => rewrite(filter, (program) => {
  for (const i of program.slice(0, 9)) if (i.code === RET && i.k === (ERRNO | 38)) i.k = ERRNO | MARK;
}) };

/** Calls of another ABI are let through. */
export const ANY_ABI: Weakening = { says: 'filter without the ABI check', filter: (filter) => rewrite(filter, (program) => {
  for (const i of program) if (i.code === RET && i.k === KILL) i.k = ALLOW;
}) };

function insert(args: readonly string[], at: number, more: readonly string[]): string[] {
  if (at <= 0) throw new Error('the arguments of bwrap have another form');
  return [...args.slice(0, at), ...more, ...args.slice(at)];
}
