package selftest

import "kubectl-flink.dev/kt/internal/layout"

// object is a Kubernetes object, or a part of one.
type object map[string]any

// pod runs `kt probe ARGS` as Flink does: uid 9999, not root, without capabilities.
func pod(name string, args ...string) object {
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{"name": name, "labels": object{"app": name}},
		"spec": object{
			"terminationGracePeriodSeconds": 1, "restartPolicy": "Never",
			"securityContext": object{"runAsUser": 9999, "runAsNonRoot": true, "seccompProfile": object{"type": "RuntimeDefault"}},
			"containers": []object{{
				"name": "main", "image": layout.PauseImage, "imagePullPolicy": "Never",
				"command":         append([]string{"/kt", "probe"}, args...),
				"securityContext": object{"allowPrivilegeEscalation": false, "capabilities": object{"drop": []string{"ALL"}}},
			}},
		},
	}
}

func (o object) spec() object      { return o["spec"].(object) }
func (o object) container() object { return o.spec()["containers"].([]object)[0] }

// with mounts the claim at /data; group is the fsGroup, 0 for none.
func (o object) with(claim string, group int) object {
	o.spec()["volumes"] = []object{{"name": "data", "persistentVolumeClaim": object{"claimName": claim}}}
	o.container()["volumeMounts"] = []object{{"name": "data", "mountPath": "/data"}}
	if group != 0 {
		o.spec()["securityContext"].(object)["fsGroup"] = group
	}
	return o
}

func claim(name, class, mode, size string) object {
	return object{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": object{"name": name},
		"spec": object{"storageClassName": class, "accessModes": []string{mode},
			"resources": object{"requests": object{"storage": size}}},
	}
}
