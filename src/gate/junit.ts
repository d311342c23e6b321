import type { CheckRun, TestCase } from '../protocol/evidence.js';

/**
 * The runs of one side as JUnit XML (the form of Jenkins' `xunit` schema, which GitLab, Jenkins and others read): a suite for each check, a case for each test; a check without cases is one case by its exit
 * code. A report that cannot be believed is an error of the suite.
 */
export function junitXml(runs: readonly CheckRun[]): string {
  const suites = runs.map(suiteOf);
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="sallyport">', ...suites, '</testsuites>', ''].join('\n');
}

function suiteOf(run: CheckRun): string {
  const cases = run.cases ?? [{ id: run.argv.join(' '), file: null, status: run.exit === 0 && run.reason === 'exited' ? ('passed' as const) : ('failed' as const), ms: run.ms, message: run.exit === 0 ? null : `ended by ${run.reason}, exit ${run.exit ?? 'none'}` }];
  const count = (...statuses: readonly TestCase['status'][]): number => cases.filter((one) => statuses.includes(one.status)).length;
  const broken = run.problem === null ? [] : [`    <testcase classname="${text(run.name)}" name="the report can be believed"><error message="${text(run.problem)}"/></testcase>`];
  return [
    `  <testsuite name="${text(run.name)}" tests="${cases.length + broken.length}" failures="${count('failed')}" errors="${broken.length}" skipped="${cases.length - count('passed', 'failed')}" time="${seconds(run.ms)}">`,
    ...cases.map(caseOf), ...broken, '  </testsuite>',
  ].join('\n');
}

function caseOf({ id, file, status, ms, message }: TestCase): string {
  const open = `    <testcase classname="${text(file ?? '')}" name="${text(id)}" time="${seconds(ms)}"`;
  if (status === 'passed') return `${open}/>`;
  return status === 'failed' ? `${open}><failure message="${text(message ?? '')}"/></testcase>` : `${open}><skipped/></testcase>`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** Names and messages come from code under test: what XML 1.0 cannot hold is taken out, the rest escaped. */
function text(value: string): string {
  return value.toWellFormed().replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\r', '&#13;').replaceAll('\t', '&#9;');
}
