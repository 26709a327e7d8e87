package capi

// #include "library.h"
import "C"

import (
	"bytes"
	"runtime"
	"unsafe"
)

// A String is a NUL-terminated copy of a string in Go's memory. C reads it only during a call.
type String []byte

// NewString returns false for a string with a NUL.
func NewString[T string | []byte](text T) (String, bool) {
	terminated := make(String, len(text)+1)
	copy(terminated, text)
	if bytes.IndexByte(terminated, 0) < len(text) {
		terminated.Wipe()
		return nil, false
	}
	return terminated, true
}

// Wipe overwrites a copy of a secret.
func (s String) Wipe() {
	clear(s)
}

// pointer is NULL for nil.
func (s String) pointer() *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(s)))
}

// An Argv is an array of C strings in Go's memory. It is pinned until Free.
type Argv struct {
	copies   []String
	pointers []*C.char
	pinner   runtime.Pinner
}

// NewArgv returns false if a string has a NUL.
func NewArgv(args []string) (*Argv, bool) {
	made := &Argv{}
	for _, arg := range args {
		copied, ok := NewString(arg)
		if !ok {
			made.Free()
			return nil, false
		}
		made.pinner.Pin(copied.pointer())
		made.copies = append(made.copies, copied)
		made.pointers = append(made.pointers, copied.pointer())
	}
	return made, true
}

func (a *Argv) count() C.int32_t {
	return C.int32_t(len(a.pointers))
}

func (a *Argv) pointer() **C.char {
	if len(a.pointers) == 0 {
		return nil
	}
	return &a.pointers[0]
}

// Free wipes the copies.
func (a *Argv) Free() {
	a.pinner.Unpin()
	for _, copied := range a.copies {
		copied.Wipe()
	}
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
