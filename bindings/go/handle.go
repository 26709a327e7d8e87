package tcauth

import (
	"errors"
	"runtime"
	"sync"

	"example.com/tcauth/internal/capi"
)

// ErrClosed is returned by the methods of a closed object, and of one that no function of this package has made. It is not
// a [Status]: the C library has none for it.
var ErrClosed = errors.New("tcauth: the Auth, Renewal or URL was closed or used up before")

// handle owns an object of the C library. It frees the object exactly once, when no call is running.
type handle[P comparable] struct {
	lock    sync.RWMutex
	pointer P // the zero value once freed
	free    func(P)
}

// own makes the handle of a C object. If nobody closes it, it is freed when its Go owner is garbage collected.
func own[T any, P comparable](owner *T, pointer P, free func(P)) *handle[P] {
	owned := &handle[P]{pointer: pointer, free: free}
	runtime.AddCleanup(owner, (*handle[P]).close, owned)
	return owned
}

// acquire returns the pointer for one call; it stays valid until release. The caller must keep the owner alive until
// then (runtime.KeepAlive): otherwise its cleanup could free the object before the call begins.
func (h *handle[P]) acquire() (P, error) {
	var none P
	if h == nil { // the zero value of Auth, URL or Renewal
		return none, ErrClosed
	}
	h.lock.RLock()
	if h.pointer == none {
		h.lock.RUnlock()
		return none, ErrClosed
	}
	return h.pointer, nil
}

func (h *handle[P]) release() {
	h.lock.RUnlock()
}

// take returns the pointer and closes the handle. The caller must free the object.
func (h *handle[P]) take() (P, error) {
	var none P
	if h == nil {
		return none, ErrClosed
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	taken := h.pointer
	h.pointer = none
	if taken == none {
		return none, ErrClosed
	}
	return taken, nil
}

func (h *handle[P]) close() {
	if pointer, err := h.take(); err == nil {
		h.free(pointer)
	}
}

// newString returns refusal for a string with a NUL. Callers pass the status that the library returns for other invalid
// characters in this argument.
func newString[T string | []byte](text T, refusal Status) (capi.String, error) {
	if made, ok := capi.NewString(text); ok {
		return made, nil
	}
	return nil, refusal
}
