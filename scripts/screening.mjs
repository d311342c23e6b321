// node scripts/screening.mjs DATA.jsonl [--write]: fits the weights of src/screen/weights.ts to labelled requests ({corpus, label, text} a line) by
// logistic regression (batch gradient descent, L2, fixed steps: the same data give the same weights), and reports it corpus by corpus, each one
// also as judged by weights that never saw it.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MALICIOUS = new Set(['malicious']);
const SKIPPED = new Set(['general-unsafe']); // not about software: neither to be learned from nor to be counted as ordinary work
const STEPS = 4000;
const RATE = 0.5;
const L2 = 0.002;
/** Log odds of a text without any feature: ordinary work. Given, not fitted: a corpus has as many malicious requests as its makers wanted. */
const BIAS = -3;
/** Log odds of what speaks for a request. Given too: the malicious corpus says *defence* in nearly every cover story. */
const GIVEN = -0.7;

async function load(entry) {
  const { outputFiles } = await build({ entryPoints: [join(root, entry)], bundle: true, write: false, format: 'esm', platform: 'node' });
  return await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** Each corpus and label weighs the same, so that a large one does not speak for all. */
function weigh(rows, signs) {
  const width = signs.length;
  const sizes = new Map();
  for (const r of rows) sizes.set(r.group, (sizes.get(r.group) ?? 0) + 1);
  const kinds = [0, 1].map((y) => new Set(rows.filter((r) => r.y === y).map((r) => r.group)).size || 1);
  const weights = signs.map((s) => (s < 0 ? GIVEN : 0));
  for (let step = 0; step < STEPS; step++) {
    const dw = new Array(width).fill(0);
    for (const r of rows) {
      const error = (sigmoid(BIAS + r.vector.reduce((sum, v, i) => sum + (v === 0 ? 0 : weights[i]), 0)) - r.y) / sizes.get(r.group) / kinds[r.y];
      r.vector.forEach((v, i) => {
        if (v !== 0) dw[i] += error;
      });
    }
    // What speaks against a request may only ever do that: the style of a corpus cannot turn a meaning over.
    for (let i = 0; i < width; i++) if (signs[i] > 0) weights[i] = Math.max(0, weights[i] - RATE * (dw[i] + L2 * weights[i]));
  }
  return { weights };
}

const [file, write] = process.argv.slice(2);
const { FEATURES, fold, vectorOf } = await load('src/screen/features.ts');
const rows = readFileSync(file, 'utf8').trim().split('\n').map((l) => JSON.parse(l)).filter((r) => !SKIPPED.has(r.label))
  .map((r) => ({ ...r, group: `${r.corpus} ${r.label}`, y: MALICIOUS.has(r.label) ? 1 : 0, vector: vectorOf(fold(r.text)) }));
const signs = FEATURES.map((f) => (f.reason === '' ? -1 : 1));
const all = weigh(rows, signs);
const { outcomeOf } = await load('src/screen/screen.ts');
const judge = (model, r) => outcomeOf(sigmoid(BIAS + r.vector.reduce((s, v, i) => s + (v === 0 ? 0 : model.weights[i]), 0)), r.vector.filter((v, i) => v === 1 && model.weights[i] > 0).length);
const rate = (model, part, outcomes) => part.filter((r) => outcomes.includes(judge(model, r))).length / part.length;
for (const group of new Set(rows.map((r) => r.group))) {
  const part = rows.filter((r) => r.group === group);
  const without = rows.filter((r) => r.group !== group);
  const blind = new Set(without.map((r) => r.y)).size < 2 ? null : weigh(without, signs);
  const show = (m) => (m === null ? 'no other corpus of its kind' : `asked or refused ${(100 * rate(m, part, ['ask', 'refuse'])).toFixed(1)} %, refused ${(100 * rate(m, part, ['refuse'])).toFixed(1)} %`);
  console.log(`${group} (${part.length}): ${show(all)}; left out: ${show(blind)}`);
}
FEATURES.forEach((f, i) => console.log(`${f.id.padEnd(16)} ${all.weights[i].toFixed(2)}`));
if (write === '--write') {
  const lines = FEATURES.map((f, i) => `  '${f.id}': ${all.weights[i].toFixed(2)},`).join('\n');
  writeFileSync(join(root, 'src/screen/weights.ts'), `/** Written by scripts/screening.mjs; never by hand. Log odds that a request with the feature is malicious. */\nexport const BIAS = ${BIAS};\nexport const WEIGHTS: Readonly<Record<string, number>> = {\n${lines}\n};\n`);
}
