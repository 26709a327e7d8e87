package tcauth

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// changes is what an Auth knows about changes of its token: it wakes the goroutines that wait for a renewal, and tells
// which token came from another process.
type changes struct {
	next    atomic.Pointer[chan struct{}] // closed by the next change
	lookout chan struct{}                 // full while a goroutine polls from time to time

	lock  sync.Mutex
	own   int    // calls that change the token and are running
	count uint64 // changes that have ended or were noticed
	last  uint64 // fingerprint of the current token, as far as this process knows

	// current returns the fingerprint of the current token, or 0.
	current func() uint64

	sharing sync.Mutex             // held while a Transport shares the token
	shared  atomic.Pointer[string] // the directory in which the token is shared
}

func newChanges(current func() uint64) *changes {
	c := &changes{lookout: make(chan struct{}, 1), current: current, last: current()}
	next := make(chan struct{})
	c.next.Store(&next)
	return c
}

// waitForChange returns a channel that the next change closes. Get it before the poll, so that no change is missed.
func (c *changes) waitForChange() <-chan struct{} {
	return *c.next.Load()
}

// wake lets all that wait poll again.
func (c *changes) wake() {
	if c == nil { // the zero value of Auth
		return
	}
	next := make(chan struct{})
	close(*c.next.Swap(&next))
}

// run makes a call that gives the Auth a token of this process.
func (c *changes) run(call func() error) error {
	if c == nil { // the zero value of Auth
		return call()
	}
	c.lock.Lock()
	c.own++
	c.lock.Unlock()
	err := call()
	c.lock.Lock()
	c.own--
	c.count++
	if err == nil || errors.Is(err, ErrStoreIO) {
		c.last = c.current()
	}
	c.lock.Unlock()
	c.wake()
	return err
}

func (c *changes) counted() uint64 {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.count
}

// adopted reports whether the token that was just used for the first time came from another process. before is counted()
// from before the request was signed: if there was a change since, the token may be an older one.
func (c *changes) adopted(token string, before uint64) bool {
	used := maphash.String(fingerprints, token)
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.own > 0 || c.count != before || c.last == used {
		return false
	}
	c.last = used
	c.count++
	return true
}

// fingerprints is the key of the fingerprints of tokens, which are compared instead of the tokens.
var fingerprints = maphash.MakeSeed()

// A lookout polls after a random time between these two. Nothing in this process tells it that another process has ended
// its renewal, or that a ticket has lapsed. The others wait in Go: waiting in C would block a thread for each of them, and
// a context could not end it.
const (
	lookoutAtLeast = 50 * time.Millisecond
	lookoutAtMost  = 100 * time.Millisecond
)

// wait is the part of Poll after a poll with ErrRenewalTimeout. changed is from before that poll.
func (a *Auth) wait(ctx context.Context, changed <-chan struct{}) (*Renewal, error) {
	for {
		isLookout := false
		select {
		case <-ctx.Done():
		case <-changed:
		case a.changes.lookout <- struct{}{}:
			isLookout = true
			timer := time.NewTimer(lookoutAtLeast + rand.N(lookoutAtMost-lookoutAtLeast))
			select {
			case <-ctx.Done():
			case <-changed:
			case <-timer.C:
			}
			timer.Stop()
			<-a.changes.lookout
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", ErrRenewalTimeout, context.Cause(ctx))
		}
		var renewal *Renewal
		var err error
		if renewal, changed, err = a.poll(); !errors.Is(err, ErrRenewalTimeout) {
			if isLookout && renewal == nil {
				a.changes.wake()
			}
			return renewal, err
		}
	}
}
