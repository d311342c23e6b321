import { describe, expect, it } from 'vitest';
import { installedIn } from '../../src/setup/installed.js';
import { openProject } from '../../src/setup/upgrade/open.js';
import { MemoryJournal } from '../support/journal.js';
import { NO_REGISTRIES } from '../support/preparing.js';

const H = `h1:${'A'.repeat(43)}=`;
const MANIFESTS = new Map(Object.entries({
  'go.mod': 'go 1.17\nrequire (\nexample.com/a v1.2.3\nexample.com/unused v1.0.0\n)\n', 'go.sum': `example.com/a v1.2.3 ${H}\nexample.com/a v1.0.0 ${H}\nexample.com/unused v1.0.0/go.mod ${H}\n`,
  'Cargo.toml': '', 'Cargo.lock': `version = 4\n[[package]]\nname = "serde"\nversion = "1.0.0"\nsource = "registry+https://index.example/"\nchecksum = "${'ab'.repeat(32)}"\n[[package]]\nname = "mine"\nversion = "0.1.0"\n`,
}).map(([path, text]) => [path, Buffer.from(text)]));

describe('what lockfiles of Go and cargo say is installed', () => {
  it('is what a build is made of, by the names and versions of advisories', () => {
    expect(installedIn(MANIFESTS).map(({ osv, path, packages }) => [osv, path, packages.map((p) => `${p.name}@${p.version}`)])).toEqual([['Go', 'go.sum', ['example.com/a@1.2.3']], ['crates.io', 'Cargo.lock', ['serde@1.0.0']]]);
  });

  it('is not upgraded, and the error says how a person does', async () => {
    const opened = installedIn(MANIFESTS).map((one) => openProject(MANIFESTS, one, [], { registries: NO_REGISTRIES, journal: new MemoryJournal(), signal: new AbortController().signal }).catch((error: unknown) => error));
    expect(await Promise.all(opened)).toMatchObject([{ code: 'input.invalid', message: 'Cannot upgrade what go.sum pins: that is not supported yet', hint: 'go get MODULE@VERSION, then go mod tidy.' }, { code: 'input.invalid', message: 'Cannot upgrade what Cargo.lock pins: that is not supported yet', hint: 'cargo update --precise VERSION CRATE.' }]);
  });
});
