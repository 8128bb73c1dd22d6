// Flannel's VXLAN between the nodes of the cluster rig, put together from Flannel's own packages as its program does: that one
// brings backends of clouds whose modules are not needed here.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
	log "k8s.io/klog/v2"
)

const rulesEverySeconds = 5

func must(err error) {
	if err != nil {
		log.Exit(err)
	}
}

// The node's name comes from NODE_NAME.
func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	netConf := flag.String("net-config", "", "file with the network's configuration")
	subnetFile := flag.String("subnet-file", "/run/flannel/subnet.env", "written for the CNI plugin")
	iface := flag.String("iface", "eth0", "the interface on the nodes' network")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()

	manager, err := kube.NewSubnetManager(ctx, "", *kubeconfig, "flannel.alpha.coreos.com", *netConf, false)
	must(err)
	config, err := manager.GetNetworkConfig(ctx)
	must(err)
	family, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	must(err)
	external, err := ipmatch.LookupExtIface(*iface, "", "", family, ipmatch.PublicIPOpts{})
	must(err)
	chosen, err := backend.NewManager(ctx, manager, external).GetBackend(config.BackendType)
	must(err)
	var work sync.WaitGroup
	network, err := chosen.RegisterNetwork(ctx, &work, config)
	must(err)

	// Pods reach what is outside the cluster from their node's address.
	rules := &iptables.IPTablesManager{}
	must(rules.Init(ctx))
	must(rules.SetupAndEnsureMasqRules(ctx, config.Network, ip.IP4Net{}, ip.IP4Net{}, config.IPv6Network, ip.IP6Net{}, ip.IP6Net{},
		network.Lease(), rulesEverySeconds, false))
	rules.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, rulesEverySeconds)

	must(manager.HandleSubnetFile(*subnetFile, config, true, network.Lease().Subnet, network.Lease().IPv6Subnet, network.MTU()))
	work.Go(func() { network.Run(ctx) })
	must(manager.CompleteLease(ctx, network.Lease(), &work))
	work.Wait()
}
