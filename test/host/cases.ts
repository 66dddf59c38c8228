// What only a host must do: give back what a run changed, whoever was killed meanwhile, and keep policies attached, adopted, moved, ejected, replaced. Registered beside the
// conformance suite, run in a guest (main.ts).

import { attachCases } from './attach-cases.ts';
import type { HostBench } from './host-bench.ts';
import { productCases } from './product-cases.ts';
import { undoCases } from './undo-cases.ts';

export function hostCases(bench: HostBench): void {
  undoCases(bench);
  attachCases(bench);
  productCases(bench);
}
