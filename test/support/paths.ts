// Where things lie in this checkout.

import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The runner's test objects: each one faulty in its own way, `fifo` sound. */
export const object = (name: string): string => `${root}/test/runner/objects/${name}.bpf.o`;

export const policyFile = (name: string): string => `${root}/policies/${name}/${name}.bpf.o`;
