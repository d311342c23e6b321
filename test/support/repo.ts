import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** git as a person runs it, for building repositories in tests. */
export function personGit(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', '-c', 'init.defaultBranch=main', '-c', 'protocol.file.allow=always', ...args], {
    cwd: folder, encoding: 'utf8', env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }, stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

export function write(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** A repository with one commit of these files. Returns its commit. */
export function makeRepo(folder: string, files: Readonly<Record<string, string | Buffer>>): string {
  mkdirSync(folder, { recursive: true });
  personGit(folder, 'init', '--quiet');
  write(folder, files);
  return commitAll(folder, 'first');
}

export function commitAll(folder: string, message: string): string {
  personGit(folder, 'add', '-A', '.');
  personGit(folder, 'commit', '--quiet', '--allow-empty', '-m', message);
  return personGit(folder, 'rev-parse', 'HEAD');
}

/**
 * A repository that attacks whoever runs git in it: every hook, filter, monitor, pager and helper touches `marker`.
 * Nothing of it may ever run outside a sandbox.
 */
export function makeHostileRepo(folder: string, marker: string): string {
  const bomb = join(folder, '.bomb.sh');
  makeRepo(folder, {
    'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { test: 'node --test', preinstall: `touch ${marker}`, prepare: `touch ${marker}`, postinstall: `touch ${marker}` } }),
    '.npmrc': `script-shell=${bomb}\nnode-options=--require=${folder}/evil.cjs\ngit=${bomb}\nignore-scripts=false\nregistry=http://127.0.0.1:1/\n`,
    'evil.cjs': `require('fs').writeFileSync(${JSON.stringify(marker)}, 'x')`,
    '.gitattributes': '* filter=evil diff=evil merge=evil\n*.ident ident\n* export-subst\n',
    'ok.test.js': "require('node:test').test('ok', () => {});\n",
    'new\nline.txt': 'a name with a newline\n',
    'big.bin': Buffer.alloc(60 * 1024 * 1024, 1),
  });
  write(folder, { '.bomb.sh': `#!/bin/sh\ntouch ${marker}\n` });
  chmodSync(bomb, 0o755);
  symlinkSync('/etc/passwd', join(folder, 'out-absolute'));
  symlinkSync('../../../../etc/shadow', join(folder, 'out-relative'));
  const nested = join(folder, 'embedded');
  makeRepo(nested, { 'inner.txt': 'inner\n' });
  for (const at of [folder, nested]) {
    for (const [key, value] of [['core.fsmonitor', bomb], ['core.sshCommand', bomb], ['core.pager', bomb], ['diff.external', bomb], ['filter.evil.clean', bomb], ['filter.evil.smudge', bomb], ['filter.evil.process', bomb], ['diff.evil.textconv', bomb], ['uploadpack.packObjectsHook', bomb], ['core.alternateRefsCommand', bomb], ['gpg.program', bomb], ['core.gitProxy', bomb]]) {
      execFileSync('git', ['config', '--file', join(at, '.git/config'), key as string, value as string]);
    }
    for (const hook of ['pre-commit', 'post-checkout', 'post-index-change', 'reference-transaction', 'pre-auto-gc', 'post-update', 'pre-receive', 'update', 'proc-receive', 'fsmonitor-watchman']) {
      mkdirSync(join(at, '.git/hooks'), { recursive: true });
      writeFileSync(join(at, '.git/hooks', hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    }
  }
  const quiet = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'filter.evil.clean=cat', '-c', 'filter.evil.process=', '-c', 'filter.evil.smudge=cat'];
  execFileSync('git', [...quiet, 'add', '--', 'out-absolute', 'out-relative', 'embedded'], { cwd: folder, stdio: 'ignore' });
  execFileSync('git', [...quiet, '-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'hostile'], { cwd: folder, stdio: 'ignore' });
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  return execFileSync('git', [...quiet, 'rev-parse', 'HEAD'], { cwd: folder, encoding: 'utf8' }).trim();
}
