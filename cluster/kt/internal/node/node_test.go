package node

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"kubectl-flink.dev/kt/internal/layout"
)

func TestEveryAddOnSaysWhereItIs(t *testing.T) {
	objects := strings.Split(addons, "\n---\n")[1:]
	if len(objects) < 10 {
		t.Fatalf("%d objects", len(objects))
	}
	name := regexp.MustCompile(`metadata: \{name: "?([^",}]+)`)
	for _, object := range objects {
		head, body, _ := strings.Cut(object, "\n")
		path := strings.TrimPrefix(head, "# ")
		found := name.FindStringSubmatch(body)
		if !strings.HasPrefix(path, "/api") || found == nil || !strings.HasSuffix(path, "/"+found[1]) {
			t.Errorf("path %q of\n%s", path, body)
		}
		version := strings.TrimPrefix(strings.SplitN(body, "\n", 2)[0], "apiVersion: ")
		if !strings.Contains(path, "/"+version+"/") {
			t.Errorf("path %q, version %q", path, version)
		}
	}
}

func TestAddOnsUseTheAddressesOfTheLayout(t *testing.T) {
	for _, value := range []string{layout.DNSService, layout.NodeIP, layout.Driver} {
		if !strings.Contains(addons, value) {
			t.Errorf("%s is not in the add-ons", value)
		}
	}
}

func TestEveryStartedComponentHasACommand(t *testing.T) {
	for _, controlPlane := range []bool{false, true} {
		lines := commands(controlPlane)
		for _, name := range append(first(controlPlane), second(controlPlane)...) {
			if len(lines[name]) == 0 {
				t.Errorf("%s has no command", name)
			}
		}
	}
}

func TestAControlPlaneMakesNoPods(t *testing.T) {
	limited := func(controlPlane bool) bool {
		return slices.ContainsFunc(commands(controlPlane)[controllerManager], func(flag string) bool {
			return strings.HasPrefix(flag, "--controllers=")
		})
	}
	if !limited(true) || limited(false) {
		t.Errorf("control plane limited: %t, node limited: %t", limited(true), limited(false))
	}
}
