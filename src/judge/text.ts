// The judgement for people: one sentence to act on, the claims, and a table of all arms.
import type { ArmReport, Claim, Effect, Judgement } from './types.ts';

/** Ends with a newline. */
export function judgementText(judgement: Judgement): string {
  const name = (id: string) => judgement.arms.find((arm) => arm.id === id)?.name ?? id;
  const lines = [`${judgement.decision}: ${headline(judgement, name)}`, ''];
  for (const claim of judgement.claims) lines.push(`  ${answer(claim)} ${claimText(claim, name)}`);
  if (judgement.claims.length > 0) lines.push('');
  return `${[...lines, ...table(judgement)].join('\n')}\n`;
}

function headline(j: Judgement, name: (id: string) => string): string {
  const { effect, candidate } = j;
  if (j.decision === 'invalid' || effect === null || candidate === null) return `${j.why}.`;
  const arm = name(candidate);
  const found = `under ${arm}, ${j.metric} is ${amount(effect)} under the default scheduler (${interval(effect)})`;
  if (j.decision === 'accepted') return `use ${arm}. ${capital(found)}.`;
  const worse = j.direction === 'lower' ? effect.low > 0 : effect.high < 0;
  if (worse)
    return `keep the default scheduler: it is better than ${arm}, the best of the others. ${capital(found)}.`;
  const within = j.claims.find((claim) => claim.kind === 'default-within');
  if (within?.holds === true)
    return (
      `keep the default scheduler: it is within ${percent(within.bound!)} of ${arm}, ` +
      `and a change is worth it from ${percent(j.margin)}. ${capital(found)}.`
    );
  if (j.claims.some((claim) => claim.kind === 'not-distinguishable' && claim.holds === true))
    return `${arm} is not distinguishable from the default scheduler; ${j.why}. ${capital(found)}.`;
  return `${j.why}. ${capital(found)}.`;
}

function answer({ holds }: Claim): string {
  return (holds === 'unknown' ? 'unknown' : holds ? 'yes' : 'no').padEnd(8);
}

function claimText(claim: Claim, name: (id: string) => string): string {
  const arm = name(claim.armId);
  const evidence = claim.effect === null ? '' : `: ${shift(claim.effect)}, ${pairs(claim.n)}`;
  const because = claim.why === undefined ? '' : `: ${claim.why}`;
  switch (claim.kind) {
    case 'better-than-default':
    case 'better-than-settings':
      return `${arm} is better than ${name(claim.against)} by ${percent(claim.limit!)} or more${evidence}`;
    case 'not-distinguishable':
      return `${arm} and ${name(claim.against)} cannot be told apart`;
    case 'default-within':
      return claim.bound === null
        ? `${arm} gains less than ${percent(claim.limit!)}`
        : `${arm} gains less than ${percent(claim.limit!)}: at most ${percent(claim.bound)}`;
    case 'presence':
      return `${arm} was in charge from start to end of each of its ${claim.n} runs${because}`;
    case 'cost-range':
      return `${arm} is better than the default with ${claim.against} too${evidence}${because}`;
    case 'no-harm':
      return claim.bound === null
        ? `${arm} does no harm to ${claim.against}${because}`
        : `${arm} does no harm to ${claim.against}: it loses at most ${percent(claim.bound)}, ${percent(claim.limit!)} allowed, ${pairs(claim.n)}`;
  }
}

function table(j: Judgement): string[] {
  const rows = j.arms.map((arm) => [
    arm.name,
    arm.kind,
    arm.phase ?? '-',
    `${arm.n}`,
    arm.median === null ? '-' : quantity(arm.median, j.unit),
    arm.effect === null ? '-' : signed(arm.effect.relative),
    arm.effect === null ? '-' : `${signed(arm.effect.low)} to ${signed(arm.effect.high)}`,
    arm.effect === null ? '-' : percent(arm.effect.confidence),
    note(arm, j),
  ]);
  const head = ['arm', 'kind', 'phase', 'n', `median ${j.metric}`, 'change', 'interval', 'conf.', ''];
  const width = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => [...row[column]!].length), 0),
  );
  const isNumber = (column: number) => column >= 3 && column <= 7;
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(width[column]!) : cell.padEnd(width[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

function note(arm: ArmReport, j: Judgement): string {
  if (arm.id === j.chosen) return 'accepted';
  if (arm.status === 'ok') return arm.id === j.candidate ? 'candidate' : '';
  return `${arm.status}: ${arm.why}`;
}

const pairs = (n: number) => `${n} ${n === 1 ? 'pair' : 'pairs'} of runs`;
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** "12.0 % lower than", for use before the thing compared with. */
function amount({ relative }: Effect): string {
  if (Math.abs(relative) < 5e-4) return 'the same as';
  return `${percent(Math.abs(relative))} ${relative < 0 ? 'lower' : 'higher'} than`;
}

export function interval({ low, high, confidence }: Effect): string {
  return `${percent(confidence)} interval ${signed(low)} to ${signed(high)}`;
}

const shift = (effect: Effect) => `${signed(effect.relative)} (${interval(effect)})`;

function signed(fraction: number): string {
  return fraction > 0 && percent(fraction) !== percent(0) ? `+${percent(fraction)}` : percent(fraction);
}

/** At most one decimal: "2 %", "2.5 %". */
export function percent(fraction: number): string {
  const rounded = Math.round(fraction * 1000) / 10 + 0;
  return `${rounded === 0 ? 0 : rounded} %`;
}

export function quantity(value: number, unit: string): string {
  if (unit !== 'ns') return `${Number(value.toPrecision(4))} ${unit}`.trim();
  const scale = [
    ['s', 1e9],
    ['ms', 1e6],
    ['us', 1e3],
  ] as const;
  const [name, factor] = scale.find(([, ns]) => value >= ns) ?? ['ns', 1];
  return `${Number((value / factor).toPrecision(4))} ${name}`;
}
