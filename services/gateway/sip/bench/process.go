package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// microsPerTick is the unit of CPU time in /proc: USER_HZ is 100 on every Linux that Go runs on.
const microsPerTick = 10_000

// cpuMicros is the CPU time that processes have used, user and system (proc_pid_stat(5), fields 14 and 15).
func cpuMicros(pids func() ([]int, error)) (sum int64, err error) {
	return total(pids, func(pid int) (int64, error) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		// The name, in brackets, may hold anything; field 3 follows it.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		const user, system = 14 - 3, 15 - 3
		if len(fields) <= system {
			return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
		}
		u, err := strconv.ParseInt(string(fields[user]), 10, 64)
		if err != nil {
			return 0, err
		}
		s, err := strconv.ParseInt(string(fields[system]), 10, 64)
		return (u + s) * microsPerTick, err
	})
}

// rssBytes is the memory that processes hold (VmRSS of proc_pid_status(5)).
func rssBytes(pids func() ([]int, error)) (sum int64, err error) {
	return total(pids, func(pid int) (int64, error) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := bytes.Cut(b, []byte("VmRSS:"))
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
		}
		kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
		return kb << 10, err
	})
}

func total(pids func() ([]int, error), of func(pid int) (int64, error)) (sum int64, err error) {
	list, err := pids()
	if err != nil {
		return 0, err
	}
	for _, pid := range list {
		v, err := of(pid)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}

// children are the processes that a process started (/proc/pid/task/tid/children).
func children(pid int) ([]int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	var list []int
	for _, f := range bytes.Fields(b) {
		n, err := strconv.Atoi(string(f))
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}
