import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { remove, ROOT, scratch } from '../support/sandbox.js';

let home: string;
beforeAll(() => {
  home = scratch();
});
afterAll(() => remove(home));

it('passes on no descriptor that whoever started us left open', () => {
  const script = 'exec 251</etc/hostname 9</etc/hostname; exec "$0" "$1" doctor --json';
  const out = execFileSync('/bin/bash', ['-c', script, process.execPath, join(ROOT, 'dist/main/cli.js')], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', HOME: home, SALLYPORT_HOME: home } });
  expect(JSON.parse(out).findings.find((f: { id: string }) => f.id === 'sandbox')).toMatchObject({ ok: true });
});
