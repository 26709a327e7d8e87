//go:build unix

package tcauth

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"
)

// waitingFor returns a renewal, and the errors of goroutines that wait for it.
func waitingFor(t *testing.T, auth *Auth, count int) (*Renewal, <-chan error) {
	t.Helper()
	renewal, err := auth.Poll(context.Background())
	if err != nil || renewal == nil {
		t.Fatal(renewal, err)
	}
	ended := make(chan error, count)
	var polled sync.WaitGroup
	for range count {
		polled.Add(1)
		go func() {
			_, changed, err := auth.poll()
			polled.Done()
			if errors.Is(err, ErrRenewalTimeout) {
				var renewal *Renewal
				if renewal, err = auth.wait(context.Background(), changed); renewal != nil {
					renewal.Cancel()
				}
			}
			ended <- err
		}()
	}
	polled.Wait()
	return renewal, ended
}

func mustEnd(t *testing.T, ended <-chan error, count int, want error) {
	t.Helper()
	for range count {
		select {
		case err := <-ended:
			if !errors.Is(err, want) {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a goroutine still waits")
		}
	}
}

func usedCPU(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// With a poll of each of them every 10 ms this takes a fifth of a CPU, and several times as much in the race detector.
func TestWaitersTakeNoCPU(t *testing.T) {
	renewal, ended := waitingFor(t, newToken(t, time.Now().Add(-time.Minute)), 1000)
	time.Sleep(100 * time.Millisecond)
	before := usedCPU(t)
	time.Sleep(2 * time.Second)
	if used := usedCPU(t) - before; used > 150*time.Millisecond {
		t.Error("1,000 waiters used", used, "of CPU in 2 s")
	}
	renewal.Cancel()
	mustEnd(t, ended, 1000, nil)
}

// Each change wakes those that wait: here nobody polls from time to time.
func TestWhatWakesWaiters(t *testing.T) {
	newer := newToken(t, time.Now().Add(-time.Minute))
	if err := newer.UpdateToken("newer", time.Time{}); err != nil {
		t.Fatal(err)
	}
	sealed, err := newer.Seal(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*Auth, *Renewal) error
		want   error
	}{
		"new token": {func(_ *Auth, renewal *Renewal) error {
			_, err := renewal.Complete(200, []byte(goodAnswer))
			return err
		}, nil},
		"failure": {func(_ *Auth, renewal *Renewal) error {
			if _, err := renewal.Complete(500, nil); !errors.Is(err, ErrRenewalBadResponse) {
				return errors.Join(errors.New("no failure"), err)
			}
			return nil
		}, nil},
		"cancelled": {func(_ *Auth, renewal *Renewal) error { renewal.Cancel(); return nil }, nil},
		"updated":   {func(auth *Auth, _ *Renewal) error { return auth.UpdateToken("another", time.Time{}) }, nil},
		"unsealed": {func(auth *Auth, _ *Renewal) error {
			outcome, err := auth.Unseal(sealed, nil)
			if outcome != UnsealedAdopted {
				t.Error(outcome)
			}
			return err
		}, nil},
		"closed": {func(auth *Auth, _ *Renewal) error { return auth.Close() }, ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			auth := newToken(t, time.Now().Add(-time.Minute))
			auth.changes.lookout <- struct{}{}
			renewal, ended := waitingFor(t, auth, 20)
			defer renewal.Cancel()
			if err := test.change(auth, renewal); err != nil {
				t.Error(err)
			}
			mustEnd(t, ended, 20, test.want)
		})
	}
}

// What no change in this process announces, such as the end of another process's renewal, is noticed by one goroutine,
// which then wakes the others.
func TestAWaiterLooksOut(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	renewal, ended := waitingFor(t, auth, 200)
	renewal.changes = newChanges(func() uint64 { return 0 }) // Complete wakes nobody
	start := time.Now()
	if _, err := renewal.Complete(200, []byte(goodAnswer)); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, ended, 200, nil)
	if took := time.Since(start); took > 5*time.Second { // 15 s if each of them has to look out
		t.Error(took)
	}
	if len(auth.changes.lookout) != 0 {
		t.Error("somebody still looks out")
	}
}

// A goroutine that gives up hands the lookout on.
func TestTheLookoutIsHandedOn(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	renewal, err := auth.Poll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gaveUp := make(chan error)
	go func() {
		_, err := auth.Poll(ctx)
		gaveUp <- err
	}()
	for len(auth.changes.lookout) == 0 {
		time.Sleep(time.Millisecond)
	}
	second := make(chan error)
	go func() {
		_, err := auth.Poll(context.Background())
		second <- err
	}()
	cancel()
	if err := <-gaveUp; !errors.Is(err, ErrRenewalTimeout) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	renewal.changes = newChanges(func() uint64 { return 0 })
	if _, err := renewal.Complete(200, []byte(goodAnswer)); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, second, 1, nil)
}
