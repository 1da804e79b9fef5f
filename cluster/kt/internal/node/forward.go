package node

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"kubectl-flink.dev/kt/internal/layout"
)

// forward accepts on a listener that was made in the host's network namespace, where it stays for its whole life,
// and connects to the API server in the node's. This is the only way in, and there is none out.
func forward(listener net.Listener) {
	for {
		outer, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "forwarder:", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go func() {
			defer outer.Close()
			inner, err := net.Dial("tcp", layout.APIServer)
			if err != nil { // the API server is down: the client sees a closed connection and tries again
				return
			}
			defer inner.Close()
			splice(outer, inner)
		}()
	}
}

// splice copies both ways until both are done; the end of one direction is passed on, as kubectl exec needs it.
func splice(a, b net.Conn) {
	done := make(chan struct{})
	go func() { halfCopy(a, b); close(done) }()
	halfCopy(b, a)
	<-done
}

func halfCopy(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		// A reset is no orderly end: let the other side see it as one too.
		to.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only when the connection is gone already
	}
}
