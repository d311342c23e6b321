import { z } from 'zod';
import { digestOf } from './pypi-digest.js';

/** A file as an index names it. */
export interface IndexFile {
  readonly file: string;
  readonly url: URL;
  /** `sha256:HEX` or stronger, where the index says it. */
  readonly digest: string | null;
  readonly requiresPython: string | null;
  readonly yanked: boolean;
  /** Bytes, and when it was published, where the index says it. */
  readonly size: number | null;
  readonly published: string | null;
  /** Its metadata can be had without it, beside it (PEP 658). */
  readonly metadata: boolean;
}

const MAX_FILES = 100_000;
/** https://packaging.python.org/en/latest/specifications/simple-repository-api/#json-serialization; what else it has is left out. */
const Json = z.object({
  files: z.array(z.object({
    filename: z.string(), url: z.string(), hashes: z.record(z.string(), z.string()).default({}), 'requires-python': z.string().nullish(), yanked: z.union([z.boolean(), z.string()]).nullish(),
    size: z.int().nonnegative().nullish().catch(null), 'upload-time': z.string().regex(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/).nullish().catch(null), 'core-metadata': z.unknown().optional(), 'dist-info-metadata': z.unknown().optional(),
  })).max(MAX_FILES),
});

/** What is asked for: both forms of the simple index. */
export const ACCEPT_INDEX = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/** Reads the page of a project, in JSON or HTML. `page` is its address. Throws when it is neither. Files whose address is none are left out. */
export function readIndex(body: Buffer, page: string): IndexFile[] {
  const text = body.toString('utf8');
  return /^\s*\{/.test(text) ? readJson(text, page) : readHtml(text, page);
}

function readJson(text: string, page: string): IndexFile[] {
  return Json.parse(JSON.parse(text)).files.flatMap(({ filename, url, hashes, 'requires-python': requiresPython, yanked, size, 'upload-time': published, ...more }) => {
    const at = address(url, page);
    return at === null ? [] : [{ file: filename, url: at, digest: digestOf(hashes), requiresPython: requiresPython ?? null, yanked: yanked !== undefined && yanked !== null && yanked !== false, size: size ?? null, published: published ?? null, metadata: Boolean(more['core-metadata'] ?? more['dist-info-metadata']) }];
  });
}

/** Anchors alone count: each is one file, its text the name (PEP 503). */
function readHtml(text: string, page: string): IndexFile[] {
  const found: IndexFile[] = [];
  for (const [, attributes = '', label = ''] of text.matchAll(/<a\s([^<>]{1,10000})>([^<]{1,500})<\/a\s*>/gi)) {
    if (found.length >= MAX_FILES) throw new Error('too many files');
    const values = new Map([...attributes.matchAll(/([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?/gi)].map(([, key = '', double, single]) => [key.toLowerCase(), plain(double ?? single ?? '')]));
    const at = address(values.get('href') ?? '', page);
    if (at === null) continue;
    const [, algorithm, hex] = /^#(\w+)=([0-9a-f]+)$/i.exec(at.hash) ?? [];
    found.push({ file: plain(label).trim(), url: at, digest: algorithm === undefined || hex === undefined ? null : digestOf({ [algorithm]: hex }), requiresPython: values.get('data-requires-python') ?? null, yanked: values.has('data-yanked'), size: null, published: null, metadata: ['data-core-metadata', 'data-dist-info-metadata'].some((key) => values.has(key) && values.get(key) !== 'false') });
  }
  return found;
}

function address(url: string, page: string): URL | null {
  if (url === '' || !URL.canParse(url, page)) return null;
  const found = new URL(url, page);
  return found.protocol === 'https:' || found.protocol === 'http:' ? found : null;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
function plain(text: string): string {
  return text.replace(/&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(\w{2,4}));/gi, (all, decimal?: string, hex?: string, name?: string) =>
    name === undefined ? String.fromCodePoint(decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal)) : (ENTITIES[name.toLowerCase()] ?? all));
}
