// Package csi is the node's volume driver: dynamic provisioning, mounting, growing and snapshots of two kinds of volume.
//
// A directory volume is a directory on the node and has no size limit. A sized volume is an XFS file system in a sparse
// file of exactly the claimed size, mounted through a loop device, so a full volume is a real ENOSPC. XFS and not ext4,
// because growing a mounted ext4 needs CAP_SYS_RESOURCE, which root lacks in many virtual machines. Upstream does
// provisioning and growing in sidecars (external-provisioner, external-resizer); the first cannot be had as a Go
// module and both would double the build, so this process does their part as well. Snapshots are asked for by upstream's
// own sidecar, csi-snapshotter, where somebody starts it.
package csi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	csispec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

type options struct {
	kubeconfig, root, name, node, kubeletDir string
}

// Main runs the driver until SIGTERM and returns the exit code.
func Main(args []string) int {
	var o options
	flags := flag.NewFlagSet("csi", flag.ContinueOnError)
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "how to reach the API server")
	flags.StringVar(&o.root, "root", "", "directory that holds the volumes")
	flags.StringVar(&o.name, "name", "", "driver name, as in CSIDriver and StorageClass")
	flags.StringVar(&o.node, "node", "", "node name")
	flags.StringVar(&o.kubeletDir, "kubelet-dir", "/var/lib/kubelet", "the kubelet's root directory")
	klog.InitFlags(flags)
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		klog.ErrorS(err, "csi driver stopped")
		return 1
	}
	return 0
}

func run(ctx context.Context, o options) error {
	if o.root == "" || o.name == "" || o.node == "" {
		return errors.New("--root, --name and --node are needed")
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	volumes := store{root: o.root}
	if err := os.MkdirAll(o.root, 0o755); err != nil {
		return err
	}
	failed := make(chan error, 3)
	if err := serve(o, volumes, failed); err != nil {
		return err
	}
	resizer := newResizer(client, o.name, volumes)
	go func() { failed <- resizer.run(ctx) }()
	go controller.NewProvisionController(ctx, client, o.name, provisioner{driver: o.name, volumes: volumes, objects: objects},
		controller.LeaderElection(false)).Run(ctx)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// serve listens on the driver's own socket and on the one by which the kubelet's plugin watcher finds the driver.
func serve(o options, volumes store, failed chan<- error) error {
	socket := filepath.Join(o.kubeletDir, "plugins", o.name, "csi.sock")
	driver := grpc.NewServer()
	csispec.RegisterIdentityServer(driver, identity{name: o.name})
	node := &nodeServer{node: o.node, volumes: volumes}
	csispec.RegisterNodeServer(driver, node)
	csispec.RegisterControllerServer(driver, &controllerServer{volumes: volumes, mutex: &node.mutex})
	watcher := grpc.NewServer()
	registration.RegisterRegistrationServer(watcher, registrar{name: o.name, endpoint: socket})
	for path, server := range map[string]*grpc.Server{
		socket: driver,
		filepath.Join(o.kubeletDir, "plugins_registry", o.name+"-reg.sock"): watcher,
	} {
		listener, err := listen(path)
		if err != nil {
			return err
		}
		go func() { failed <- server.Serve(listener) }()
	}
	return nil
}

func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	// A socket of a killed predecessor would make bind fail.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return listener, nil
}

// registrar answers the kubelet's plugin watcher.
type registrar struct {
	registration.UnimplementedRegistrationServer
	name, endpoint string
}

func (r registrar) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: r.name, Endpoint: r.endpoint,
		SupportedVersions: []string{"1.0.0"}}, nil
}

func (r registrar) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	klog.InfoS("registered with the kubelet", "ok", status.PluginRegistered, "error", status.Error)
	return &registration.RegistrationStatusResponse{}, nil
}
