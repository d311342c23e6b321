import { z } from 'zod';
import { Ecosystem } from '../protocol/event.js';
import type { Fetched } from './front.js';
import type { PackageVersion } from './package-rules.js';

/** Names of digests in CycloneDX. */
const ALGORITHMS: Readonly<Record<string, string>> = { sha1: 'SHA-1', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };

export type SbomPackage = Pick<Fetched, 'ecosystem' | 'name' | 'version' | 'integrity'>;

/**
 * The packages that a setup was handed, as a CycloneDX 1.6 document (https://cyclonedx.org/docs/1.6/json/): each with its package URL and the digest that its file
 * had. `subject` names what they were fetched for. The same packages give the same bytes.
 */
export function sbomOf(subject: string, packages: readonly SbomPackage[]): string {
  const components = new Map(packages.map((p) => {
    const purl = purlOf(p);
    const [group, name] = p.ecosystem === 'npm' && p.name.startsWith('@') ? [p.name.slice(0, p.name.indexOf('/')), p.name.slice(p.name.indexOf('/') + 1)] : [undefined, p.name];
    return [purl, { type: 'library', 'bom-ref': purl, ...(group === undefined ? {} : { group }), name, version: p.version, purl, hashes: hashesOf(p.integrity) }] as const;
  }));
  return JSON.stringify({
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json', bomFormat: 'CycloneDX', specVersion: '1.6', version: 1,
    metadata: { component: { type: 'application', 'bom-ref': subject, name: subject } },
    components: [...components.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1)),
  });
}

const Components = z.object({ components: z.array(z.object({ group: z.string().optional(), name: z.string(), version: z.string(), purl: z.string() })) });

/** The packages that such a document names. Throws for another text. */
export function packagesOf(sbom: string): PackageVersion[] {
  return Components.parse(JSON.parse(sbom)).components.map(({ group, name, version, purl }) => ({ ecosystem: ecosystemOf(purl), name: group === undefined ? name : `${group}/${name}`, version }));
}

/** Where the type of a package URL has another name. */
const PURL_TYPES: Readonly<Record<Ecosystem, string>> = { npm: 'npm', pypi: 'pypi', go: 'golang', cargo: 'cargo' };

function ecosystemOf(purl: string): Ecosystem {
  const type = /^pkg:([a-z]+)\//.exec(purl)?.[1];
  return Ecosystem.parse(Ecosystem.options.find((one) => PURL_TYPES[one] === type));
}

/** https://github.com/package-url/purl-spec: names are percent-encoded, those of PyPI lower-case with dashes. Modules of Go keep their capitals: two may differ in nothing else. */
export function purlOf({ ecosystem, name, version }: Pick<SbomPackage, 'ecosystem' | 'name' | 'version'>): string {
  const encoded = (text: string): string => encodeURIComponent(text);
  const path = ecosystem === 'pypi' ? encoded(name.toLowerCase().replace(/[-_.]+/g, '-')) : name.split('/').map(encoded).join('/');
  return `pkg:${PURL_TYPES[ecosystem]}/${path}@${encoded(version)}`;
}

/** `sha512-BASE64 …` as npm writes it, or `sha256:HEX`. The digest of Go is of a list of files and of no file: a document has no name for it. */
function hashesOf(integrity: string): { readonly alg: string; readonly content: string }[] {
  return integrity.trim().split(/\s+/).flatMap((part) => {
    const [, name, separator, value] = /^(sha\d+)([-:])(\S+)$/.exec(part) ?? [];
    const alg = ALGORITHMS[name ?? ''];
    return alg === undefined || value === undefined ? [] : [{ alg, content: separator === ':' ? value.toLowerCase() : Buffer.from(value, 'base64').toString('hex') }];
  });
}
