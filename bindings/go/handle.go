package tcauth

// #cgo pkg-config: tc_auth
// #include "library.h"
import "C"

import (
	"bytes"
	"errors"
	"runtime"
	"sync"
	"unsafe"
)

// ErrClosed is returned by the methods of a closed object.
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

// cString is a NUL-terminated copy of a string in Go's memory. C reads it only during the call.
type cString []byte

// newCString returns refusal for a string with a NUL. Callers pass the status that the library returns for other
// invalid characters in this argument.
func newCString[T string | []byte](text T, refusal Status) (cString, error) {
	terminated := make(cString, len(text)+1)
	copy(terminated, text)
	if bytes.IndexByte(terminated, 0) < len(text) {
		terminated.wipe()
		return nil, refusal
	}
	return terminated, nil
}

func (s cString) pointer() *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(s)))
}

// wipe overwrites a copy of a secret.
func (s cString) wipe() {
	clear(s)
}

// chars returns a pointer to the bytes of a string, without a NUL at the end, for C functions that take a length.
func chars(text string) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text)))
}

// bytesOf is chars for a slice.
func bytesOf(data []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(data)))
}

// takeString copies a string that the library returned. The library then wipes and frees its own.
func takeString(text *C.char) string {
	defer C.tc_auth_string_free(text)
	return C.GoString(text)
}
