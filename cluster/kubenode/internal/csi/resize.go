package csi

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/volume/util"
)

// resizer does what the external-resizer sidecar does: it grows the volume of a claim that asks for more, writes the
// new capacity into the PersistentVolume and leaves the file system to the kubelet (condition FileSystemResizePending).
type resizer struct {
	client   kubernetes.Interface
	driver   string
	volumes  store
	queue    workqueue.TypedRateLimitingInterface[cache.ObjectName]
	recorder record.EventRecorder
}

func newResizer(client kubernetes.Interface, driver string, volumes store) *resizer {
	events := record.NewBroadcaster()
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return &resizer{client: client, driver: driver, volumes: volumes,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](200*time.Millisecond, 30*time.Second)),
		recorder: events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: driver})}
}

func (r *resizer) run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(r.client, 0)
	informer := factory.Core().V1().PersistentVolumeClaims().Informer()
	enqueue := func(object any) {
		if claim, ok := object.(*corev1.PersistentVolumeClaim); ok && wantsMore(claim) {
			r.queue.Add(cache.MetaObjectToName(claim))
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: enqueue, UpdateFunc: func(_, object any) { enqueue(object) }}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	go func() { <-ctx.Done(); r.queue.ShutDown() }()
	for {
		name, shutdown := r.queue.Get()
		if shutdown {
			return nil
		}
		if err := r.resize(ctx, name); err != nil {
			klog.ErrorS(err, "resize", "claim", name)
			r.queue.AddRateLimited(name)
		} else {
			r.queue.Forget(name)
		}
		r.queue.Done(name)
	}
}

// wantsMore is true for a bound claim whose request is above its capacity and that is not the kubelet's turn.
func wantsMore(claim *corev1.PersistentVolumeClaim) bool {
	request, capacity := claim.Spec.Resources.Requests.Storage(), claim.Status.Capacity.Storage()
	if claim.Status.Phase != corev1.ClaimBound || request.Cmp(*capacity) <= 0 {
		return false
	}
	switch claim.Status.AllocatedResourceStatuses[corev1.ResourceStorage] {
	case corev1.PersistentVolumeClaimNodeResizePending, corev1.PersistentVolumeClaimNodeResizeInProgress:
		return false
	}
	return true
}

func (r *resizer) resize(ctx context.Context, name cache.ObjectName) error {
	claim, err := r.client.CoreV1().PersistentVolumeClaims(name.Namespace).Get(ctx, name.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !wantsMore(claim) {
		return err
	}
	pv, err := r.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil || pv.Spec.CSI == nil || pv.Spec.CSI.Driver != r.driver {
		return err
	}
	if err := r.grow(claim, pv); err != nil {
		r.recorder.Event(claim, corev1.EventTypeWarning, "VolumeResizeFailed", err.Error())
		return err
	}
	return nil
}

func (r *resizer) grow(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) error {
	size := *claim.Spec.Resources.Requests.Storage()
	before := *claim.Status.Capacity.Storage()
	claim, err := util.MarkControllerReisizeInProgress(claim, r.driver, size, r.client)
	if err != nil {
		return err
	}
	if err := r.volumes.grow(pv.Name, size.Value()); err != nil {
		return err
	}
	if pv, err = util.UpdatePVSize(pv, size, r.client); err != nil {
		return err
	}
	_, err = util.MarkForFSResize(claim, r.client)
	// The annotation lets the kubelet finish even when the claim is deleted in between.
	return errors.Join(err, util.AddAnnPreResizeCapacity(pv, before, r.client))
}
