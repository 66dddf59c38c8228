// Profiles as tests want them: of the counters given, with a class that somebody has decided.

import type { Counters } from '../../src/core/counters.ts';
import type { Profile } from '../../src/core/profile.ts';
import { type ProfileInput, profileOf } from '../../src/profiles/profile.ts';

export const decided: Profile['class'] = {
  name: 'batch',
  confidence: 0.82,
  scores: {
    'cpu-bound': 0.1,
    'io-bound': 0.01,
    'memory-bound': 0.01,
    'latency-critical': 0.01,
    batch: 0.82,
    mixed: 0.04,
    idle: 0.01,
  },
  why: ['92 % of its tasks were born and ended meanwhile'],
  look: [],
};

export function profile(counters: Counters, rest: Partial<ProfileInput> = {}): Profile {
  return profileOf({
    ...{ counters, digest: '0123456789abcdef'.repeat(4), subject: { what: 'command', name: 'make -j4' } },
    machine: { name: 'host', kernel: '6.18.0-amd64', cpus: counters.cpus },
    classify: () => decided,
    ...rest,
  });
}
