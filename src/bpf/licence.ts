// Which licences the kernel takes for GPL-compatible: license_is_gpl_compatible(), include/linux/license.h, v6.18.

const compatible: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

export function isGplCompatible(licence: string): boolean {
  return compatible.has(licence);
}
