// What the thread of a script and its owner say to each other: plain data, structured clones.

import type { Limits } from './limits.ts';
import type { Answer, End, Script } from './script.ts';

export interface Start {
  readonly engine: WebAssembly.Module;
  readonly script: Script;
  readonly limits: Limits;
}

export type FromScript =
  | { readonly kind: 'busy'; readonly isBusy: boolean }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'observe'; readonly id: number; readonly name: string; readonly input: string }
  | { readonly kind: 'end'; readonly end: End };

export interface ToScript {
  readonly id: number;
  readonly answer: Answer;
}
