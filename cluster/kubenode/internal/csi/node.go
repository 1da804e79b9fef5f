package csi

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	csispec "github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/mount-utils"
)

type identity struct {
	csispec.UnimplementedIdentityServer
	name string
}

func (i identity) GetPluginInfo(context.Context, *csispec.GetPluginInfoRequest) (*csispec.GetPluginInfoResponse, error) {
	return &csispec.GetPluginInfoResponse{Name: i.name, VendorVersion: "1"}, nil
}

func (i identity) Probe(context.Context, *csispec.ProbeRequest) (*csispec.ProbeResponse, error) {
	return &csispec.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

func (i identity) GetPluginCapabilities(context.Context, *csispec.GetPluginCapabilitiesRequest) (*csispec.GetPluginCapabilitiesResponse, error) {
	online := &csispec.PluginCapability_VolumeExpansion{Type: csispec.PluginCapability_VolumeExpansion_ONLINE}
	controller := &csispec.PluginCapability_Service{Type: csispec.PluginCapability_Service_CONTROLLER_SERVICE}
	return &csispec.GetPluginCapabilitiesResponse{Capabilities: []*csispec.PluginCapability{
		{Type: &csispec.PluginCapability_Service_{Service: controller}},
		{Type: &csispec.PluginCapability_VolumeExpansion_{VolumeExpansion: online}}}}, nil
}

// nodeServer mounts volumes for the kubelet. A sized volume is staged (mounted once) and then bound into each pod.
type nodeServer struct {
	csispec.UnimplementedNodeServer
	node    string
	volumes store
	mutex   sync.Mutex // the kubelet may repeat a call that is still running
}

func (n *nodeServer) NodeGetInfo(context.Context, *csispec.NodeGetInfoRequest) (*csispec.NodeGetInfoResponse, error) {
	return &csispec.NodeGetInfoResponse{NodeId: n.node}, nil
}

func (n *nodeServer) NodeGetCapabilities(context.Context, *csispec.NodeGetCapabilitiesRequest) (*csispec.NodeGetCapabilitiesResponse, error) {
	response := &csispec.NodeGetCapabilitiesResponse{}
	for _, kind := range []csispec.NodeServiceCapability_RPC_Type{
		csispec.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME, csispec.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csispec.NodeServiceCapability_RPC_GET_VOLUME_STATS,
	} {
		response.Capabilities = append(response.Capabilities, &csispec.NodeServiceCapability{
			Type: &csispec.NodeServiceCapability_Rpc{Rpc: &csispec.NodeServiceCapability_RPC{Type: kind}}})
	}
	return response, nil
}

func (n *nodeServer) NodeStageVolume(_ context.Context, r *csispec.NodeStageVolumeRequest) (*csispec.NodeStageVolumeResponse, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	response := &csispec.NodeStageVolumeResponse{}
	if !n.volumes.hasImage(r.VolumeId) {
		if !n.volumes.has(r.VolumeId) {
			return nil, status.Errorf(codes.NotFound, "there is no volume %s", r.VolumeId)
		}
		return response, nil
	}
	if device, err := mountedDevice(r.StagingTargetPath); err != nil || device != "" {
		return response, err
	}
	if err := os.MkdirAll(r.StagingTargetPath, 0o750); err != nil {
		return nil, err
	}
	return response, n.volumes.mountImage(r.VolumeId, r.StagingTargetPath)
}

func (n *nodeServer) NodeUnstageVolume(_ context.Context, r *csispec.NodeUnstageVolumeRequest) (*csispec.NodeUnstageVolumeResponse, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return &csispec.NodeUnstageVolumeResponse{}, unmount(r.StagingTargetPath)
}

func (n *nodeServer) NodePublishVolume(_ context.Context, r *csispec.NodePublishVolumeRequest) (*csispec.NodePublishVolumeResponse, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	response := &csispec.NodePublishVolumeResponse{}
	source := n.volumes.directory(r.VolumeId)
	if n.volumes.hasImage(r.VolumeId) {
		source = r.StagingTargetPath
	}
	if device, err := mountedDevice(r.TargetPath); err != nil || device != "" {
		return response, err
	}
	if err := os.MkdirAll(r.TargetPath, 0o750); err != nil {
		return nil, err
	}
	if err := unix.Mount(source, r.TargetPath, "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("bind %s: %w", source, err)
	}
	if r.Readonly {
		// The kernel ignores the read-only flag of a bind mount until it is mounted again.
		return response, unix.Mount("", r.TargetPath, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	return response, nil
}

func (n *nodeServer) NodeUnpublishVolume(_ context.Context, r *csispec.NodeUnpublishVolumeRequest) (*csispec.NodeUnpublishVolumeResponse, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if err := unmount(r.TargetPath); err != nil {
		return nil, err
	}
	if err := os.Remove(r.TargetPath); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return &csispec.NodeUnpublishVolumeResponse{}, nil
}

func (n *nodeServer) NodeExpandVolume(_ context.Context, r *csispec.NodeExpandVolumeRequest) (*csispec.NodeExpandVolumeResponse, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	response := &csispec.NodeExpandVolumeResponse{CapacityBytes: r.GetCapacityRange().GetRequiredBytes()}
	if !n.volumes.hasImage(r.VolumeId) {
		return response, nil
	}
	device, err := mountedDevice(r.VolumePath)
	if err != nil {
		return nil, err
	}
	if device == "" {
		return nil, status.Errorf(codes.NotFound, "nothing is mounted at %s", r.VolumePath)
	}
	return response, growMounted(device, r.VolumePath)
}

func (n *nodeServer) NodeGetVolumeStats(_ context.Context, r *csispec.NodeGetVolumeStatsRequest) (*csispec.NodeGetVolumeStatsResponse, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(r.VolumePath, &fs); err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	block := int64(fs.Bsize)
	return &csispec.NodeGetVolumeStatsResponse{Usage: []*csispec.VolumeUsage{
		{Unit: csispec.VolumeUsage_BYTES, Total: int64(fs.Blocks) * block, Available: int64(fs.Bavail) * block,
			Used: int64(fs.Blocks-fs.Bfree) * block},
		{Unit: csispec.VolumeUsage_INODES, Total: int64(fs.Files), Available: int64(fs.Ffree), Used: int64(fs.Files - fs.Ffree)},
	}}, nil
}

// mountedDevice is the source of the topmost mount at path, "" where nothing is mounted.
func mountedDevice(path string) (string, error) {
	mounts, err := mount.ParseMountInfo("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	device := ""
	for _, m := range mounts {
		if m.MountPoint == strings.TrimSuffix(path, "/") {
			device = m.Source
		}
	}
	return device, nil
}

func unmount(path string) error {
	for {
		device, err := mountedDevice(path)
		if err != nil || device == "" {
			return err
		}
		if err := unix.Unmount(path, 0); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
}
