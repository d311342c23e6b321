import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../src/attest/canonical.js';
import { type ChainHead, EMPTY_HEAD, link } from '../../src/attest/chain.js';
import { openCheckpoint, signCheckpoint, verifierKey } from '../../src/attest/checkpoint.js';
import { leafHash, sha256 } from '../../src/attest/digest.js';
import { type ChainExpectation, type ChainRow, verifyChain } from '../../src/attest/verify.js';

const TASK = 'task_a';
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');

interface Item {
  readonly at?: string;
  readonly type?: string;
  readonly task?: string;
  readonly data?: unknown;
}
function chain(items: readonly Item[]): { rows: (ChainRow & { hash: string })[]; head: ChainHead } {
  let head = EMPTY_HEAD;
  const rows = items.map((item, i) => {
    const linked = link(head, {
      id: `e${i}`, task: item.task ?? TASK, run: null, at: item.at ?? `2026-01-01T00:00:0${i}.000Z`, type: (item.type ?? 'model.failed') as 'model.failed', data: item.data ?? { call: `c${i}`, message: 'm' },
    });
    head = linked.head;
    return { seq: i, bytes: linked.bytes as Uint8Array, hash: linked.hash };
  });
  return { rows, head };
}
const FIVE = chain([{}, {}, {}, {}, {}]);
const NOTE = signCheckpoint(TASK, FIVE.head, privateKey);
const EXPECTED: ChainExpectation = { task: TASK, checkpoints: [NOTE], publicKey };
type Row = (typeof FIVE.rows)[number];
const row = (i: number): Row => FIVE.rows[i] as Row;

function edit(i: number, change: (event: Record<string, unknown>) => void): Row {
  const event = JSON.parse(Buffer.from(row(i).bytes).toString()) as Record<string, unknown>;
  change(event);
  const bytes = canonicalBytes(event);
  return { seq: i, bytes, hash: leafHash(bytes) };
}
function verdict(rows: readonly ChainRow[], expected: Partial<ChainExpectation> = {}): unknown {
  const report = verifyChain(rows, { ...EXPECTED, ...expected });
  return report.ok ? 'ok' : [report.seq, report.problem];
}
function replaced(i: number, by: ChainRow): ChainRow[] {
  return FIVE.rows.with(i, by as Row);
}
/** The chain from `i` on, written anew by somebody who has the database but not the key. */
function forged(items: readonly Item[]): ChainRow[] {
  return chain(items).rows;
}

