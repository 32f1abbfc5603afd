package netfault

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// deviceName is the TUN device's in each namespace.
const deviceName = "day0"

// Namespace is a network of its own: loopback, and one device that a Switch joins with others. It goes when it is closed and
// the last process in it has ended.
type Namespace struct {
	fd     int
	Addr   netip.Addr
	device *os.File
}

// NewNamespace makes one whose device has an address within a /24. It needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
func NewNamespace(addr netip.Addr) (*Namespace, error) {
	n := &Namespace{fd: -1, Addr: addr}
	err := onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		fd, err := unix.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open the namespace: %w", err)
		}
		n.fd = fd
		if n.device, err = openTUN(); err != nil {
			return err
		}
		return configure(addr)
	})
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Device reads and writes packets.
func (n *Namespace) Device() io.ReadWriteCloser { return n.device }

// Do runs f in the namespace. Sockets made and processes started by it stay there; goroutines it starts do not.
func (n *Namespace) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the namespace: %w", err)
		}
		return f()
	})
}

// Close lets it go; the device is closed by whoever it was attached to, too.
func (n *Namespace) Close() error {
	var errs []error
	if n.device != nil {
		if err := n.device.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if n.fd >= 0 {
		errs = append(errs, unix.Close(n.fd))
		n.fd = -1
	}
	return errors.Join(errs...)
}

// onOwnThread runs f on a thread that ends with it, so that nothing else ever runs in the namespace it changed to.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		done <- f()
	}()
	return <-done
}

func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(deviceName)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make a TUN device: %w", err)
	}
	return os.NewFile(uintptr(fd), deviceName), nil
}

// configure gives the device its address, and brings it and loopback up.
func configure(addr netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("configure the device: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	four := addr.As4()
	for _, step := range []struct {
		name    string
		request uint
		set     func(*unix.Ifreq) error
	}{
		{"lo", unix.SIOCSIFFLAGS, up},
		{deviceName, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(four[:]) }},
		{deviceName, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{deviceName, unix.SIOCSIFFLAGS, up},
	} {
		req, err := unix.NewIfreq(step.name)
		if err == nil {
			err = step.set(req)
		}
		if err == nil {
			err = unix.IoctlIfreq(fd, step.request, req)
		}
		if err != nil {
			return fmt.Errorf("configure %s: %w", step.name, err)
		}
	}
	return nil
}

func up(r *unix.Ifreq) error {
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return nil
}
