#!/bin/sh
# First process of a node, in its network namespace: makes the mount, UTS and, where asked for, cgroup namespace that the rest of
# the node enters, and holds them.
#
#   node-init.sh NAME DIRECTORY own-cgroups|host-cgroups READY-FILE PATH…
#
# Each PATH is where the node's own directory, DIRECTORY/PATH, is to be found.
set -eu
if [ "$1" = inside ]; then
  shift
  name=$1 directory=$2 cgroups=$3 ready=$4
  shift 4
  hostname "$name"
  mount --make-rshared /
  for path; do
    mkdir -p "$directory$path"
    mount --bind "$directory$path" "$path"
  done
  # Pods' network namespaces are the node's own business.
  mount -t tmpfs -o mode=755,size=16m tmpfs /run/netns
  if [ "$cgroups" = own-cgroups ]; then
    # The node's view of every hierarchy begins with its own part.
    controllers=$(sed 's/^[0-9]*:\([^:]*\):.*/\1/' /proc/self/cgroup)
    umount -R /sys/fs/cgroup
    mount -t tmpfs -o mode=755,size=1m tmpfs /sys/fs/cgroup
    for controller in $controllers; do
      case $controller in
        name=*) target=${controller#name=} options=none,$controller ;;
        *) target=$controller options=$controller ;;
      esac
      mkdir "/sys/fs/cgroup/$target"
      mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$target"
      # What is mounted together is known by each of its names, too.
      case $target in *,*) for one in $(echo "$target" | tr , ' '); do ln -s "$target" "/sys/fs/cgroup/$one"; done ;; esac
    done
    mkdir /sys/fs/cgroup/unified
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
  fi
  : >"$ready"
  exec sleep infinity
fi
own=
if [ "$3" = own-cgroups ]; then own=--cgroup; fi
exec unshare --mount --uts $own --propagation private -- "$0" inside "$@"
