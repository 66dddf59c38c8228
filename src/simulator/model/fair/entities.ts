// What EEVDF knows of each entity and each queue, in columns. An entity is a task (its number) or a group on one CPU; a queue is a CPU's root or a group's
// on one CPU. Source: struct sched_entity and struct cfs_rq, kernel/sched/sched.h, v6.18.

/** Columns by entity: tasks first, then group g on CPU c at tasks + g × cpus + c. None is −1. */
export class Entities {
  readonly count: number;
  /** Nanoseconds of virtual time. */
  readonly vruntime: Float64Array;
  /** While relDeadline is set: relative to vruntime. */
  readonly deadline: Float64Array;
  /** V − v when it left its queue. */
  readonly vlag: Float64Array;
  /** Up to which vruntime it is protected once it runs. */
  readonly vprot: Float64Array;
  /** Request, ns of real time. */
  readonly slice: Float64Array;
  /** Scaled down (nice 0: 1024), and virtualFactor of it. */
  readonly weight: Float64Array;
  readonly factor: Float64Array;
  readonly execStart: Float64Array;
  readonly onRq: Uint8Array;
  readonly delayed: Uint8Array;
  readonly relDeadline: Uint8Array;
  readonly customSlice: Uint8Array;
  /** SCHED_IDLE, or a group with cpu.idle. */
  readonly idle: Uint8Array;
  /** Queue on which it is or will be queued; the entity that owns that queue. */
  readonly queue: Int32Array;
  readonly parent: Int32Array;
  /** Levels above it. */
  readonly depth: Uint8Array;

  // The tree of a queue (timeline.ts).
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly up: Int32Array;
  /** Least vruntime and slice in the subtree. */
  readonly minVruntime: Float64Array;
  readonly minSlice: Float64Array;

  constructor(count: number) {
    this.count = count;
    const numbers = (): Float64Array => new Float64Array(count);
    const bytes = (): Uint8Array => new Uint8Array(count);
    const none = (): Int32Array => new Int32Array(count).fill(-1);
    this.vruntime = numbers();
    this.deadline = numbers();
    this.vlag = numbers();
    this.vprot = numbers();
    this.slice = numbers();
    this.weight = numbers().fill(1024);
    this.factor = numbers().fill(1);
    this.execStart = numbers();
    this.onRq = bytes();
    this.delayed = bytes();
    this.relDeadline = bytes();
    this.customSlice = bytes();
    this.idle = bytes();
    this.queue = none();
    this.parent = none();
    this.depth = bytes();
    this.left = none();
    this.right = none();
    this.up = none();
    this.minVruntime = numbers();
    this.minSlice = numbers();
  }

  /** A new entity's state: nothing is known of it. */
  clear(entity: number): void {
    this.vruntime[entity] = 0;
    this.deadline[entity] = 0;
    this.vlag[entity] = 0;
    this.vprot[entity] = 0;
    this.execStart[entity] = 0;
    this.onRq[entity] = 0;
    this.delayed[entity] = 0;
    this.relDeadline[entity] = 0;
    this.customSlice[entity] = 0;
    this.idle[entity] = 0;
  }
}

/** Columns by queue: the CPUs' roots first, then group g on CPU c at cpus + g × cpus + c. */
export class Queues {
  readonly count: number;
  readonly cpus: number;
  readonly cpu: Int32Array;
  /** Running entity: it is in no tree. */
  readonly curr: Int32Array;
  /** The entity that this queue belongs to; −1 for roots. */
  readonly owner: Int32Array;
  readonly next: Int32Array;
  readonly root: Int32Array;
  /** Queued entities, the running one included. */
  readonly queued: Int32Array;
  /** Tasks in it and below: queued, runnable (not delayed), and those of SCHED_IDLE. */
  readonly hQueued: Int32Array;
  readonly hRunnable: Int32Array;
  readonly hIdle: Int32Array;
  /** Sum of the weights of what is queued. */
  readonly load: Float64Array;
  /** Reference of the sums below; never falls. */
  readonly minVruntime: Float64Array;
  /** Over the tree: Σ weight × (vruntime − minVruntime), and Σ weight. */
  readonly weighted: Float64Array;
  readonly weights: Float64Array;
  readonly throttled: Uint8Array;
  /** By CPU: its tasks in throttled groups, which count as queued only for the core. */
  readonly hidden: Int32Array;

  constructor(cpus: number, groups: number) {
    const count = cpus * (1 + groups);
    this.cpus = cpus;
    this.count = count;
    const numbers = (): Float64Array => new Float64Array(count);
    const ints = (): Int32Array => new Int32Array(count);
    const none = (): Int32Array => new Int32Array(count).fill(-1);
    this.cpu = ints();
    this.curr = none();
    this.owner = none();
    this.next = none();
    this.root = none();
    this.queued = ints();
    this.hQueued = ints();
    this.hRunnable = ints();
    this.hIdle = ints();
    this.load = numbers();
    this.minVruntime = numbers();
    this.weighted = numbers();
    this.weights = numbers();
    this.throttled = new Uint8Array(count);
    this.hidden = new Int32Array(cpus);
  }
}
