import type { Event } from '../protocol/event.js';
import { count } from '../protocol/words.js';
import { visible } from '../redact/visible.js';

/** One line for an event that a person waits for; null for those that only the log needs. Text from a sandbox is made visible. */
export function progressLine(event: Event): string | null {
  switch (event.type) {
    case 'run.started':
      return 'run started';
    case 'run.resumed':
      return 'run resumed';
    case 'source.resolved':
      return `source   ${event.data.commit.slice(0, 12)}${event.data.skipped.length > 0 ? ` (${event.data.skipped.length} left out: ${list(event.data.skipped.map((s) => `${s.path}: ${s.reason}`))})` : ''}`;
    case 'instructions.read':
      return event.data.files.length === 0 ? null : `rules    ${list(event.data.files.map((f) => `${f.path}${f.used < f.bytes ? ` (cut to ${f.used} of ${f.bytes} bytes)` : ''}`))}`;
    case 'sandbox.started':
      return event.data.missing.length === 0 ? null : `limits   without ${event.data.missing.join(', ')} on this machine`;
    case 'egress.requested':
      return event.data.verdict === 'deny' ? `fetch    refused ${visible(event.data.target)} (${event.data.rule})` : null;
    case 'egress.tunnelled':
      return `fetch    ${event.data.host}:${event.data.port} ${event.data.verdict === 'deny' ? `refused (${event.data.rule})` : `${Math.round(event.data.received / 1024)} KiB`}`;
    case 'setup.fetched':
      return `fetch    ${count(event.data.packages.length, 'package')}, ${Math.round(event.data.bytes / 1024)} KiB`;
    case 'snapshot.frozen':
      return `setup    ${event.data.snapshot}${event.data.reused ? ' (used again)' : ''}`;
    case 'sandbox.probed':
      return `agent    sealed: ${event.data.probes.filter((p) => p.ok).length} of ${event.data.probes.length} probes hold`;
    case 'command.started':
      return event.data.phase === 'agent' ? agentLine(event.data.argv) : event.data.phase === 'build' ? `build    $ ${clip(visible(event.data.argv.join(' ')))}` : null;
    case 'tool.called':
      return ['apply_patch', 'plan', 'propose_environment', 'finish'].includes(event.data.name) ? `agent    ${event.data.name}` : null;
    case 'model.failed':
      return `model    ${visible(event.data.message)}; trying again`;
    case 'environment.proposed':
      return `agent    proposes for sallyport.yaml: ${list(event.data.lines.map((line) => `${line.key} ${line.value}`))}`;
    case 'agent.finished':
      return `agent    round ${event.data.round} ended: ${event.data.reason.replaceAll('_', ' ')}`;
    case 'remedy.planned':
      return `fix      ${count(event.data.candidates, 'candidate')} to try${event.data.advice > 0 ? `, ${count(event.data.advice, 'finding')} left to a person` : ''}`;
    case 'remedy.tried':
      return `fix      ${event.data.kept ? '✓' : '✗'} ${visible(event.data.title)}${event.data.reason === null ? '' : `: dropped, ${visible(event.data.reason)}`}`;
    case 'change.extracted':
      return `change   ${count(event.data.files.length, 'file')}${event.data.files.length > 0 ? `: ${list(event.data.files.map((f) => f.path))}` : ''}${event.data.skipped.length > 0 ? `; left out ${list(event.data.skipped.map((s) => `${s.path} (${s.reason})`))}` : ''}`;
    case 'check.ended':
      return `verify   ${SIDES[event.data.side]}: ${event.data.check} ${event.data.passed + event.data.failed > 0 ? `${event.data.passed} passed, ${event.data.failed} failed` : `exit ${event.data.exit ?? event.data.reason}`}`;
    case 'baseline.reused':
      return `verify   base: as measured at ${event.data.at.slice(0, 16).replace('T', ' ')} UTC`;
    case 'scan.ended':
      return `scan     ${event.data.side}: ${event.data.tool === undefined ? '' : `${event.data.tool} `}${event.data.problem === null ? `${count(event.data.results, 'result')}` : visible(event.data.problem)}`;
    case 'gate.judged':
      return `gate     round ${event.data.round}: ${event.data.verdict}`;
    case 'service.started':
      return event.data.ready ? null : `service  ${event.data.service} did not start`;
    case 'snapshot.refused':
      return `setup    ${event.data.snapshot} is made anew: ${visible(event.data.reason)}`;
    case 'run.stopped':
      return `stopped  ${visible(event.data.message)}`;
    case 'error.raised':
      return `error    ${visible(event.data.message)}`;
    case 'budget.raised':
    case 'task.created':
    case 'policy.decided':
    case 'request.screened':
    case 'repository.labelled':
    case 'task.refused':
    case 'run.ended':
    case 'step.ended':
    case 'sandbox.ended':
    case 'command.ended':
    case 'model.requested':
    case 'model.answered':
    case 'turn.answered':
    case 'tool.ended':
    case 'feedback.given':
    case 'approval.given':
    case 'approval.rejected':
    case 'override.recorded':
    case 'change.applied':
      return null;
    default:
      return event satisfies never;
  }
}

const SIDES = { base: 'base', head: 'head', red: 'new tests on the base', old: 'old tests on the change', base_again: 'base once more', head_again: 'head once more', red_again: 'new tests on the base once more', covered: 'head with coverage', mutant: 'head with a fault put in' } as const;

/** What the agent does, as a person would say it; its tools' own small commands stay on the log. */
function agentLine(argv: readonly string[]): string | null {
  const [program, flag] = argv;
  if ((program === '/bin/bash' || program === '/bin/sh') && flag === '-c') return `agent    $ ${clip(visible(argv[2] ?? ''))}`;
  if (program === 'grep') return `agent    search ${clip(visible(argv[argv.indexOf('-e') + 1] ?? ''))}`;
  return null;
}

function list(items: readonly string[]): string {
  const shown = items.slice(0, 5).map((i) => visible(i));
  return shown.join(', ') + (items.length > 5 ? ` and ${items.length - 5} more` : '');
}

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}

/** What the run is doing, for the heartbeat line. */
export function phaseOf(event: Event): string | null {
  if (event.type === 'sandbox.started') return PHASES[event.data.phase] ?? event.data.phase;
  if (event.type === 'model.requested') return `waiting for ${event.data.model}`;
  if (event.type === 'model.answered') return 'the agent works';
  return null;
}

const PHASES: Readonly<Record<string, string>> = { fetch: 'fetching dependencies', build: 'building', agent: 'the agent works', verify: 'running the checks', scan: 'scanning', extract: 'taking the change out', probe: 'probing' };
