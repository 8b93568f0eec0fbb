import { describe, expect, it } from 'vitest';
import { errnoName, fromNativeError, kernelError } from '../../../../src/kernel/netlink/errno.ts';

describe('errnoName', () => {
  it.each([
    [17, 'EEXIST'],
    [11, 'EAGAIN'],
    [95, 'EOPNOTSUPP'],
    [54, 'EXFULL'],
    [524, 'ENOTSUPP'],
    [9999, 'errno 9999'],
  ])('%i is %s', (errno, name) => {
    expect(errnoName(errno)).toBe(name);
  });
});

describe('kernelError', () => {
  it.each([
    ['EEXIST', 'conflict'],
    ['EBUSY', 'conflict'],
    ['ENODEV', 'not-found'],
    ['ENOENT', 'not-found'],
    ['ESRCH', 'not-found'],
    ['EADDRNOTAVAIL', 'not-found'],
    ['EPERM', 'denied'],
    ['EACCES', 'denied'],
    ['EOPNOTSUPP', 'unsupported'],
    ['EPROTONOSUPPORT', 'unsupported'],
    ['EMFILE', 'exhausted'],
    ['ENOSPC', 'exhausted'],
    ['EXFULL', 'exhausted'],
    ['EAGAIN', 'try-again'],
    ['ENOBUFS', 'try-again'],
    ['EINTR', 'try-again'],
    ['EINVAL', 'kernel'],
  ])('%s is %s', (errno, kind) => {
    expect(kernelError('do it', errno)).toMatchObject({ kind, errno, message: `do it: ${errno}` });
  });

  it("ends with the kernel's words", () => {
    expect(kernelError('create link a', 'EEXIST', 'full').message).toBe('create link a: EEXIST (full)');
  });

  it('leaves a defect a defect', () => {
    const defect = new TypeError('no');
    expect(fromNativeError('do it', defect)).toBe(defect);
    const native = Object.assign(new Error('x'), { code: 'EPERM', syscall: 'setns', errno: 1 });
    expect(fromNativeError('enter', native)).toMatchObject({
      kind: 'denied',
      message: 'enter: EPERM (setns)',
    });
  });
});
