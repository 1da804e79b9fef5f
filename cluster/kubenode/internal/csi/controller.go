package csi

import (
	"context"
	"os"
	"sort"
	"sync"

	csispec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// controllerServer takes snapshots for the csi-snapshotter sidecar. The rest of a controller's work is not asked for by
// anybody here: the provisioner and the resizer of this process call the store themselves.
type controllerServer struct {
	csispec.UnimplementedControllerServer
	volumes store
	mutex   *sync.Mutex // that of nodeServer: what is frozen must not be unmounted
}

func (c *controllerServer) ControllerGetCapabilities(context.Context, *csispec.ControllerGetCapabilitiesRequest) (*csispec.ControllerGetCapabilitiesResponse, error) {
	response := &csispec.ControllerGetCapabilitiesResponse{}
	for _, kind := range []csispec.ControllerServiceCapability_RPC_Type{
		csispec.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT, csispec.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
	} {
		response.Capabilities = append(response.Capabilities, &csispec.ControllerServiceCapability{
			Type: &csispec.ControllerServiceCapability_Rpc{Rpc: &csispec.ControllerServiceCapability_RPC{Type: kind}}})
	}
	return response, nil
}

// CreateSnapshot is asked again and again under the same name until it succeeds.
func (c *controllerServer) CreateSnapshot(_ context.Context, r *csispec.CreateSnapshotRequest) (*csispec.CreateSnapshotResponse, error) {
	if r.Name == "" || r.SourceVolumeId == "" {
		return nil, status.Error(codes.InvalidArgument, "name and source volume are needed")
	}
	for name := range r.Parameters {
		return nil, status.Errorf(codes.InvalidArgument, "parameter %s of the VolumeSnapshotClass is not known to this driver", name)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	known, err := c.volumes.snapshot(r.Name)
	switch {
	case err == nil && known.Source != r.SourceVolumeId:
		return nil, status.Errorf(codes.AlreadyExists, "snapshot %s is of volume %s", r.Name, known.Source)
	case os.IsNotExist(err):
		if !c.volumes.has(r.SourceVolumeId) {
			return nil, status.Errorf(codes.NotFound, "there is no volume %s", r.SourceVolumeId)
		}
		known, err = c.volumes.take(r.Name, r.SourceVolumeId)
	}
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csispec.CreateSnapshotResponse{Snapshot: message(r.Name, known)}, nil
}

func (c *controllerServer) DeleteSnapshot(_ context.Context, r *csispec.DeleteSnapshotRequest) (*csispec.DeleteSnapshotResponse, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err := c.volumes.forget(r.SnapshotId); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csispec.DeleteSnapshotResponse{}, nil
}

// ListSnapshots gives all that fit at once: there are few, and whoever asks wants one.
func (c *controllerServer) ListSnapshots(_ context.Context, r *csispec.ListSnapshotsRequest) (*csispec.ListSnapshotsResponse, error) {
	if r.StartingToken != "" {
		return nil, status.Error(codes.Aborted, "there is no second page")
	}
	all, err := c.volumes.taken()
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	response := &csispec.ListSnapshotsResponse{}
	for id, known := range all {
		if (r.SnapshotId == "" || r.SnapshotId == id) && (r.SourceVolumeId == "" || r.SourceVolumeId == known.Source) {
			response.Entries = append(response.Entries, &csispec.ListSnapshotsResponse_Entry{Snapshot: message(id, known)})
		}
	}
	sort.Slice(response.Entries, func(i, j int) bool {
		return response.Entries[i].Snapshot.SnapshotId < response.Entries[j].Snapshot.SnapshotId
	})
	return response, nil
}

func message(id string, known taken) *csispec.Snapshot {
	return &csispec.Snapshot{SnapshotId: id, SourceVolumeId: known.Source, SizeBytes: known.Size,
		CreationTime: timestamppb.New(known.Created), ReadyToUse: true}
}
