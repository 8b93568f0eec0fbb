/**
 * Process 1 of a private host, as a program for bash; it ends when its standard input does, and the kernel
 * then ends all others, drops the mounts and removes the network namespaces. Prints "ready".
 *
 * Arguments: a folder, which memory is laid over; this project; the root folder of another Debian, or nothing for this
 * one. `/run` and the folders that container engines write to are empty and its own. A root of its own is that folder under a
 * layer of memory, so that the folder is never written.
 *
 * Network: `uplink0` 192.0.2.1/24, 2001:db8:1::1/64 to the namespace `lan`, 192.0.2.2 and 2001:db8:1::2, the way out.
 */
export const privateHostInit = `
  dir=$1 project=$2 lower=$3 root=
  mount -t tmpfs -o mode=755 tmpfs "$dir"
  if [[ -n $lower ]]; then
    root=$dir/root
    mkdir -p "$root" "$dir/upper" "$dir/work"
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$root"
    mkdir -p "$root$dir" "$root$project"
    mount --bind "$dir" "$root$dir"
    mount --rbind "$project" "$root$project"
    mount --rbind /dev "$root/dev"
  fi
  for folder in /run /etc/{containers,containerd,cni} /var/lib/{containers,containerd,cni,tsnet}; do
    mkdir -p "$root$folder"
    mount -t tmpfs -o mode=755 tmpfs "$root$folder"
  done
  mkdir -p "$root/run/netns" "$root/run/lock"
  mount -t proc proc "$root/proc"
  mount -t sysfs sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  # Controllers can be handed on only where no process is.
  mkdir -p "$root/sys/fs/cgroup/init"
  echo $$ >"$root/sys/fs/cgroup/init/cgroup.procs"
  if [[ -n $lower ]]; then
    # The former root comes to lie over the new one, from where it is taken away.
    cd "$root"
    pivot_root . .
    umount --lazy .
  fi
  ip netns add lan
  ip -n lan link set lo up
  ip link set lo up
  ip link add uplink0 type veth peer name eth0 netns lan
  ip address add 192.0.2.1/24 dev uplink0
  ip address add 2001:db8:1::1/64 dev uplink0 nodad
  ip -n lan address add 192.0.2.2/24 dev eth0
  ip -n lan address add 2001:db8:1::2/64 dev eth0 nodad
  ip link set uplink0 up
  ip -n lan link set eth0 up
  ip route add default via 192.0.2.2
  ip -6 route add default via 2001:db8:1::2
  echo ready
  cat >/dev/null`;
