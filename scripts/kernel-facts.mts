// Writes the facts of a kernel that src/simulator/kernel/versions.ts loads (shape: facts.ts), from the kernel's own BTF and its build configuration:
//   npx tsx scripts/kernel-facts.mts VMLINUZ CONFIG >src/simulator/kernel/linux-6.18.ts
// Needs the zstd program when the image is compressed with it (Debian's are).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Btf, readBtf } from '../src/bpf/btf.ts';
import type { BtfType, Member } from '../src/bpf/btf-types.ts';
import { findBtf, kernelPayload, kernelVersion } from '../src/bpf/kernel-image.ts';
import { signatureOf } from '../src/bpf/signature.ts';

/** Everything with one of these prefixes, and the structs and enums below. */
const complete = ['scx_', 'sched_ext_'];
const structs =
  'task_struct sched_entity sched_rt_entity sched_avg load_weight rq cfs_rq rt_rq cpumask bpf_cpumask css_set cgroup cgroup_subsys_state kernfs_node task_group thread_info rb_node list_head kernel_cpustat bpf_iter_num bpf_iter_scx_dsq bpf_iter_css bpf_iter_bits bpf_iter_task bpf_timer bpf_spin_lock'.split(
    ' ',
  );
const enums = 'cgroup_subsys_id cpu_usage_stat pid_type uclamp_id'.split(' ');
const config =
  /^CONFIG_(64BIT|BPF|CFS_|CGROUP|CPU_FREQ|CPU_IDLE|EXT_GROUP|FAIR_GROUP|HIGH_RES|HZ|NO_HZ|NR_CPUS|NUMA|PREEMPT|PSI|RT_GROUP|SCHED|SMP|TICK|UCLAMP|X86_64)\w*=/;

function btfOf(image: Uint8Array): Btf {
  const { offset, length, compression } = kernelPayload(image);
  const packed = image.subarray(offset, offset + length);
  if (compression === 'zstd') {
    const unpacked = execFileSync('zstd', ['-qdc'], { input: packed, maxBuffer: 1 << 30 });
    return readBtf(findBtf(new Uint8Array(unpacked)));
  }
  if (compression === 'gzip') return readBtf(findBtf(new Uint8Array(gunzipSync(packed))));
  if (compression === 'none') return readBtf(findBtf(packed));
  throw new Error(`cannot unpack ${compression}`);
}

function* types(btf: Btf): Generator<BtfType> {
  for (let id = 1; id < btf.count; id++) yield btf.type(id);
}

/** "s32", "bool", "char[16]", "ptr", "enum4", the name of a struct (or of its typedef), "u32/3". */
function typeWord(btf: Btf, id: number): string {
  const type = btf.resolve(id);
  switch (type.kind) {
    case 'int':
      if (type.encoding === 'bool') return 'bool';
      if (type.size === 1 && nameOf(btf, id) === 'char') return 'char';
      return `${type.encoding === 'signed' ? 's' : 'u'}${type.size * 8}`;
    case 'ptr':
      return 'ptr';
    case 'enum':
    case 'enum64':
      return `enum${type.size * 8}`;
    case 'array':
      return `${typeWord(btf, type.element)}[${type.count}]`;
    case 'struct':
    case 'union':
      return type.name || nameOf(btf, id) || 'anonymous';
    default:
      return type.kind;
  }
}

/** The last name on the way through typedefs. */
function nameOf(btf: Btf, id: number): string {
  let name = '';
  for (let type = btf.type(id); ; type = btf.type(type.type)) {
    if (type.name !== '') name = type.name;
    if (!['typedef', 'const', 'volatile', 'restrict', 'type_tag'].includes(type.kind) || !('type' in type))
      return name;
  }
}

function memberWords(btf: Btf, members: readonly Member[]): string[] {
  return members.flatMap((member) => {
    if (member.name !== '')
      return [`${member.name}:${typeWord(btf, member.type)}${member.bitSize ? `/${member.bitSize}` : ''}`];
    const type = btf.resolve(member.type);
    return type.kind === 'struct' || type.kind === 'union' ? memberWords(btf, type.members) : [];
  });
}

/** One line when it fits, else lines of about 140 columns. */
function wrapped(words: readonly string[], indent: string): string {
  const whole = words.join(' ');
  if (whole.length < 100) return `'${whole}'`;
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    if (line.length + word.length > 140) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return `\`\n${[...lines, line].join('\n')}\n\``;
}

function isListed(name: string, list: readonly string[]): boolean {
  return list.includes(name) || complete.some((prefix) => name.startsWith(prefix));
}

function write(btf: Btf, release: string, configuration: string): string {
  const composites = new Map<string, string>();
  const enumerations = new Map<string, string>();
  const kfuncs = new Set<string>();
  const perCpu: string[] = [];
  let helpers: string[] = [];
  for (const type of types(btf)) {
    if (type.kind === 'struct' && isListed(type.name, structs))
      composites.set(type.name, wrapped(memberWords(btf, type.members), '    '));
    if ((type.kind === 'enum' || type.kind === 'enum64') && isListed(type.name, enums))
      enumerations.set(
        type.name,
        wrapped(
          type.values.map(({ name, value }) => `${name}=${value}`),
          '    ',
        ),
      );
    if ((type.kind === 'enum' || type.kind === 'enum64') && type.name === 'bpf_func_id')
      helpers = type.values
        .filter(({ name }) => name !== '__BPF_FUNC_MAX_ID')
        .map(({ name }) => name.replace('BPF_FUNC_', ''));
    if (type.kind === 'decl_tag' && type.name === 'bpf_kfunc')
      kfuncs.add(`${btf.type(type.type).name}:${signatureOf(btf, type.type)}`);
    if (type.kind === 'datasec' && type.name === '.data..percpu')
      perCpu.push(...type.variables.map((entry) => btf.type(entry.type).name));
  }
  const record = (name: string, map: ReadonlyMap<string, string>): string[] => [
    `  ${name}: {`,
    ...[...map]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      // Broken where the formatter breaks lines.
      .map(
        ([key, text]) =>
          `    ${key}:${!text.startsWith('`') && key.length + text.length > 103 ? '\n      ' : ' '}${text},`,
      ),
    '  },',
  ];
  const options = configuration
    .split('\n')
    .filter((line) => config.test(line))
    .map((line) => line.replace('CONFIG_', ''));
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return [
    `// Facts of Linux ${release}, written by scripts/kernel-facts.mts from the BTF and the configuration of that kernel.`,
    `import type { KernelFacts } from './facts.ts';`,
    '',
    `export const linux${major}${minor}: KernelFacts = {`,
    `  release: '${/^[\d.]+/.exec(release)?.[0]}',`,
    `  complete: '${complete.join(' ')}',`,
    `  config: ${wrapped(options, '    ')},`,
    ...record('structs', composites),
    ...record('enums', enumerations),
    `  kfuncs: ${wrapped([...kfuncs].sort(), '    ')},`,
    `  perCpu: ${wrapped([...new Set(perCpu)].sort(), '    ')},`,
    `  helpers: ${wrapped(helpers, '    ')},`,
    '};',
    '',
  ].join('\n');
}

const [imagePath, configPath] = process.argv.slice(2);
if (imagePath === undefined || configPath === undefined)
  throw new Error('usage: kernel-facts.mts VMLINUZ CONFIG');
const image = new Uint8Array(readFileSync(imagePath));
process.stdout.write(write(btfOf(image), kernelVersion(image), readFileSync(configPath, 'utf8')));
