// How long 1,000 JavaScript files take, beside ESLint with its security plugins on the same files in the same minute. ESLint comes from the registry that npm is configured
// for, into a folder of its own that goes again; where it cannot be had, the figure says so.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, figure, median, note, ratio, root } from './measure.mjs';

const FILES = 1000;
const PLUGINS = ['eslint', 'eslint-plugin-security', 'eslint-plugin-sonarjs', 'eslint-plugin-no-unsanitized'];

/** The first files of the packages that are installed here, by name: code that other people wrote. */
function corpus(folder) {
  const files = [];
  const walk = (at) => {
    for (const entry of readdirSync(at, { withFileTypes: true }).sort((a, b) => a.name.localeCompare(b.name))) {
      if (files.length >= FILES) return;
      const path = join(at, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/\.[cm]?js$/.test(entry.name) && !/\.min\./.test(entry.name) && statSync(path).size < 100_000) files.push(path);
    }
  };
  walk(folder);
  return files;
}

export async function speed() {
  const how = `wall time over ${FILES} files of installed packages, each in a process of its own, taken in turn`;
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-speed-'));
  try {
    note('installing ESLint and its security plugins');
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PLUGINS], { cwd: folder, stdio: 'ignore', timeout: 300_000 });
    const files = corpus(join(root, 'node_modules'));
    const list = join(folder, 'files.json');
    writeFileSync(list, JSON.stringify(files));
    const read = {};
    const run = (name) => () => void (read[name] = Number(execFileSync(process.execPath, [fileURLToPath(new URL(`./speed/${name}.mjs`, import.meta.url)), list], { cwd: folder, encoding: 'utf8', timeout: 900_000, stdio: ['ignore', 'pipe', 'ignore'] })));
    note(`${files.length} files, three times each`);
    const times = await alternate(3, { ours: run('ours'), eslint: run('eslint') });
    const [ours, eslint] = [median(times.ours), median(times.eslint)];
    return [
      figure('scan_vs_eslint', ratio(ours, eslint), 'x', { n: 3, goal: 1, how: `${how}; ${read.ours} read by ours, ${read.eslint} by ESLint` }),
      figure('scan_1000_files_s', ours / 1000, 's', { n: 3, how }), figure('eslint_1000_files_s', eslint / 1000, 's', { n: 3, how }),
    ];
  } catch (error) {
    return [figure('scan_vs_eslint', null, 'x', { n: 0, goal: 1, how, why: `not measured: ${String(error.message ?? error).split('\n')[0].slice(0, 200)}` })];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
