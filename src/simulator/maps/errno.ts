// Error numbers as helpers and kfuncs return them, negated. Source: the kernel's uapi asm-generic/errno-base.h and errno.h; ENOTSUPP is the kernel's own.

export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const ERANGE = 34;
export const EDEADLK = 35;
export const ENOTSUPP = 524;

/** strerror() as the C library of the runner words it; for those that callbacks have reason to return. */
const texts: Readonly<Record<number, string>> = {
  [EPERM]: 'Operation not permitted',
  [ENOENT]: 'No such file or directory',
  [E2BIG]: 'Argument list too long',
  [EAGAIN]: 'Resource temporarily unavailable',
  [ENOMEM]: 'Cannot allocate memory',
  [EFAULT]: 'Bad address',
  [EBUSY]: 'Device or resource busy',
  [EEXIST]: 'File exists',
  [EINVAL]: 'Invalid argument',
};

export function errorText(errno: number): string {
  return texts[errno] ?? `error ${errno}`;
}
