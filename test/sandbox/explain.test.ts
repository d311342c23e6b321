import { describe, expect, it } from 'vitest';
import { SallyportError } from '../../src/protocol/errors.js';
import { explain } from '../../src/sandbox/bwrap/explain.js';

describe('what a failed start of a sandbox is explained with', () => {
  // What the programs printed where it was tried: in containers without the capability, with a covered /proc, with the state on the container's own root.
  it.each<[string, RegExp]>([
    ['unshare: unshare failed: Operation not permitted', /User namespaces .* docs\/ci\.md/],
    ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", /systempaths=unconfined/],
    ['mount: /mnt/workspace: Invalid argument', /SALLYPORT_HOME on a volume or a tmpfs/],
    ['mount: /mnt/x: permission denied.', /docs\/ci\.md/],
    ['bwrap: not found', /apt-get install bubblewrap/],
  ])('%s', (stderr, hint) => {
    const { code, hint: given, message } = explain(new SallyportError('sandbox.failed', 'x'), stderr);
    expect([code, given, message]).toEqual(['sandbox.unavailable', expect.stringMatching(hint), `Cannot start the sandbox: ${stderr}`]);
  });

  it('has the plain remedy for what is not known, and leaves a breach of the protocol as it is', () => {
    expect(explain(new SallyportError('sandbox.failed', 'x'), 'something else')).toMatchObject({ code: 'sandbox.failed', hint: 'sallyport doctor shows what is missing.' });
    const breach = new SallyportError('sandbox.protocol', 'y');
    expect(explain(breach, 'unshare failed')).toBe(breach);
  });
});
