import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Home, openHome, type Ran } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';
import { finish, MEND, shell, SHOP } from '../support/shop.js';

/** Runs `script` in a private mount namespace where the state directory stands on a small device; its commands say `sally …`. */
describe.runIf(process.getuid?.() === 0)('a full disk', () => {
  let home: Home;
  let repo: string;
  beforeEach(() => {
    home = openHome({ firstUse: true });
    repo = join(home.folder, 'shop');
    makeRepo(repo, SHOP);
    mkdirSync(home.home);
  });
  afterEach(() => home[Symbol.asyncDispose]());

  const onSmallDisk = (megabytes: number, script: string, ...args: string[]): Promise<Ran> => home.sally(args, {
    before: ['unshare', '-m', '--propagation', 'private', 'sh', '-c', `size=$1; home=$2; shift 2; node=$1; cli=$2; shift 2
      sally() { "$node" "$cli" "$@"; }
      mount -t tmpfs -o "mode=0755,size=$size" none "$home"
      ${script}`, 'sh', `${megabytes}m`, home.home],
  });

  it('that has no room for the database is said, and nothing runs', async () => {
    const ran = await onSmallDisk(20, 'sally "$@"', 'run', 'x', '--repo', repo, '--model', home.model([shell(MEND), finish()]));
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 7, stderr: expect.stringMatching(/No space left on device.*\[disk\.full\].*Free some space/s) });
  });

  it('while the agent works stops the run resumably', async () => {
    const ran = await onSmallDisk(400, `sally "$@" >"$0.out" 2>&1 & until grep -q 'sleep 5' "$0.out"; do sleep 0.05; done
      dd if=/dev/zero of="$home/filler" bs=64k >/dev/null 2>&1
      wait $!; echo "full $?"
      cat "$0.out" >&2; rm "$home/filler"
      sally resume last >&2; echo "resumed $?"
      sally audit verify >&2; echo "audit $?"`.replaceAll('$0', join(home.folder, 'shop')), 'run', 'x', '--repo', repo, '--model', home.model([shell(MEND), shell('sleep 5'), finish()]));
    expect({ codes: Object.fromEntries(ran.stdout.trim().split('\n').map((line) => line.split(' '))), stderr: ran.stderr }).toEqual({ codes: { full: '7', resumed: '0', audit: '0' }, stderr: expect.stringContaining('[disk.full]') });
  });

  it('before a run never gives a pass; with room again everything works at once', async () => {
    // Everything but some pages is taken away after the database has been made, and given back after the run has failed.
    const ran = await onSmallDisk(400, `sally tasks >/dev/null && sleep 3
      dd if=/dev/zero of="$home/filler" bs=64k >/dev/null 2>&1; truncate -s -300K "$home/filler"
      sally "$@" >&2; echo "full $?"
      rm "$home/filler"
      sally tasks >&2; echo "tasks $?"
      sally resume last >&2; echo "resumed $?"
      sally run again --repo "${repo}" --ref HEAD --model "$6" >&2; echo "again $?"
      sally audit verify >&2; echo "audit $?"`, 'run', 'x', '--repo', repo, '--model', home.model([shell(MEND), finish()]));
    const codes = Object.fromEntries(ran.stdout.trim().split('\n').map((line) => line.split(' ')));
    expect({ codes, stderr: ran.stderr }).toMatchObject({ codes: { full: '7', tasks: '0', again: '0', audit: '0' } });
    expect(ran.stderr).toMatch(/No room left|No space left|disk\.full/);
  });
});
