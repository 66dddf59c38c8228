typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

struct cpu {
	u64 idle_since;
	u32 queued;
	u32 group;
	u32 capacity;
	u32 unused;
};

struct task {
	u64 vtime;
	u64 runtime;
	u64 average;
	u64 last_run;
	u32 weight;
	u32 cpu;
	u32 allowed;
	u32 wakeups;
	u32 demand;
	u32 unused;
};

struct world {
	u64 now;
	u64 vtime_now;
	u64 idle_hits;
	u32 turn;
	u32 inserted;
	u64 histogram[64];
	struct cpu cpus[16];
	struct task tasks[64];
};
