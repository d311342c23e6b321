import { describe, expect, it } from 'vitest';
import { traceProblem } from '../../src/gate/trace.js';
import type { Executed } from '../../src/sandbox/sandbox.js';

const started = (paths: readonly string[], more: Partial<Executed> = {}): Executed => ({ programs: paths.map((path, pid) => ({ pid, path })), omitted: 0, lost: 0, ...more });
const NODE = ['/opt/sallyport/node', '/bin/bash', '/usr/bin/node'];

describe('what the kernel saw against a report', () => {
  it.each<[string, Parameters<typeof traceProblem>]>([
    ['node --test with a process for its file', ['node-test', [], 1, started([...NODE, '/usr/bin/node'])]],
    ['node --test without processes of its own', ['node-test', ['--test-isolation=none'], 1, started(NODE)]],
    ['jest by its link and env', ['jest', [], 3, started(['/workspace/node_modules/.bin/jest', '/usr/bin/env', '/opt/toolchain/node/bin/node'])]],
    ['pytest by python3.12', ['pytest', [], 3, started(['/usr/bin/python3.12'])]],
    ['go with the tests\' own program', ['go', [], 3, started(['/usr/local/go/bin/go', '/tmp/go-build1/b001/x.test'])]],
    ['a report without cases', ['jest', [], 0, started(['/bin/sh'])]],
    ['a list that is not whole', ['jest', [], 3, started(['/bin/sh'], { lost: 1 })]],
    ['a list that was cut', ['jest', [], 3, started(['/bin/sh'], { omitted: 1 })]],
    ['a driver that cannot tell', ['jest', [], 3, null]],
  ])('fits: %s', (_, given) => expect(traceProblem(...given)).toBeNull());

  it.each<[string, Parameters<typeof traceProblem>, RegExp]>([
    ['a script in the place of jest', ['jest', [], 3, started(['/opt/sallyport/node', '/workspace/node_modules/.bin/jest', '/bin/cat'])], /3 cases, and the kernel saw no program start that could run them, only jest, cat/],
    ['another program in the place of python', ['pytest', [], 1, started(['/workspace/bin/python-like'])], /no program start/],
    ['a node that starts no test', ['node-test', [], 1, started(NODE)], /no process of the tests start/],
    ['a go that builds nothing', ['go', [], 1, started(['/usr/bin/go'])], /no process of the tests start/],
  ])('does not fit: %s', (_, given, why) => expect(traceProblem(...given)).toMatch(why));
});
