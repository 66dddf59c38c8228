// Which kernels a verdict speaks of: the releases (uname -r) on which its runs were made, or all of the same major.minor.

import type { Token } from './token.ts';

type Kernels = Token['kernels'];

/** "6.18" of "6.18.15+deb13-cloud-amd64"; undefined for what is no release. */
export function seriesOf(release: string): string | undefined {
  return /^(\d+\.\d+)/.exec(release)?.[1];
}

export function coversKernel({ releases, covers }: Kernels, release: string): boolean {
  if (releases.includes(release)) return true;
  const series = seriesOf(release);
  return covers === 'series' && series !== undefined && releases.some((one) => seriesOf(one) === series);
}
