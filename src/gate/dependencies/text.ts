import type { Dependency } from '../../protocol/dependencies.js';

const SCRIPTS = { none: null, unsaid: null, off: 'has install scripts, which do not run', listed: 'has install scripts, which the environment lets run' } as const;

/** One change of a package in one line, with what is against it. What stands in it is the change's own text. */
export function dependencyText({ state, ecosystem, name, version, from, direct, scripts, licence, problems }: Dependency): string {
  const how = state === 'moved' ? `${from.join(', ')} → ${version}` : version;
  const notes = [direct ? 'direct' : null, state === 'removed' ? null : licence, state === 'removed' ? null : SCRIPTS[scripts]].filter((note) => note !== null);
  const against = problems.map((p) => `${p.holds === 'no' ? '✗' : '?'} ${p.why}`);
  return `${state.padEnd(7)} ${ecosystem} ${name} ${how}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}${against.length === 0 ? '' : `: ${against.join('; ')}`}`;
}
