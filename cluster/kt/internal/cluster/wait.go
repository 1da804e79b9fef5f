package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kubectl-flink.dev/kt/internal/api"
	"kubectl-flink.dev/kt/internal/layout"
	"kubectl-flink.dev/kt/internal/node"
)

// stage is one condition of readiness, in the order in which they come true.
type stage struct {
	done string
	test func(context.Context) error
}

// waitReady returns when pods can be created (or, for a control plane, objects), or with what it waited for last.
func (p place) waitReady(ctx context.Context, r *record, progress progress) error {
	client, err := api.New(fmt.Sprintf("127.0.0.1:%d", r.Port), p.path("pki"))
	if err != nil {
		return err
	}
	stages := []stage{
		{"API server ready", func(ctx context.Context) error { return client.Get(ctx, "/readyz", nil) }},
		{"components started", func(context.Context) error { return started(r) }},
	}
	if !r.ControlPlane {
		stages = append(stages,
			stage{"pause image imported", func(ctx context.Context) error { return p.importPause(ctx, r) }},
			stage{"node Ready", func(ctx context.Context) error { return nodeReady(ctx, client, r.Started) }},
			stage{"volume driver registered", func(ctx context.Context) error { return driverRegistered(ctx, client) }})
	}
	// Pods and Flink's own objects need it: the controller that makes it starts later than the API server.
	stages = append(stages, stage{"default service account", func(ctx context.Context) error {
		return client.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
	}})
	for _, s := range stages {
		if err := poll(ctx, r, s.test); err != nil {
			return fmt.Errorf("waiting for: %s: %w", s.done, err)
		}
		progress.say("%s", s.done)
	}
	return nil
}

func poll(ctx context.Context, r *record, test func(context.Context) error) error {
	for {
		err := test(ctx)
		if err == nil {
			return nil
		}
		if !r.Process.alive() {
			return errors.New("the node has ended")
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func started(r *record) error {
	response, err := r.ask(node.Request{Op: "status"})
	if err == nil && !response.Ready {
		return errors.New("the supervisor is not done")
	}
	return err
}

// nodeReady wants a heartbeat of this run: with kept state the node still reads Ready from before.
func nodeReady(ctx context.Context, client *api.Client, since time.Time) error {
	object := struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			}
		}
	}{}
	if err := client.Get(ctx, "/api/v1/nodes/"+layout.NodeName, &object); err != nil {
		return err
	}
	for _, condition := range object.Status.Conditions {
		if condition.Type != "Ready" {
			continue
		}
		// The API keeps whole seconds.
		if condition.Status == "True" && !condition.LastHeartbeatTime.Before(since.Truncate(time.Second)) {
			return nil
		}
		return fmt.Errorf("Ready is %s since %s: %s", condition.Status, condition.LastHeartbeatTime, condition.Message)
	}
	return errors.New("no condition Ready")
}

func driverRegistered(ctx context.Context, client *api.Client) error {
	object := struct {
		Spec struct{ Drivers []struct{ Name string } }
	}{}
	if err := client.Get(ctx, "/apis/storage.k8s.io/v1/csinodes/"+layout.NodeName, &object); err != nil {
		return err
	}
	for _, driver := range object.Spec.Drivers {
		if driver.Name == layout.Driver {
			return nil
		}
	}
	return errors.New("the kubelet does not know the driver yet")
}
