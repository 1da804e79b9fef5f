// Package probe is what the self-test runs inside pods: the sandbox image holds nothing but kt.
package probe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const usage = `usage: kt probe ACTION
  serve ADDRESS     answer every HTTP request with the host's name
  get URL           print the answer of an HTTP server; an error status is a failure
  post URL TYPE     send standard input, of this media type, and print the answer
  dial ADDRESS      open a TCP connection
  lookup NAME       print the addresses of a name
  write FILE TEXT   write a file
  cat [FILE]        print a file or standard input
  fill FILE         write zeros until that fails; print the number of bytes
  eat               take memory until killed
  wait              wait for SIGTERM`

// Main is `kt probe`.
func Main(args []string) error {
	action := func(name string, arguments int) bool { return len(args) == 1+arguments && args[0] == name }
	switch {
	case action("serve", 1):
		fmt.Println("serving", args[1])
		return http.ListenAndServe(args[1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			name, _ := os.Hostname()
			fmt.Fprintln(w, "hello from", name)
		}))
	case action("get", 1):
		return get(args[1])
	case action("post", 2):
		client := http.Client{Timeout: time.Minute}
		return printed(client.Post(args[1], args[2], os.Stdin))
	case action("dial", 1):
		connection, err := net.DialTimeout("tcp", args[1], 5*time.Second)
		if err != nil {
			return err
		}
		return connection.Close()
	case action("lookup", 1):
		addresses, err := net.LookupHost(args[1])
		fmt.Println(addresses)
		return err
	case action("write", 2):
		return os.WriteFile(args[1], []byte(args[2]), 0o644)
	case action("cat", 0):
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case action("cat", 1):
		content, err := os.ReadFile(filepath.Clean(args[1]))
		fmt.Print(string(content))
		return err
	case action("fill", 1):
		return fill(args[1])
	case action("eat", 0):
		eat()
	case action("wait", 0):
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		return nil
	}
	return errors.New(usage)
}

func get(url string) error {
	client := http.Client{Timeout: 5 * time.Second}
	return printed(client.Get(url))
}

func printed(response *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = errors.New(response.Status)
	}
	return err
}

func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	block, total := make([]byte, 1<<20), 0
	for {
		n, err := file.Write(block)
		total += n
		if err == nil {
			err = file.Sync() // else the kernel could promise more than the disk holds
		}
		if err != nil {
			fmt.Println(total)
			return err
		}
	}
}

func eat() {
	var eaten [][]byte
	for {
		block := make([]byte, 16<<20)
		for i := range block {
			block[i] = 1
		}
		eaten = append(eaten, block)
		fmt.Println(16*len(eaten), "MiB")
	}
}
