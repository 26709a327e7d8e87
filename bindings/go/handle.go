package tcauth

// #cgo pkg-config: tc_auth
// #include <tc_auth.h>
import "C"

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// ErrClosed is what the methods of a closed object return.
var ErrClosed = errors.New("tcauth: the Auth, Renewal or URL was closed or used up before")

// handle owns an object of the C library. It frees it after the last call that is running, and only once.
type handle[P comparable] struct {
	lock    sync.RWMutex
	pointer P // the zero value once freed
	free    func(P)
}

// own attaches an object of the C library to one of Go's, with which it is freed if nobody closes it before.
func own[T any, P comparable](owner *T, pointer P, free func(P)) *handle[P] {
	owned := &handle[P]{pointer: pointer, free: free}
	runtime.AddCleanup(owner, (*handle[P]).close, owned)
	return owned
}

// acquire gives the pointer for one call, until release. The caller keeps the owner alive meanwhile (runtime.KeepAlive),
// or its cleanup could free the object before the call has begun.
func (h *handle[P]) acquire() (P, error) {
	var none P
	if h == nil { // of a zero Auth
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

// take gives the pointer away, so that it is not freed here.
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

// cString is a copy of a string that ends in NUL, in Go's memory: C reads it during the call and keeps nothing.
type cString []byte

// newCString refuses a string that holds a NUL with the status that the library has for other bad characters there.
func newCString(text string, refusal Status) (cString, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, refusal
	}
	terminated := make(cString, len(text)+1)
	copy(terminated, text)
	return terminated, nil
}

func (s cString) pointer() *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(s)))
}

// wipe is for copies of secret keys and tokens.
func (s cString) wipe() {
	clear(s)
}

// chars is a string for a function that takes a length.
func chars(text string) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text)))
}

// bytesOf is the same for bytes.
func bytesOf(data []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(data)))
}

// takeString copies a string that the library has handed out, and has it wiped and freed.
func takeString(text *C.char) string {
	defer C.tc_auth_string_free(text)
	return C.GoString(text)
}
