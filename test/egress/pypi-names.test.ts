import { describe, expect, it } from 'vitest';
import { namedFile, projectName, sameVersion } from '../../src/egress/pypi-names.js';

describe('names of an index', () => {
  it('have one form', () => {
    expect(['Flask', 'zope.interface', 'a__b-.c', 'x', '-a', 'a-', 'a/b', '', '..', 'a b'].map(projectName)).toEqual(['flask', 'zope-interface', 'a-b-c', 'x', null, null, null, null, null, null]);
  });

  it.each([
    [['1.0', '1', 'v1.0.0', ' 1.0 '], '1'], [['1.0rc1', '1.0-c.1', '1.0.PRE01'], '1rc1'], [['1.0.post1', '1.0-1', '1.0-r1'], '1.post1'], [['2!1.0a0', '2!1alpha'], '2!1a0'],
    [['1.2.dev3', '1.2-dev_3'], '1.2.dev3'], [['1.0+Ubuntu-1', '1.0+ubuntu.1'], '1+ubuntu.1'], [['', 'x', '1.0/..', '1..0', '1.0+'], null],
  ])('%j are the version %j', (versions, same) => {
    expect(versions.map(sameVersion)).toEqual(versions.map(() => same));
  });

  it('are in the names of files', () => {
    expect(['Flask_Login-0.6.3-py3-none-any.whl', 'torch-2.1.0+cu118-cp311-cp311-linux_x86_64.whl', 'a-1.0-1-py3-none-any.whl', 'python-dateutil-2.8.2.tar.gz', 'a-1.0.exe', '../a-1.0-py3-none-any.whl', 'a.whl', 'a-x-py3-none-any.whl'].map(namedFile)).toEqual([
      { kind: 'wheel', name: 'flask-login', version: '0.6.3', written: '0.6.3' }, { kind: 'wheel', name: 'torch', version: '2.1+cu118', written: '2.1.0+cu118' }, { kind: 'wheel', name: 'a', version: '1', written: '1.0' },
      { kind: 'source', name: 'python-dateutil', version: '2.8.2', written: '2.8.2' }, null, null, null, null,
    ]);
  });
});
