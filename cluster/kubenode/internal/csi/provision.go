package csi

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// parameterType is the StorageClass parameter that chooses the kind of volume: "directory" (default) or "xfs".
const parameterType = "type"

// snapshotGroup is the API group of VolumeSnapshots.
const snapshotGroup = "snapshot.storage.k8s.io"

// smallestImage is the size in bytes below which mkfs.xfs gives up.
const smallestImage = 16 << 20

// provisioner makes and deletes the volumes of claims; the library around it watches claims and creates the objects.
type provisioner struct {
	driver  string
	volumes store
	objects dynamic.Interface
}

func (p provisioner) Provision(ctx context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if err := p.create(ctx, o); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			MountOptions:                  o.StorageClass.MountOptions,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: p.driver, VolumeHandle: o.PVName}},
		},
	}, controller.ProvisioningFinished, nil
}

func (p provisioner) create(ctx context.Context, o controller.ProvisionOptions) error {
	spec := o.PVC.Spec
	if spec.VolumeMode != nil && *spec.VolumeMode == corev1.PersistentVolumeBlock {
		return fmt.Errorf("volumeMode Block is not supported by StorageClass %s: use Filesystem", o.StorageClass.Name)
	}
	snapshot, err := p.source(ctx, o)
	if err != nil {
		return err
	}
	switch kind := o.StorageClass.Parameters[parameterType]; kind {
	case "", "directory":
		if snapshot != "" {
			return p.restoreDirectory(o, snapshot)
		}
		return p.volumes.createDirectory(o.PVName)
	case "xfs":
		return p.createImage(o, snapshot)
	default:
		return fmt.Errorf("StorageClass %s: parameter %s is %q: use directory or xfs", o.StorageClass.Name, parameterType, kind)
	}
}

func (p provisioner) createImage(o controller.ProvisionOptions, snapshot string) error {
	for _, mode := range o.PVC.Spec.AccessModes {
		if mode != corev1.ReadWriteOnce && mode != corev1.ReadWriteOncePod {
			return fmt.Errorf("access mode %s is not supported by StorageClass %s: use ReadWriteOnce", mode, o.StorageClass.Name)
		}
	}
	size := o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]
	if size.Value() < smallestImage {
		return fmt.Errorf("%s is too small for StorageClass %s: ask for at least 16Mi", size.String(), o.StorageClass.Name)
	}
	if snapshot == "" {
		return p.volumes.createImage(o.PVName, size.Value())
	}
	known, err := p.volumes.snapshot(snapshot)
	if err != nil {
		return err
	}
	if !p.volumes.snapshots().hasImage(snapshot) {
		return fmt.Errorf("snapshot %s is of a directory, and a volume of StorageClass %s is none", snapshot, o.StorageClass.Name)
	}
	if size.Value() < known.Size {
		return fmt.Errorf("%s is too small for snapshot %s, which needs %d bytes", size.String(), snapshot, known.Size)
	}
	if err := p.volumes.copy(p.volumes.snapshots(), snapshot, o.PVName); err != nil {
		return err
	}
	// The file system follows when the volume is mounted.
	return p.volumes.grow(o.PVName, size.Value())
}

func (p provisioner) restoreDirectory(o controller.ProvisionOptions, snapshot string) error {
	if _, err := p.volumes.snapshot(snapshot); err != nil {
		return err
	}
	if p.volumes.snapshots().hasImage(snapshot) {
		return fmt.Errorf("snapshot %s is of a volume with a size, and a volume of StorageClass %s is a directory", snapshot, o.StorageClass.Name)
	}
	return p.volumes.copy(p.volumes.snapshots(), snapshot, o.PVName)
}

// source is the id of the snapshot that the claim is to be made from, "" where it is to be empty. external-provisioner
// finds it in the same way.
func (p provisioner) source(ctx context.Context, o controller.ProvisionOptions) (string, error) {
	from := o.PVC.Spec.DataSource
	if from == nil {
		if o.PVC.Spec.DataSourceRef != nil {
			return "", fmt.Errorf("a volume of StorageClass %s cannot start from this dataSourceRef", o.StorageClass.Name)
		}
		return "", nil
	}
	if from.Kind != "VolumeSnapshot" || from.APIGroup == nil || *from.APIGroup != snapshotGroup {
		return "", fmt.Errorf("a volume of StorageClass %s cannot start from a %s", o.StorageClass.Name, from.Kind)
	}
	resource := schema.GroupVersionResource{Group: snapshotGroup, Version: "v1", Resource: "volumesnapshots"}
	snapshot, err := p.objects.Resource(resource).Namespace(o.PVC.Namespace).Get(ctx, from.Name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	bound, _, _ := unstructured.NestedString(snapshot.Object, "status", "boundVolumeSnapshotContentName")
	if ready, _, _ := unstructured.NestedBool(snapshot.Object, "status", "readyToUse"); !ready || bound == "" {
		return "", fmt.Errorf("volume snapshot %s is not ready", from.Name)
	}
	resource.Resource = "volumesnapshotcontents"
	content, err := p.objects.Resource(resource).Get(ctx, bound, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if driver, _, _ := unstructured.NestedString(content.Object, "spec", "driver"); driver != p.driver {
		return "", fmt.Errorf("volume snapshot %s is of driver %s, not %s", from.Name, driver, p.driver)
	}
	id, _, _ := unstructured.NestedString(content.Object, "status", "snapshotHandle")
	if id == "" {
		return "", fmt.Errorf("volume snapshot content %s names no snapshot", bound)
	}
	return id, nil
}

func (p provisioner) Delete(_ context.Context, pv *corev1.PersistentVolume) error {
	return p.volumes.remove(pv.Name)
}
