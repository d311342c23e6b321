import { expect, it } from 'vitest';
import { junitXml } from '../../src/gate/junit.js';
import type { CheckRun } from '../../src/protocol/evidence.js';

const RUN: CheckRun = {
  name: 'unit', runner: 'node-test', argv: ['node', '--test'], exit: 1, reason: 'exited', ms: 1500, problem: null, output: null,
  cases: [
    { id: 'a.test.js > adds', file: 'a.test.js', status: 'passed', ms: 12, message: null },
    { id: 'a.test.js > <b> & "c"\n', file: 'a.test.js', status: 'failed', ms: 3, message: 'not \u001b[31mequal\u0000' },
    { id: 'a.test.js > later', file: null, status: 'todo', ms: 0, message: null },
  ],
};

it('is a suite for each check and a case for each test; nothing in a name or a message can break the XML', () => {
  expect(junitXml([RUN])).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="sallyport">
  <testsuite name="unit" tests="3" failures="1" errors="0" skipped="1" time="1.500">
    <testcase classname="a.test.js" name="a.test.js &gt; adds" time="0.012"/>
    <testcase classname="a.test.js" name="a.test.js &gt; &lt;b&gt; &amp; &quot;c&quot;&#10;" time="0.003"><failure message="not \uFFFD[31mequal\uFFFD"/></testcase>
    <testcase classname="" name="a.test.js &gt; later" time="0.000"><skipped/></testcase>
  </testsuite>
</testsuites>
`);
});

it('tells a check without cases by its exit code, and a report that cannot be believed as an error', () => {
  expect(junitXml([{ ...RUN, name: 'lint', runner: 'command', argv: ['/bin/sh', '-c', 'npm run lint'], cases: null, reason: 'timeout', exit: null, problem: 'the output is over the limit' }]).split('\n').slice(2, 6)).toEqual([
    '  <testsuite name="lint" tests="2" failures="1" errors="1" skipped="0" time="1.500">',
    '    <testcase classname="" name="/bin/sh -c npm run lint" time="1.500"><failure message="ended by timeout, exit none"/></testcase>',
    '    <testcase classname="lint" name="the report can be believed"><error message="the output is over the limit"/></testcase>',
    '  </testsuite>',
  ]);
});
