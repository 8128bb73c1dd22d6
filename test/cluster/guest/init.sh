#!/bin/sh
# First process of a node that is a virtual machine: makes the machine what a production node is, starts containerd, the kubelet
# and kube-proxy. Machine-node.ts wrote what lies beside this.
here=${0%/*}
. "$here/node.env" # NAME ADDRESS GATEWAY
export PATH=/opt/node/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
. "$here/mounts.sh"

hostname "$NAME"
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
ulimit -n 1048576
# Those that nobody asks the kernel for by what they do.
for module in virtio_net virtio_console overlay br_netfilter ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh; do modprobe "$module"; done
sysctl -q -w net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 net.ipv4.conf.all.rp_filter=0 \
  net.ipv4.conf.default.rp_filter=0
ip link set lo up
ip addr add "$ADDRESS/24" dev eth0
ip link set eth0 up
ip route add default via "$GATEWAY"
ip -batch "$here/routes"

# The host's end of each port is a file.
log_of() {
  for port in /sys/class/virtio-ports/*; do
    if [ "$(cat "$port/name")" = "$1" ]; then echo "/dev/${port##*/}"; fi
  done
}
# A node without one of its programs is none: better an end than a wait.
daemon() {
  until log=$(log_of "$1") && [ -n "$log" ]; do sleep 0.1; done
  {
    "$@" </dev/null >"$log" 2>&1
    echo "weir-node: $1 ended with $?"
    echo o >/proc/sysrq-trigger
  } &
}

# The node's own programs would get most of the slow CPU, by the weights that a kubelet gives to the pods of a node with one.
echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
echo 40 >/sys/fs/cgroup/init.scope/cpu.weight

echo "weir-node: $(uname -r) is up"
daemon containerd --config "$here/containerd.toml"
until [ -S /run/containerd/containerd.sock ]; do sleep 0.1; done
daemon kubelet --config="$here/kubelet.yaml" --kubeconfig="$here/kubelet.kubeconfig" --hostname-override="$NAME" \
  --node-ip="$ADDRESS" --housekeeping-interval=60s --v=2
daemon kube-proxy --config="$here/proxy.yaml"
wait
