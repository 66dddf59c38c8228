// Idle: nothing to do but to wait for something that does not come, or to look around a few times a second.

import type { ClassProgram } from './program.ts';

export const idle: readonly ClassProgram[] = [
  { name: 'sleep', run: 'exec sleep 60', why: 'sleeps' },
  { name: 'tail-follow', run: 'exec tail -f big.txt > /dev/null', why: 'follows a file that does not grow' },
  {
    name: 'shell-loop',
    run: 'while :; do sleep 0.5; done',
    why: 'a shell that waits half a second, again and again',
  },
  { name: 'cat-fifo', run: 'exec cat quiet.fifo', why: 'reads a FIFO that nobody writes' },
  { name: 'vmstat', run: 'exec vmstat -n 1 60', why: 'prints a line a second' },
  { name: 'top', run: 'exec top -b -d 2', why: 'looks at the machine every two seconds' },
  { name: 'nginx-idle', run: 'exec nginx -p . -c nginx-idle.conf', why: 'a server without clients' },
  {
    name: 'memcached-idle',
    run: 'exec memcached -u root -l 127.0.0.1 -p 24402 -t $N',
    why: 'a server without clients',
  },
  {
    name: 'redis-idle',
    run: 'exec redis-server --port 24403 --save ""',
    why: 'a server without clients; ticks ten times a second',
  },
  { name: 'postgres-idle', run: 'exec ./postgres serve', why: 'a database without sessions' },
  { name: 'mosquitto-idle', run: 'exec mosquitto -p 24404', why: 'a broker without clients' },
  { name: 'haproxy-idle', run: 'exec haproxy -f haproxy-idle.cfg', why: 'a proxy without clients' },
  { name: 'nats-idle', run: 'exec nats-server -a 127.0.0.1 -p 24406', why: 'a broker without clients' },
  {
    name: 'unbound-idle',
    run: 'exec unbound -d -c unbound-idle.conf',
    why: 'a name server without questions',
  },
  {
    name: 'node-interval',
    run: "exec node -e 'setInterval(() => {}, 1000)'",
    why: 'an event loop with one timer a second',
  },
  {
    name: 'python-queue',
    run: `exec python3 -c 'import queue
q = queue.Queue()
while True:
  try: q.get(timeout=0.25)
  except queue.Empty: pass'`,
    why: 'a worker whose queue stays empty',
  },
  { name: 'iperf3-idle', run: 'exec iperf3 -s -p 24407', why: 'a server without clients' },
  {
    name: 'lua-shell',
    run: `exec lua5.4 -e 'io.open("quiet.fifo", "r+"):read()'`,
    why: 'an interpreter without input',
  },
];