describe('verifyChain', () => {
  it('accepts an untouched chain and says how far it is signed', () => {
    expect(verifyChain(FIVE.rows, EXPECTED)).toEqual({ ok: true, task: TASK, head: FIVE.head, checkpoints: 1, signedUpTo: 5 });
    expect(verifyChain(FIVE.rows, { ...EXPECTED, checkpoints: [] })).toEqual({ ok: true, task: TASK, head: FIVE.head, checkpoints: 0, signedUpTo: 0 });
    expect(verifyChain([], { ...EXPECTED, checkpoints: [] })).toMatchObject({ ok: true, head: EMPTY_HEAD });
  });

  it('names each edited entry: bytes alone, or bytes with their hash', () => {
    for (let i = 0; i < 5; i++) {
      const changed = edit(i, (e) => { e.data = { call: 'x', message: 'other' }; });
      expect(verdict(replaced(i, { ...changed, hash: row(i).hash }))).toEqual([i, 'edited']);
      expect(verdict(replaced(i, changed))).toEqual([i, 'edited']);
      expect(verdict(replaced(i, { seq: i, bytes: changed.bytes }))).toEqual([i, 'edited']);
    }
  });

  it('names the entry whose link was edited, not the one before it', () => {
    for (let i = 0; i < 4; i++) expect(verdict(replaced(i, edit(i, (e) => { e.prev = 'f'.repeat(64); })))).toEqual([i, 'edited']);
  });

  it('names each removed entry, also when the positions were closed up', () => {
    for (let i = 0; i < 4; i++) {
      expect(verdict(FIVE.rows.toSpliced(i, 1))).toEqual([i, 'removed']);
      expect(verdict(FIVE.rows.toSpliced(i, 1).map((r, seq) => ({ ...r, seq })))).toEqual([i, 'removed']);
    }
  });

  it('names a cut tail by a checkpoint, or by the recorded head', () => {
    expect(verdict(FIVE.rows.slice(0, 3))).toEqual([3, 'truncated']);
    expect(verdict([])).toEqual([0, 'truncated']);
    expect(verdict(FIVE.rows.slice(0, 3), { checkpoints: [] })).toBe('ok');
    expect(verdict(FIVE.rows.slice(0, 3), { checkpoints: [], recordedHead: FIVE.head })).toEqual([3, 'truncated']);
  });

  it('names entries that changed places', () => {
    const swapped = FIVE.rows.with(1, row(2)).with(2, row(1));
    expect(verdict(swapped)).toEqual([1, 'reordered']);
    expect(verdict(swapped.map((r, seq) => ({ ...r, seq })))).toEqual([1, 'reordered']);
    expect(verdict(FIVE.rows.with(1, { ...row(1), seq: 2 }).with(2, { ...row(2), seq: 1 }))).toEqual([1, 'reordered']);
  });

  it('names an entry that stands twice', () => {
    expect(verdict(FIVE.rows.toSpliced(3, 0, row(2)))).toEqual([3, 'duplicated']);
    expect(verdict([...FIVE.rows, { ...row(2), seq: 5 }])).toEqual([5, 'duplicated']);
    expect(verdict(FIVE.rows.toSpliced(3, 0, edit(2, (e) => { e.id = 'other'; })))).toEqual([3, 'duplicated']);
  });

  it('finds a chain that was written anew from some entry on, by the checkpoint', () => {
    expect(verdict(forged([{}, {}, { data: { call: 'x', message: 'nothing happened' } }, {}, {}]))).toEqual([4, 'edited']);
    expect(verdict(forged([{}, {}, {}, {}, {}, {}]))).toBe('ok');
  });

  it('names time that goes back, and an entry of another task', () => {
    expect(verdict(forged([{}, { at: '2026-01-01T00:00:05.000Z' }, {}]), { checkpoints: [] })).toEqual([2, 'time_back']);
    expect(verdict(forged([{}, { task: 'task_b' }, {}]), { checkpoints: [] })).toEqual([1, 'wrong_task']);
  });

  it('names what is not canonical, not JSON, not known, or not of its form', () => {
    const spaced = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(row(1).bytes).toString()), null, 1));
    const raw = (bytes: Uint8Array): ChainRow[] => replaced(1, { seq: 1, bytes, hash: leafHash(bytes) });
    expect(verdict(raw(spaced))).toEqual([1, 'not_canonical']);
    expect(verdict(raw(Buffer.from('{')))).toEqual([1, 'not_canonical']);
    expect(verdict(raw(Buffer.of(0xff)))).toEqual([1, 'not_canonical']);
    expect(verdict(raw(Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), row(1).bytes])))).toEqual([1, 'not_canonical']);
    expect(verdict(replaced(1, edit(1, (e) => { e.type = 'toString'; })))).toEqual([1, 'unknown_type']);
    expect(verdict(replaced(1, edit(1, (e) => { e.v = 2; })))).toEqual([1, 'unknown_version']);
    expect(verdict(replaced(1, edit(1, (e) => { e.extra = 1; })))).toEqual([1, 'invalid']);
    expect(verdict(replaced(1, edit(1, (e) => { e.data = { call: 1 }; })))).toEqual([1, 'invalid']);
    expect(verdict(raw(Buffer.from('null')))).toEqual([1, 'unknown_version']);
  });

  it('does not take a checkpoint of another key, another task, or an altered one', () => {
    expect(verdict(FIVE.rows, { checkpoints: [signCheckpoint(TASK, FIVE.head, other.privateKey)] })).toEqual([null, 'wrong_key']);
    expect(verdict(FIVE.rows, { publicKey: other.publicKey })).toEqual([null, 'wrong_key']);
    expect(verdict(FIVE.rows, { checkpoints: [signCheckpoint('task_b', FIVE.head, privateKey)] })).toEqual([null, 'wrong_task']);
    expect(verdict(FIVE.rows, { checkpoints: [NOTE.replace('\n5\n', '\n4\n')] })).toEqual([null, 'bad_checkpoint']);
    expect(verdict(FIVE.rows, { checkpoints: [''] })).toEqual([null, 'bad_checkpoint']);
  });
});

describe('a checkpoint', () => {
  it('is a signed note: origin, size, hash, empty line, signature by the key of that name', () => {
    const lines = NOTE.split('\n');
    expect(lines.slice(0, 4)).toEqual(['sallyport/task-chain/v1/task_a', '5', Buffer.from(FIVE.head.hash, 'hex').toString('base64'), '']);
    expect(lines[4]).toMatch(/^\u2014 sallyport\/task-chain\/v1\/task_a [A-Za-z0-9+/]{91}=$/);
    expect(openCheckpoint(NOTE, publicKey)).toEqual({ ok: true, checkpoint: { task: TASK, head: FIVE.head } });
  });

  it('has a verifier key in the form of signed-note, whose id is that of the signature', () => {
    const [name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey(TASK, publicKey))?.slice(1) ?? [];
    const signed = Buffer.from(NOTE.trim().split(' ').at(-1) ?? '', 'base64');
    expect([name, id, Buffer.from(key ?? '', 'base64')[0], Buffer.from(key ?? '', 'base64').length]).toEqual(['sallyport/task-chain/v1/task_a', signed.subarray(0, 4).toString('hex'), 1, 33]);
  });
});

describe('digests', () => {
  it('are SHA-256, with a zero byte in front for a log entry (RFC 6962)', () => {
    expect(sha256('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(leafHash(Buffer.alloc(0))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
  });
});
