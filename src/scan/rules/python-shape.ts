import type { Rule, SgNode } from '@ast-grep/napi';

const NAME: Rule = { kind: 'identifier', regex: '[a-z]' };
const STRING: Rule = { any: [{ kind: 'string' }, { kind: 'concatenated_string' }, { kind: 'parenthesized_expression' }] };
const BUILT: readonly Rule[] = [
  { kind: 'string', has: { kind: 'interpolation', has: { ...NAME, stopBy: 'end' } } },
  { kind: 'concatenated_string', has: { kind: 'interpolation', stopBy: 'end', has: { ...NAME, stopBy: 'end' } } },
  { kind: 'binary_operator', all: [{ has: { field: 'operator', regex: '^[+%]$' } }, { has: { kind: 'string', stopBy: 'end' } }, { has: { ...NAME, stopBy: 'end' } }] },
  { kind: 'call', all: [{ has: { field: 'function', kind: 'attribute', all: [{ has: { field: 'object', ...STRING } }, { has: { field: 'attribute', regex: '^format$' } }] } }, { has: { field: 'arguments', has: { ...NAME, stopBy: 'end' } } }] },
];

/** Text with a value in it: an f-string, `+`, `%` or `.format`, of something that is not a CONSTANT. */
export const pyBuilt: Rule = { any: [...BUILT, { kind: 'parenthesized_expression', has: { any: [...BUILT] } }] };

/** Data of a request, as Flask, Django and Starlette name it. */
export const PY_REQUEST = '\\brequest\\.(args|form|values|json|data|cookies|headers|files|GET|POST|COOKIES|META|body|query_params|path_params|view_args|query_string|get_json|get_data)\\b';
export const pyRequest: Rule = { regex: PY_REQUEST };
export const PY_REQUEST_HINT = /\brequest\./;

/** Anything but a string without holes, a number or a name in capitals. */
export const pyNotLiteral: Rule = { not: { any: [{ kind: 'integer' }, { kind: 'none' }, { kind: 'keyword_argument' }, { kind: 'string', not: { has: { kind: 'interpolation' } } }, { kind: 'concatenated_string', not: { has: { kind: 'interpolation', stopBy: 'end' } } }, { kind: 'identifier', regex: '^[A-Z][A-Z0-9_]*$' }] } };

/** A call whose callee's text matches, with an argument at `at` (from 1; null = any) that matches. */
export function pyCall(callee: string, argument: Rule | null = null, at: number | null = 1): Rule {
  const place = argument === null ? [] : [{ has: { field: 'arguments', has: { all: [{ nthChild: at ?? 'n' }, argument] } } }];
  return { kind: 'call', all: [{ has: { field: 'function', regex: callee } }, ...place] };
}

/** The call has a keyword `name` whose value matches. */
export function keyword(name: string, value: string): Rule {
  return { has: { field: 'arguments', has: { kind: 'keyword_argument', all: [{ has: { field: 'name', regex: `^(${name})$` } }, { has: { field: 'value', regex: value } }] } } };
}

/** Characters of a scope in which an assignment is looked for. */
const LONG = 20_000;

/** The function or module around a node. */
export function scopeOf(node: SgNode): SgNode {
  const above = node.ancestors();
  return above.find((a) => a.is('function_definition')) ?? above.at(-1) ?? node;
}

/** What a name stands for at its place, where its scope assigns it once and that before; the expression itself otherwise. */
export function assigned(node: SgNode): SgNode {
  if (!node.is('identifier')) return node;
  const scope = scopeOf(node);
  // The scope is searched for every call in it: in a long one that would take the square of its length.
  if (scope.range().end.index - scope.range().start.index > LONG) return node;
  const all = scope.findAll({ rule: { any: [{ kind: 'assignment', has: { field: 'left', regex: `^${node.text()}$` } }, { kind: 'augmented_assignment', has: { field: 'left', regex: `^${node.text()}$` } }] } });
  const value = all.length === 1 && all[0]?.is('assignment') === true ? all[0].field('right') : null;
  return value !== null && value.range().start.index < node.range().start.index ? value : node;
}

/** Names around a node: what its value is assigned to, the keyword or key that it is given as, and the functions that hold it. */
export function namesAround(node: SgNode): readonly string[] {
  return node.ancestors().flatMap((a) => {
    if (a.is('assignment')) return a.field('left')?.text() ?? [];
    if (a.is('function_definition') || a.is('keyword_argument')) return a.field('name')?.text() ?? [];
    return a.is('pair') ? a.field('key')?.text() ?? [] : [];
  });
}
