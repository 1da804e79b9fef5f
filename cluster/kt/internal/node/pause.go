package node

import (
	"os"
	"os/signal"
	"syscall"
)

// Pause is `kt pause`: process 1 of a pod's sandbox. It holds the pod's namespaces open and reaps orphans.
func Pause([]string) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return nil
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
	return nil
}
