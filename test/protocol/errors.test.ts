import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT_MEANINGS, errorsPage } from '../../scripts/docs.mjs';
import { ERRORS, SallyportError, toSallyportError } from '../../src/protocol/errors.js';
import { EXIT } from '../../src/protocol/exit.js';

const page = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');

describe('docs/errors.md', () => {
  it('is what `npm run docs` makes of the code', () => {
    expect(page).toBe(errorsPage({ ERRORS, EXIT }));
  });

  it('explains every exit code', () => {
    expect(Object.keys(EXIT_MEANINGS)).toEqual(Object.keys(EXIT));
  });
});

describe('an error', () => {
  it('has the exit code of its code', () => {
    expect(Object.keys(ERRORS).map((code) => new SallyportError(code as keyof typeof ERRORS, 'x').exitCode)).toEqual(Object.values(ERRORS).map(([exit]) => EXIT[exit]));
  });

  it('of the system becomes one of ours and keeps its cause', () => {
    const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
    const other = new Error('boom');
    const own = new SallyportError('env.invalid', 'no');
    expect([full, other, own].map((e) => toSallyportError(e)).map((e) => ({ code: e.code, cause: e.cause }))).toEqual([
      { code: 'disk.full', cause: full }, { code: 'internal.bug', cause: other }, { code: 'env.invalid', cause: undefined },
    ]);
  });
});
