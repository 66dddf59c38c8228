// All rules of the static gate, in the order in which a reader would want to know.
import type { Rule } from './engine/facts.ts';
import { boundsRule } from './rules/bounds.ts';
import { cpusRule } from './rules/cpus.ts';
import { dsqRule } from './rules/dsq.ts';
import { flagsRule } from './rules/flags.ts';
import { initRule } from './rules/init.ts';
import { kfuncPlacesRule } from './rules/kfunc-places.ts';
import { memoryRule } from './rules/memory.ts';
import { namesRule } from './rules/names.ts';
import { opsRule } from './rules/ops.ts';
import { priorityRule } from './rules/priority.ts';
import { slicesRule } from './rules/slices.ts';
import { tasksRule } from './rules/tasks.ts';
import { verifierRule } from './rules/verifier.ts';
import { whitelistRule } from './rules/whitelist.ts';

export const rules: readonly Rule[] = [
  opsRule,
  whitelistRule,
  kfuncPlacesRule,
  verifierRule,
  boundsRule,
  initRule,
  dsqRule,
  tasksRule,
  memoryRule,
  cpusRule,
  flagsRule,
  slicesRule,
  priorityRule,
  namesRule,
];
