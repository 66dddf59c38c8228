// The texts of an export: the systemd unit (systemd.service(5), systemd.exec(5), of version 252 and later) and the page for the person who installs it.

export interface Told {
  readonly policy: string;
  /** Digest. */
  readonly verdict: string;
  readonly releases: readonly string[];
  readonly covers: 'release' | 'series';
  readonly nowMs: number;
}

const place = '/usr/local/lib/schedcp-keep';
const record = '/var/lib/schedcp/last-attempt';

/** `%` begins a specifier in a unit, and a line end would begin another setting. */
const plain = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').replaceAll('%', '%%');

export function keepUnit({ policy, verdict }: Told): string {
  return `# Keeps a scheduling policy that was measured: README.md beside the manifest says how to install and remove this.
[Unit]
Description=SchedCP keeps the scheduling policy ${plain(policy)} (verdict ${verdict.slice(0, 12)})
Documentation=file://${place}/README.md
# the boot itself runs under the kernel's own scheduler; stopped before everything else
After=multi-user.target
# one scheduler at a time; starting either stops the other
Conflicts=scx.service scx_loader.service
After=scx.service scx_loader.service
# schedcp-runner itself waits longer after each failure, and gives up after the third
StartLimitIntervalSec=600
StartLimitBurst=5

[Service]
Type=notify
ExecStart=${place}/schedcp-runner keep --manifest ${place}/manifest.json
Restart=on-failure
RestartSec=1
# final: other kernel, other files, other scheduler, the machine went down, quarantine, unfit
RestartPreventExitStatus=2 10 11 12 13 14 16
TimeoutStartSec=120
TimeoutStopSec=20
# longer than a suspend may freeze everybody
WatchdogSec=60
StateDirectory=schedcp
StateDirectoryMode=0700
UMask=0077

# to load programs of sched_ext; a real-time class and locked memory; the kernel's log
CapabilityBoundingSet=CAP_BPF CAP_PERFMON CAP_SYS_NICE CAP_IPC_LOCK CAP_SYSLOG
OOMScoreAdjust=-1000
LimitMEMLOCK=infinity
NoNewPrivileges=yes
# not ProtectKernelTunables: it would take away /proc/sysrq-trigger, the last way to unload a policy
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelModules=yes
PrivateTmp=yes
PrivateNetwork=yes
PrivateIPC=yes
DevicePolicy=closed
DeviceAllow=/dev/kmsg r
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictSUIDSGID=yes
MemoryDenyWriteExecute=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

export function keepReadme({ policy, verdict, releases, covers, nowMs }: Told): string {
  const kernels = `${releases.map((one) => `\`${one}\``).join(', ')}${covers === 'series' ? ' and others of the same major.minor' : ''}`;
  return `# ${policy.replace(/[^\x20-\x7e]|[\\`*_#<>[\]]/g, '?')}, kept at boot

Exported ${new Date(nowMs).toISOString().slice(0, 10)} from the verdict \`${verdict}\`, for the kernel ${kernels}.

Install:

    sudo install -D -t ${place} -m 644 manifest.json policy.job README.md && sudo install -t ${place} schedcp-runner
    sudo install -t /etc/systemd/system -m 644 schedcp-keep.service && sudo systemctl daemon-reload
    sudo systemctl enable --now schedcp-keep

Status:

    systemctl status schedcp-keep
    cat /sys/kernel/sched_ext/state /sys/kernel/sched_ext/root/ops
    sudo cat ${record}

Uninstall:

    sudo systemctl disable --now schedcp-keep
    sudo rm -r ${place} /etc/systemd/system/schedcp-keep.service /var/lib/schedcp
    sudo systemctl daemon-reload && sudo systemctl reset-failed

* Another kernel, or a changed file, and nothing is loaded: a new kernel asks for a new verdict (\`schedcp tune\`, then \`schedcp export\`).
* Another sched_ext scheduler is left alone. \`systemctl start schedcp-keep\` stops \`scx.service\`, and the other way round.
* When the kernel ejects the policy it is tried again after 10 s and 40 s; the third failure puts it into quarantine. When the machine goes down within a minute of loading
  it, it is not loaded again. Both last until you say: \`sudo ${place}/schedcp-runner keep --again && sudo systemctl restart schedcp-keep\`.
* Suspend: while the machine sleeps the kernel schedules by itself. Where a CPU is taken away (deep sleep does it) the kernel unloads most policies; it is loaded again after
  the machine has woken up.
* At once, whatever happens: SysRq-S (Alt-SysRq-S), or \`echo S | sudo tee /proc/sysrq-trigger\`. That is a quarantine, too.
`;
}
