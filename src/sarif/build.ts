import type { Defences, Fix, Found, Notice, RuleMeta, SarifLog } from './model.js';
import type { Entry } from './interface/model.js';
import type { FileFacts } from './tamper/model.js';

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';
const MAX_SNIPPET = 1000;

/**
 * A SARIF 2.1.0 log of one run. The run counts as successful only when no notice says that something was left unscanned
 * (`error`): a partial scan that looks whole is what this must never be.
 */
export function buildSarif(input: {
  readonly tool: { readonly name: string; readonly version: string; readonly mode?: string };
  readonly rules: readonly RuleMeta[];
  readonly results: readonly Found[];
  readonly notices: readonly Notice[];
  /** What is no result, but is compared between two scans: as results of the kind `informational`. */
  readonly defences?: Defences;
  readonly files?: readonly FileFacts[];
  readonly entries?: readonly Entry[];
}): SarifLog {
  const index = new Map(input.rules.map((rule, i) => [rule.id, i]));
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [{
      tool: { driver: { name: input.tool.name, version: input.tool.version, ...(input.tool.mode === undefined ? {} : { properties: { mode: input.tool.mode } }), rules: input.rules.map(ruleOf) } },
      columnKind: 'utf16CodeUnits',
      invocations: [{
        executionSuccessful: !input.notices.some((notice) => notice.level === 'error'),
        toolExecutionNotifications: input.notices.map(notificationOf),
      }],
      results: [...input.results.map((found) => resultOf(found, index.get(found.rule), input.rules.find((rule) => rule.id === found.rule)?.level)), ...(input.defences === undefined ? [] : factsOf(input.defences)), ...(input.files ?? []).map(({ path, ...facts }) => factOf(FILE_FACT, path, 1, 'What the file does to its tests, to tools and to readers.', facts)), ...(input.entries ?? []).map(({ path, ...offered }) => factOf(ENTRY_FACT, path, 1, 'What a package offers to others.', offered))],
    }],
  };
}

/** `CWE-78` for 78: the form used in evidence. */
export function cweName(cwe: number): string {
  return `CWE-${cwe}`;
}

function ruleOf(rule: RuleMeta): unknown {
  const tags = ['security', ...(rule.cwe === null ? [] : [`external/cwe/cwe-${String(rule.cwe).padStart(3, '0')}`])];
  return {
    id: rule.id,
    shortDescription: { text: rule.title },
    help: { text: rule.help },
    defaultConfiguration: { level: rule.level },
    properties: { tags, 'security-severity': rule.severity.toFixed(1), precision: 'medium' },
  };
}

function resultOf(found: Found, ruleIndex: number | undefined, level: string | undefined): unknown {
  return {
    ruleId: found.rule,
    ...(ruleIndex === undefined ? {} : { ruleIndex }),
    level: found.level ?? level ?? 'warning',
    message: { text: found.message },
    locations: [{
      physicalLocation: {
        artifactLocation: { uri: uriOf(found.path), uriBaseId: 'SRCROOT' },
        region: {
          startLine: found.line, startColumn: found.column, endLine: found.endLine, endColumn: found.endColumn,
          snippet: { text: found.snippet.slice(0, MAX_SNIPPET).toWellFormed() },
        },
      },
    }],
    ...(found.fix === undefined ? {} : { fixes: [fixOf(found.path, found.fix)] }),
  };
}

/** Ids of the informational results. */
export const DEFENCE_FACT = 'flow/defence';
export const EXIT_FACT = 'flow/exit-checks';
export const FILE_FACT = 'tamper/file';
export const ENTRY_FACT = 'interface/entry';

/** `kind: informational` (3.27.9): a statement about the code that is no problem; viewers do not count it. */
function factOf(ruleId: string, path: string, line: number, text: string, properties: unknown): unknown {
  return { ruleId, kind: 'informational', level: 'none', message: { text }, locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(path), uriBaseId: 'SRCROOT' }, region: { startLine: line } } }], properties };
}

function factsOf({ uses, exits }: Defences): unknown[] {
  return [
    ...uses.map(({ path, line, ...use }) => factOf(DEFENCE_FACT, path, line, `${use.sink}: ${use.defences.join('; ') || 'no defence'}`.slice(0, 500).toWellFormed(), use)),
    ...exits.map(({ path, line, where, checks }) => factOf(EXIT_FACT, path, line, 'Conditions that end a function.', { where, checks })),
  ];
}

/** Sections 3.55 (fix), 3.56 (artifactChange) and 3.57 (replacement); offsets count what the run's `columnKind` says. */
function fixOf(path: string, fix: Fix): unknown {
  return {
    description: { text: fix.title },
    artifactChanges: [{
      artifactLocation: { uri: uriOf(path), uriBaseId: 'SRCROOT' },
      replacements: fix.edits.map(({ start, end, text }) => ({
        deletedRegion: { charOffset: start, charLength: end - start },
        ...(text === '' ? {} : { insertedContent: { text } }),
      })),
    }],
  };
}

function notificationOf(notice: Notice): unknown {
  return {
    level: notice.level,
    descriptor: { id: notice.id },
    message: { text: notice.message.toWellFormed() },
    ...(notice.path === null ? {} : { locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(notice.path), uriBaseId: 'SRCROOT' } } }] }),
  };
}

/** A relative URI reference: every byte of a hostile file name that means something in a URI is escaped (section 3.10 and RFC 3986). */
function uriOf(path: string): string {
  return path.split('/').map((part) => encodeURIComponent(part.toWellFormed())).join('/');
}
