import { SallyportError } from '../protocol/errors.js';

const [PT_LOAD, PT_DYNAMIC, PT_INTERP] = [1, 2, 3];
const [DT_STRTAB, DT_STRSZ, DT_RPATH, DT_DEBUG, DT_RUNPATH] = [5, 10, 15, 21, 29];
/** Undefined weak symbols that every program of GCC asks for and no library has: their names give room for another string. */
const DONORS = ['_ITM_deregisterTMCloneTable', '_ITM_registerTMCloneTable'];

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/**
 * A copy of a dynamically linked 64-bit little-endian ELF program that is started by the loader at `loader` and finds its libraries in `libraries`, whatever the system
 * around it has. No byte moves: the loader's path takes the old one's place, and an entry for debuggers becomes DT_RPATH, which holds for the
 * libraries of libraries too (System V ABI, chapter 5; ld.so(8)). Throws `sandbox.unavailable` where the program leaves no room.
 */
export function relocateElf(program: Buffer, loader: string, libraries: string): Buffer {
  try {
    return relocated(program, loader, libraries);
  } catch (error) {
    throw error instanceof RangeError ? unfit('its header is damaged') : error; // an offset beyond the end
  }
}

function relocated(program: Buffer, loader: string, libraries: string): Buffer {
  if (program.length < 64 || program.readUInt32BE(0) !== 0x7f454c46 || program[4] !== 2 || program[5] !== 1) throw unfit('it is no 64-bit little-endian ELF program');
  const copy = Buffer.from(program);
  const segments = segmentsOf(copy);
  const interp = segments.find((s) => s.type === PT_INTERP);
  const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
  if (interp === undefined || dynamic === undefined) throw unfit('it is linked statically');
  put(copy, interp.offset, interp.size, loader);
  const entries = Array.from({ length: Math.floor(dynamic.size / 16) }, (_, i) => dynamic.offset + i * 16).map((at) => ({ at, tag: Number(copy.readBigUInt64LE(at)), value: Number(copy.readBigUInt64LE(at + 8)) }));
  const entry = (tag: number): number => entries.find((e) => e.tag === tag)?.value ?? 0;
  const strings = fileOffset(segments, entry(DT_STRTAB));
  const table = copy.subarray(strings, strings + entry(DT_STRSZ));
  const donor = DONORS.map((name) => ({ at: table.indexOf(`\0${name}\0`, 0, 'latin1') + 1, room: name.length + 1 })).find((d) => d.at > 0 && d.room > libraries.length);
  const slot = entries.find((e) => e.tag === DT_RUNPATH) ?? entries.find((e) => e.tag === DT_RPATH) ?? entries.find((e) => e.tag === DT_DEBUG);
  if (donor === undefined || slot === undefined) throw unfit('it has no room for the path of its libraries');
  put(copy, strings + donor.at, donor.room, libraries);
  copy.writeBigUInt64LE(BigInt(DT_RPATH), slot.at);
  copy.writeBigUInt64LE(BigInt(donor.at), slot.at + 8);
  return copy;
}

function segmentsOf(file: Buffer): Segment[] {
  const [start, size, count] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
  if (size < 56 || start + size * count > file.length) throw unfit('its header is damaged');
  return Array.from({ length: count }, (_, i) => start + i * size).map((at) => ({
    type: file.readUInt32LE(at), offset: Number(file.readBigUInt64LE(at + 8)), address: Number(file.readBigUInt64LE(at + 16)), size: Number(file.readBigUInt64LE(at + 32)),
  }));
}

function fileOffset(segments: readonly Segment[], address: number): number {
  const home = segments.find((s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.size);
  if (home === undefined) throw unfit('its strings are not in the file');
  return address - home.address + home.offset;
}

function put(file: Buffer, at: number, room: number, text: string): void {
  if (text.length + 1 > room || at + room > file.length) throw unfit(`it has no room for "${text}"`);
  file.fill(0, at, at + room);
  file.write(text, at, 'latin1');
}

function unfit(why: string): SallyportError {
  return new SallyportError('sandbox.unavailable', `Cannot make a program independent of the root file system: ${why}`, { hint: 'Use the Node that `npm run setup` brings.' });
}
