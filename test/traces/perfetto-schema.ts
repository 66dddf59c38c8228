// Files for Perfetto as another decoder reads them. The schema names what is checked; its numbers are those of protos/perfetto/trace (trace.proto,
// trace_packet.proto, ftrace/ftrace_event.proto, ftrace/sched.proto, ftrace/task.proto, track_event/*.proto, ps/process_tree.proto) as the reference on
// perfetto.dev lists them.

import protobuf from 'protobufjs';

const schema = `
syntax = "proto2";
message Trace { repeated TracePacket packet = 1; }
message TracePacket {
  optional FtraceEventBundle ftrace_events = 1;
  optional ProcessTree process_tree = 2;
  optional uint64 timestamp = 8;
  optional uint32 trusted_packet_sequence_id = 10;
  optional TrackEvent track_event = 11;
  optional uint32 sequence_flags = 13;
  optional SystemInfo system_info = 45;
  optional TrackDescriptor track_descriptor = 60;
}
message FtraceEventBundle { optional uint32 cpu = 1; repeated FtraceEvent event = 2; }
message FtraceEvent {
  optional uint64 timestamp = 1;
  optional uint32 pid = 2;
  optional uint32 common_flags = 5;
  optional Switch sched_switch = 4;
  optional Wake sched_wakeup = 17;
  optional Wake sched_waking = 20;
  optional Wake sched_wakeup_new = 114;
  optional NewTask task_newtask = 235;
  optional Exit sched_process_exit = 238;
  optional Fork sched_process_fork = 239;
}
message Switch {
  optional string prev_comm = 1;
  optional int32 prev_pid = 2;
  optional int32 prev_prio = 3;
  optional int64 prev_state = 4;
  optional string next_comm = 5;
  optional int32 next_pid = 6;
  optional int32 next_prio = 7;
}
message Wake {
  optional string comm = 1;
  optional int32 pid = 2;
  optional int32 prio = 3;
  optional int32 success = 4;
  optional int32 target_cpu = 5;
}
message NewTask { optional int32 pid = 1; optional string comm = 2; optional uint64 clone_flags = 3; optional int32 oom_score_adj = 4; }
message Exit { optional string comm = 1; optional int32 pid = 2; optional int32 tgid = 3; optional int32 prio = 4; }
message Fork { optional string parent_comm = 1; optional int32 parent_pid = 2; optional string child_comm = 3; optional int32 child_pid = 4; }
message ProcessTree { repeated Process processes = 1; repeated Thread threads = 2; }
message Thread { optional int32 tid = 1; optional string name = 2; optional int32 tgid = 3; }
message Process { optional int32 pid = 1; optional int32 ppid = 2; repeated string cmdline = 3; }
message SystemInfo { optional Utsname utsname = 1; }
message Utsname { optional string sysname = 1; optional string release = 3; optional string machine = 4; }
message TrackDescriptor { optional uint64 uuid = 1; optional string name = 2; optional uint64 parent_uuid = 5; }
message TrackEvent {
  repeated DebugAnnotation debug_annotations = 4;
  optional int32 type = 9;
  optional uint64 track_uuid = 11;
  repeated string categories = 22;
  optional string name = 23;
}
message DebugAnnotation {
  optional uint64 uint_value = 3;
  optional int64 int_value = 4;
  optional string string_value = 6;
  optional string name = 10;
}`;
const { root } = protobuf.parse(schema, { keepCase: true });

// biome-ignore lint/suspicious/noExplicitAny: what a decoder makes of a file
export function perfettoPackets(bytes: Uint8Array): any[] {
  const trace = root.lookupType('Trace');
  return trace.toObject(trace.decode(bytes), { longs: String }).packet;
}
