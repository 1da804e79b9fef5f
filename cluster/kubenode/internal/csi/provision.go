package csi

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// parameterType is the StorageClass parameter that chooses the kind of volume: "directory" (default) or "xfs".
const parameterType = "type"

// smallestImage is the size in bytes below which mkfs.xfs gives up.
const smallestImage = 16 << 20

// provisioner makes and deletes the volumes of claims; the library around it watches claims and creates the objects.
type provisioner struct {
	driver  string
	volumes store
}

func (p provisioner) Provision(_ context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if err := p.create(o); err != nil {
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

func (p provisioner) create(o controller.ProvisionOptions) error {
	spec := o.PVC.Spec
	if spec.VolumeMode != nil && *spec.VolumeMode == corev1.PersistentVolumeBlock {
		return fmt.Errorf("volumeMode Block is not supported by StorageClass %s: use Filesystem", o.StorageClass.Name)
	}
	if spec.DataSource != nil || spec.DataSourceRef != nil {
		return fmt.Errorf("a volume of StorageClass %s cannot start from a dataSource", o.StorageClass.Name)
	}
	switch kind := o.StorageClass.Parameters[parameterType]; kind {
	case "", "directory":
		return p.volumes.createDirectory(o.PVName)
	case "xfs":
		return p.createImage(o)
	default:
		return fmt.Errorf("StorageClass %s: parameter %s is %q: use directory or xfs", o.StorageClass.Name, parameterType, kind)
	}
}

func (p provisioner) createImage(o controller.ProvisionOptions) error {
	for _, mode := range o.PVC.Spec.AccessModes {
		if mode != corev1.ReadWriteOnce && mode != corev1.ReadWriteOncePod {
			return fmt.Errorf("access mode %s is not supported by StorageClass %s: use ReadWriteOnce", mode, o.StorageClass.Name)
		}
	}
	size := o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]
	if size.Value() < smallestImage {
		return fmt.Errorf("%s is too small for StorageClass %s: ask for at least 16Mi", size.String(), o.StorageClass.Name)
	}
	return p.volumes.createImage(o.PVName, size.Value())
}

func (p provisioner) Delete(_ context.Context, pv *corev1.PersistentVolume) error {
	return p.volumes.remove(pv.Name)
}
