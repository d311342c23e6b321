// eslint.mjs LIST: lints every file of a JSON list with ESLint and its three security plugins, which are found below the working folder. Prints how many it could read.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'x.js'));
const { Linter } = require('eslint');
const [security, sonarjs, unsanitized] = ['eslint-plugin-security', 'eslint-plugin-sonarjs', 'eslint-plugin-no-unsanitized'].map((name) => require(name));
const plugin = (p) => p.default ?? p;
const config = (module) => [{
  files: ['**/*.js', '**/*.mjs', '**/*.cjs'], plugins: { security: plugin(security), sonarjs: plugin(sonarjs), 'no-unsanitized': plugin(unsanitized) },
  rules: { ...plugin(security).configs.recommended.rules, ...plugin(sonarjs).configs.recommended.rules, ...plugin(unsanitized).configs.recommended.rules },
  languageOptions: { ecmaVersion: 'latest', sourceType: module ? 'module' : 'commonjs' }, linterOptions: { reportUnusedDisableDirectives: 'off' },
}];
const linter = new Linter();
const configs = [config(false), config(true)];
let read = 0;
for (const path of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  const code = readFileSync(path, 'utf8');
  const messages = linter.verify(code, configs[/^(?:import|export)\b/m.test(code) ? 1 : 0], { filename: 'a.js', allowInlineConfig: false });
  if (!messages.some((message) => message.fatal)) read++;
}
console.log(read);
