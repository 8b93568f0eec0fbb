import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { run, until, type Run } from './engine-run.ts';

/** A host that a real systemd manages, in namespaces of its own: network, mounts, processes, cgroups. */
export interface SystemdHost extends AsyncDisposable {
  /** Runs a command on it. */
  readonly exec: Run;
  /** What systemd said. */
  readonly log: () => string;
}

/**
 * Process 1 of the host. `/run` and the folders that an installation writes to are empty and its own. Only units of
 * `/etc/systemd/system` are known, so that nothing of the machine is started.
 */
const program = `
  for folder in /run /etc/systemd/system /etc/docker /usr/local/lib /var/lib; do
    [ -d $folder ] || continue
    mount -t tmpfs -o mode=755 tmpfs $folder
  done
  mount -t proc proc /proc
  mkdir -p /run/docker/plugins /run/netns
  if [ -d /sys/fs/cgroup/systemd ]; then
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
  else
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  fi
  ip link set lo up
  for unit in sysinit basic sockets multi-user shutdown; do
    printf '[Unit]\\nDefaultDependencies=no\\n' >/etc/systemd/system/$unit.target
  done
  echo 'Requires=sysinit.target basic.target sockets.target' >>/etc/systemd/system/multi-user.target
  export SYSTEMD_UNIT_PATH=/etc/systemd/system container=other
  exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=0`;

/** Starts a host; takes about half a second. Everything ends with it. */
export async function startSystemdHost(): Promise<SystemdHost> {
  const name = `tsnet-systemd-${process.pid}`;
  const cgroups = (existsSync('/sys/fs/cgroup/systemd') ? ['systemd', 'unified'] : ['.']).map(
    (hierarchy) => `/sys/fs/cgroup/${hierarchy}/${name}`,
  );
  for (const cgroup of cgroups) mkdirSync(cgroup, { recursive: true });
  const enterCgroups = 'for folder in "$@"; do echo $$ >"$folder/cgroup.procs"; done';
  const flags = '--mount --pid --net --uts --ipc --cgroup --fork --kill-child';
  const child = spawn(
    'sh',
    ['-euc', `${enterCgroups}; exec unshare ${flags} sh -euc "$0"`, program, ...cgroups],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    for (const cgroup of cgroups) await removeCgroup(cgroup);
  };
  const init = (): string => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  const exec: Run = (command, ...args) =>
    run(
      'nsenter',
      [`--target=${init()}`, '--mount', '--pid', '--net', '--uts', '--ipc', '--', command, ...args],
      {
        env: { NOTIFY_SOCKET: '', SYSTEMD_UNIT_PATH: '/etc/systemd/system' },
      },
    );
  try {
    await until('systemd runs', async () => {
      if (child.exitCode !== null) return true;
      return (await exec('systemctl', 'is-system-running')) === 'running';
    });
    if (child.exitCode !== null) throw new Error(`systemd ended at once`);
  } catch (error) {
    await stop();
    throw new Error(`systemd: ${said}`, { cause: error });
  }
  return { exec, log: () => said, [Symbol.asyncDispose]: stop };
}

async function removeCgroup(folder: string): Promise<void> {
  const folders = (await run('find', [folder, '-depth', '-type', 'd'])).split('\n');
  // The processes in it end a little after their process 1.
  await until(`${folder} is empty`, () => {
    for (const path of folders) if (existsSync(path)) rmdirSync(path);
    return true;
  });
}
