// npm run bench:sandbox [-- --json] [--n 30] [--heavy 3]: what the sandbox costs, beside what one would use otherwise, all in one run.
import { parseArgs } from 'node:util';
import { note, report } from './measure.mjs';
import { openGround } from './sandbox/ground.mjs';
import { many } from './sandbox/many.mjs';
import { registry } from './sandbox/registry.mjs';
import { starts } from './sandbox/starts.mjs';
import { workspace } from './sandbox/workspace.mjs';

const { values } = parseArgs({ options: { json: { type: 'boolean' }, n: { type: 'string', default: '30' }, heavy: { type: 'string', default: '3' } } });
const [n, heavy] = [Number(values.n), Number(values.heavy)];
await using ground = openGround();
note('starts and commands');
const figures = await starts(ground, n);
note('many sandboxes');
figures.push(...(await many(ground)));
figures.push(...(await registry(ground, heavy)));
figures.push(...(await workspace(ground, n, heavy)));
report('sandbox', figures);
