import type { Case } from '../case.ts';
export const faults: readonly Case[] = [];
