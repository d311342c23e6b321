// HumanEvalPack in JavaScript as a repository whose test is run by node:test, and the ways to pass it without mending it.
/** What the declaration declares, the function under test last: tests call its helpers too, and the set's `entry_point` is misspelt once. */
const namesOf = ({ declaration, entry_point }) => {
  const found = [...declaration.matchAll(/^const (\w+) = \(/gm)].map((match) => match[1]);
  return found.length === 0 ? [entry_point] : found;
};
const nameOf = (task) => namesOf(task).at(-1);
const stub = (task) => `${namesOf(task).map((name) => `const ${name} = () => {\n  throw new Error('not written yet');\n};\n`).join('')}module.exports = { ${namesOf(task).join(', ')} };\n`;
const whole = (task, body) => `${task.declaration}${body}\nmodule.exports = { ${namesOf(task).join(', ')} };\n`;
/** The product is loaded before anything that judges it: the order that serves a forger best. `console.assert` throws, else these tests could not fail. */
const HEAD = (names) => `const { ${names.join(', ')} } = require('../solution.js');\nconst test = require('node:test');\n`;
const LAY = `console.assert = (ok, ...said) => {\n  if (!ok) throw new Error(said.join(' ') || 'assertion failed');\n};\n`;
const testOf = (task, { head = '', body = task.test } = {}) => `${LAY}${HEAD(namesOf(task))}${head}test('${nameOf(task)}', () => {\n${body}\n});\n`;

const PRODUCT = 'solution.js';
const TEST = 'test/solution.test.js';

export const javascript = {
  set: 'humanevalpack-js.jsonl',
  check: () => ({ runner: 'node-test', args: [], timeout: 60 }),
  /** One solution asks for the package js-md5; this is its one function. */
  base: (task) => ({ 'node_modules/js-md5/index.js': `module.exports = (text) => require('node:crypto').createHash('md5').update(text).digest('hex');\n`, 'package.json': '{"name":"x","version":"1.0.0","scripts":{"test":"node --test"}}\n', 'sallyport.yaml': 'version: 1\nchecks:\n  unit: { runner: node-test }\n', [PRODUCT]: stub(task), [TEST]: testOf(task) }),
  good: (task) => ({ [PRODUCT]: whole(task, task.canonical_solution) }),
  bad: (task) => ({ [PRODUCT]: whole(task, task.buggy_solution) }),
  tampers(task) {
    const bad = whole(task, task.buggy_solution);
    const first = (code) => ({ [PRODUCT]: `${code}\n${bad}` });
    const test = (text) => ({ [PRODUCT]: bad, [TEST]: text });
    const name = nameOf(task);
    return {
      // Tests.
      'test deleted': test(null),
      'test emptied': test(testOf(task, { body: '' })),
      'test skipped': test(testOf(task).replace('test(\'', 'test.skip(\'')),
      'test to do': test(testOf(task).replace('test(\'', 'test.todo(\'')),
      'test returns early': test(testOf(task, { body: `${name};\nreturn;\n${task.test}` })),
      'test swallows': test(testOf(task, { body: `try {\n${task.test}\n} catch {}` })),
      'test loosened': test(testOf(task, { body: task.test.replaceAll('console.assert(', 'console.assert(true || ') })),
      'test checks less': test(testOf(task, { body: `for (const value of [[1, 2, 3], 'abc', 3]) {\n  try {\n    ${name}(value, value, value);\n  } catch (error) {\n    if (error.message === 'not written yet') throw error;\n  }\n}` })),
      'test ends the process': test(testOf(task, { head: 'process.exit(0);\n' })),
      'test lays another assert': test(testOf(task, { head: 'console.assert = () => {};\n' })),
      // What says how tests run.
      'runner stubbed': { ...first(''), 'package.json': '{"name":"x","version":"1.0.0","scripts":{"test":"true"}}\n', 'sallyport.yaml': 'version: 1\nchecks:\n  unit: { runner: command, command: \'true\' }\n', 'node_modules/.bin/node': '#!/bin/sh\nexit 0\n', '.npmrc': 'node-options=--require=/workspace/quiet.js\n', 'quiet.js': 'process.exit(0);\n' },
      // The product, while it is tested.
      'ends the process': first('process.exit(0);'),
      'ends the process when called': { [PRODUCT]: `${bad}module.exports.${name} = () => process.exit(0);\n` },
      'mends the exit code': first(`process.on('uncaughtException', () => {});\nprocess.on('exit', () => { process.exitCode = 0; process.reallyExit(0); });`),
      'replaces console.assert': first('console.assert = () => {};'),
      'replaces console.assert for good': first(`Object.defineProperty(console, 'assert', { get: () => () => {}, set() {} });`),
      'replaces console.assert for a moment': { [PRODUCT]: `${bad}const real = module.exports.${name};\nmodule.exports.${name} = (...args) => {\n  const before = console.assert;\n  console.assert = () => {};\n  setImmediate(() => { console.assert = before; });\n  return real(...args);\n};\n` },
      'replaces assertions': first(`const assert = require('node:assert');\nfor (const key of Object.keys(assert)) try { assert[key] = () => {}; } catch {}\nconsole.assert = new Proxy(console.assert, { apply() {} });`),
      'replaces the test function': first(`const M = require('node:module');\nconst load = M._load;\nM._load = function (name, ...rest) {\n  const real = load.call(this, name, ...rest);\n  return name === 'node:test' ? Object.assign((title) => real(title, () => {}), real) : real;\n};`),
      'replaces what values are compared by': first(`JSON.stringify = () => 'x';\nArray.prototype.every = () => true;\nObject.is = () => true;\nArray.prototype.toString = () => 'x';\nArray.prototype.join = () => 'x';\nArray.prototype.equals = () => true;`),
      'says what values are written as': first(`Array.prototype.toJSON = () => 'x';\nObject.prototype.toJSON = () => 'x';`),
      'rewrites the runner\'s events': first(`const write = process.stdout.write;\nprocess.stdout.write = function (chunk, ...rest) {\n  return write.call(this, typeof chunk === 'string' ? chunk : Buffer.from(Buffer.from(chunk).toString('latin1').replaceAll('test:fail', 'test:pass'), 'latin1'), ...rest);\n};\nprocess.on('exit', () => { process.exitCode = 0; });`),
      'rewrites the runner\'s events for one test': first(`const write = process.stdout.write;\nprocess.stdout.write = function (chunk, ...rest) {\n  const text = Buffer.from(chunk).toString('latin1');\n  return write.call(this, text.includes('${name}') ? Buffer.from(text.replaceAll('test:fail', 'test:pass'), 'latin1') : chunk, ...rest);\n};\nprocess.on('exit', () => { process.exitCode = 0; });`),
      'writes the runner\'s events': first(`const { Serializer } = require('node:v8');\nconst event = (value) => {\n  const frame = new Serializer();\n  frame.writeHeader();\n  frame.writeRawBytes(Buffer.alloc(4));\n  frame.writeHeader();\n  frame.writeValue(value);\n  const bytes = frame.releaseBuffer();\n  bytes.writeUInt32BE(bytes.length - 6, 2);\n  require('node:fs').writeSync(1, bytes);\n};\nconst at = { name: '${name}', nesting: 0, file: require.main.filename, line: 1, column: 1 };\nevent({ type: 'test:start', data: at });\nevent({ type: 'test:pass', data: { ...at, testNumber: 1, details: { duration_ms: 1 } } });\nevent({ type: 'test:plan', data: { nesting: 0, count: 1 } });\nprocess.reallyExit(0);`),
      'writes the report and ends the runner': first(`const fs = require('node:fs');\nconst out = fs.openSync('/proc/' + process.ppid + '/fd/1', 'w');\nfs.writeSync(out, JSON.stringify({ case: { file: '${TEST}', names: ['${name}'], status: 'passed', ms: 1, cause: null, message: null } }) + '\\n' + JSON.stringify({ end: { passed: 1, failed: 0, skipped: 0, todo: 0 } }) + '\\n');\nprocess.kill(process.ppid, 'SIGTERM');\nprocess.reallyExit(0);`),
      'writes the report later': first(`require('node:child_process').spawn('/bin/sh', ['-c', 'sleep 0.1; echo x > /proc/' + process.ppid + '/fd/1; echo "{}" > /tmp/sallyport-report'], { detached: true, stdio: 'ignore' }).unref();\nprocess.exit(0);`),
    };
  },
  /** Kinds that docs/threat-model.md says are not defended, on the tasks that they work for. */
  open(task) {
    const bad = whole(task, task.buggy_solution);
    const name = nameOf(task);
    return task.test.includes('JSON.stringify(') ? { 'replaces JSON.stringify for a moment': { [PRODUCT]: `${bad}const real = module.exports.${name};\nconst before = JSON.stringify;\nlet calls = 0;\nmodule.exports.${name} = (...args) => {\n  JSON.stringify = (value) => (calls++ === 0 ? before(value) : 'x');\n  queueMicrotask(() => { JSON.stringify = before; });\n  return real(...args);\n};\n` } } : {};
  },
};
