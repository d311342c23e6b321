import type { Evidence, ToolEvidence, ToolRun } from '../../protocol/evidence.js';
import { count } from '../../protocol/words.js';
import { decisive, expiredText, suppressedText } from '../../sarif/suppress.js';
import type { Finding } from '../conditions.js';
import { blocks } from './compare.js';

type Given = Pick<Evidence, 'tools' | 'suppressions'>;

/** That every tool of the project did its work on both sides, the change does not say how, and none found more than on the base. Nothing is claimed where none is declared. */
export function toolConditions({ tools = [], suppressions }: Given): Finding[] {
  if (tools.length === 0) return [];
  return [sideBelievable(tools, 'base'), sideBelievable(tools, 'head'), sameDefinitions(tools), noneNew(tools, suppressions)];
}

const believable = (run: ToolRun | null): boolean => run !== null && run.reason === 'exited' && run.problem === null;

/** As with the checks: what the change broke is `failed`, what was broken before leaves nothing to compare with, and a sandbox that was lost says nothing. */
function sideBelievable(tools: readonly ToolEvidence[], side: 'base' | 'head'): Finding {
  const id = `tools.believable.${side}`;
  const bad = tools.filter((tool) => !believable(tool[side]));
  if (bad.length === 0) return { id, holds: 'yes', detail: `${count(tools.length, 'tool')} did ${tools.length === 1 ? 'its' : 'their'} work on the ${side}.` };
  const detail = bad.map((tool) => `"${tool.name}" on the ${side}: ${tool[side]?.problem ?? tool[side]?.reason ?? 'it did not run'}`).join('; ').slice(0, 2000);
  if (bad.some((tool) => tool[side]?.reason === 'lost')) return { id, holds: 'unknown', broken: true, detail };
  return { id, holds: side === 'head' && bad.some((tool) => tool.head !== null && believable(tool.base)) ? 'no' : 'unknown', detail };
}

function sameDefinitions(tools: readonly ToolEvidence[]): Finding {
  const id = 'tools.definition';
  const said = tools.filter((tool) => tool.definitions.length > 0).map((tool) => `${tool.name} by ${tool.definitions.slice(0, 5).join(', ')}`);
  return said.length === 0
    ? { id, holds: 'yes', detail: 'The change does not say what the tools look for.' }
    : { id, holds: 'unknown', detail: `The change says what tools look for or how they run: ${said.join('; ')}.`.slice(0, 2000) };
}

function noneNew(tools: readonly ToolEvidence[], suppressions: Evidence['suppressions']): Finding {
  const id = 'tools.none_new';
  const fresh = tools.map((tool) => ({ name: tool.name, more: tool.unlisted.new, found: tool.results.filter((one) => blocks(one) && decisive(one, suppressions)) })).filter(({ found, more }) => found.length + more > 0);
  if (fresh.length > 0) {
    const said = fresh.map(({ name, found, more }) => `${name}: ${count(found.length + more, 'new finding')} (${found.slice(0, 5).map((one) => `${one.rule} at ${one.path}:${one.line}`).join(', ')})`).join('; ');
    return { id, holds: 'no', detail: `${said}.${expiredText(fresh.flatMap((one) => one.found), suppressions)}`.slice(0, 2000) };
  }
  const bad = tools.filter((tool) => !believable(tool.base) || !believable(tool.head)).map((tool) => tool.name);
  if (bad.length > 0) return { id, holds: 'unknown', detail: `What is new could not be told for ${bad.join(', ')}.`.slice(0, 2000) };
  return { id, holds: 'yes', detail: `No new finding of level error or warning: ${tools.map((tool) => `${tool.name} has ${tool.head?.found ?? 0}, the base had ${tool.base?.found ?? 0}`).join('; ')}.${suppressedText(tools.flatMap((tool) => tool.results), suppressions)}`.slice(0, 2000) };
}
