#!/bin/sh
# The guest's init: makes the machine what a production node is (mounts.sh), runs the command that the project's disk
# brought, writes what came of it to the results disk as a tar archive, and powers off.
# Lines that start with "weir-guest:" are read by guest.ts.
export PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
# No name that starts with WEIR_, but for WEIR_TEST_: the agent takes those for settings.
export GUEST_RESULTS_DIR=/results XDG_CACHE_HOME=/weir/.cache
# An emulated CPU is ten times slower than the machine's own, and two guests at once make that twenty.
export WEIR_TEST_SLOWNESS=20
# Filled on the host (compile-cache.ts).
export NODE_COMPILE_CACHE=/weir/build/compile-cache NODE_COMPILE_CACHE_PORTABLE=1

. "${0%/*}/mounts.sh"
mount -t tmpfs tmpfs /results
echo '+cpu +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control

hostname weir-guest
ip link set lo up
# Bridged packets pass iptables' rules, as on every node with kube-proxy.
modprobe br_netfilter
sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.bridge.bridge-nf-call-iptables=1 \
  net.bridge.bridge-nf-call-ip6tables=1
ulimit -n 1048576

echo "weir-guest: $(uname -r) is up"
cd /weir || exit
{
  sh ./.guest-command
  echo $? >/results/exit-code
} </dev/null 2>&1 | tee /results/output.log
dmesg >/results/dmesg.log

for block in /sys/block/vd*; do
  if [ "$(cat "$block/serial")" = results ]; then tar -C /results -cf "/dev/${block##*/}" . && sync; fi
done
echo "weir-guest: ended with $(cat /results/exit-code)"
echo o >/proc/sysrq-trigger
# Power goes while this sleeps.
sleep 60
