import { z } from 'zod';
import { isTestFile } from '../../gate/test-files.js';
import { type Advice, type AdvisoryResult, Target } from '../../protocol/evidence.js';
import { contentKey, fingerprints } from '../../sarif/compare.js';
import { mergeEdits } from '../../sarif/edits.js';
import type { SarifResult } from '../../sarif/parse.js';
import type { Impossible, Upgrade } from '../../setup/upgrade/plan.js';

const Common = { id: z.string(), title: z.string().max(500), targets: z.array(Target).min(1) };
const Edit = z.strictObject({ start: z.int().min(0), end: z.int().min(0), text: z.string() });
/** Something that can be tried by itself: a rule's fix for one finding (and its equals in the same file), or one upgrade. */
export const Candidate = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('code'), ...Common, path: z.string(), edits: z.array(Edit) }),
  z.strictObject({ kind: z.literal('deps'), ...Common, upgrade: z.custom<Upgrade>((v) => typeof v === 'object' && v !== null && 'edits' in v && 'to' in v) }),
]);
export type Candidate = z.infer<typeof Candidate>;

export const Plan = z.strictObject({ candidates: z.array(Candidate), advice: z.array(z.strictObject({ what: z.string(), where: z.string(), advice: z.string() })) });
export type Plan = z.infer<typeof Plan>;

/** So many are tried in one run; the rest is named as advice, never silently left. */
export const MAX_CANDIDATES = 100;
const GENERATED = /(^|\/)(dist|build|vendor|third_party|node_modules|coverage|\.next)\/|\.min\.[cm]?js$|(^|\/)[^/]*\.bundle\.js$/;

/**
 * Candidates out of the base's scan. Equal findings of one file are one candidate: their fingerprints tell them apart only by order,
 * so that one of them gone alone could not be told from another. Tests are never edited, and what a build made is its source's business.
 */
export function codeCandidates(results: readonly SarifResult[]): Plan {
  const marks = fingerprints(results);
  const groups = new Map<string, { readonly result: SarifResult; readonly fingerprint: string }[]>();
  const advice: Advice[] = [];
  results.forEach((result, i) => {
    if (isTestFile(result.path)) return;
    const why = GENERATED.test(result.path) ? 'The file looks generated: mend its source.' : result.fix === null ? result.message : null;
    if (why !== null) {
      if (result.level !== 'note') advice.push(adviceOf(result, why));
      return;
    }
    const key = contentKey(result);
    groups.set(key, [...(groups.get(key) ?? []), { result, fingerprint: marks[i] as string }]);
  });
  const candidates = [...groups.values()].map((group): Candidate => {
    const { result } = group[0] as (typeof group)[number];
    const { edits, dropped } = mergeEdits(group.map((g) => g.result.fix?.edits ?? []));
    const made = group.filter((_, i) => !dropped.includes(i));
    return {
      kind: 'code', id: `code-${group[0]?.fingerprint.slice(7, 19)}`, path: result.path, edits: [...edits],
      title: `${result.rule} at ${result.path}:${made.map((g) => g.result.line).join(', ')}: ${result.fix?.title ?? ''}`.slice(0, 500),
      targets: made.map((g) => ({ kind: 'finding', rule: g.result.rule, path: g.result.path, line: g.result.line, fingerprint: g.fingerprint })),
    };
  });
  return { candidates, advice };
}

/** Candidates out of planned upgrades; what no release mends is advice. */
export function upgradeCandidates(upgrades: readonly Upgrade[], impossible: readonly Impossible[], hits: readonly Omit<AdvisoryResult, 'state'>[]): Plan {
  return {
    candidates: upgrades.map((upgrade) => ({
      kind: 'deps', id: `deps-${upgrade.id}`.slice(0, 200), upgrade,
      title: `${upgrade.package} ${upgrade.from.join(', ')} → ${upgrade.to} (${howIn(upgrade)}; ${upgrade.advisories.join(', ')})${upgrade.note === '' ? '' : `: ${upgrade.note}`}`.slice(0, 500),
      targets: hits.filter((h) => h.package === upgrade.package && upgrade.from.includes(h.version) && upgrade.advisories.includes(h.id)).map((h) => ({ kind: 'advisory', id: h.id, package: h.package, version: h.version })),
    })),
    advice: impossible.map((i) => ({ what: i.advisories.join(', ').slice(0, 500), where: `${i.package}@${i.version}`.slice(0, 1000), advice: i.reason.slice(0, 2000) })),
  };
}

function howIn({ how, ecosystem }: Upgrade): string {
  return how === 'lock' ? 'lockfile only' : how === 'override' ? 'override' : ecosystem === 'npm' ? 'package.json' : 'own pin';
}

/** Both lists as one, cut to what one run tries. */
export function joinPlans(plans: readonly Plan[]): Plan {
  const all = plans.flatMap((p) => p.candidates);
  const left = all.slice(MAX_CANDIDATES).map((c) => ({ what: c.title, where: c.kind === 'code' ? c.path : c.upgrade.package, advice: `Not tried: one run tries ${MAX_CANDIDATES} fixes. Run it again after these.` }));
  return { candidates: all.slice(0, MAX_CANDIDATES), advice: [...plans.flatMap((p) => p.advice), ...left] };
}

function adviceOf(result: SarifResult, advice: string): Advice {
  return { what: result.rule.slice(0, 500), where: `${result.path}:${result.line}`.slice(0, 1000), advice: advice.slice(0, 2000) };
}
