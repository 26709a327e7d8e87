package tcauth

import (
	"fmt"
	"log/slog"

	"example.com/tcauth/internal/capi"
)

// ShareIn shares the token with all processes of the family that use the same directory: they renew it once, and each of
// them gets the new one. It uses a newer token that is already there. Call it once, before others use the Auth.
//
// directory must exist, on a local file system, and belong to the same user or to root, and other users must not be able to
// rename files in it. All processes run on one machine, as one user. Do not delete, rename or restore files there while
// processes use them. key is as in [Auth.Seal], the same in all processes.
//
// Afterwards [Auth.Poll] waits for the renewal of another process, too. [Renewal.Complete] and [Auth.UpdateToken] wait for
// the disk. If they return [ErrStoreIO], the token counts, but was not saved; later polls try again.
//
// Errors: [ErrWrongKind], [ErrInvalidArgument] (the key, or a NUL), [ErrAlreadySet], [ErrSealInvalid] (the file can't be
// unsealed, for example with this key), [ErrSealVersion], [ErrStoreIO] (the directory or a file can't be used). Then the
// Auth is as before, and you may call ShareIn again.
func (a *Auth) ShareIn(directory string, key []byte) error {
	path, err := newString(directory, ErrInvalidArgument)
	if err != nil {
		return err
	}
	keys, err := newKey(key)
	if err != nil {
		return err
	}
	defer keys.Wipe()
	return a.call(func(pointer *capi.Auth) int32 {
		defer a.changes.wake()
		status := capi.ShareIn(pointer, path, keys)
		if Status(status) == OK {
			a.changes.shared.Store(&directory)
		}
		return status
	})
}

// A Sharing says where an Auth shares its token with other processes. Its fields are the arguments of [Auth.ShareIn].
type Sharing struct {
	Directory string
	Key       []byte // nil means none
}

// apply shares the token, unless the Auth already shares it in this directory.
func (s *Sharing) apply(auth *Auth) error {
	if auth.changes == nil { // the zero value of Auth
		return ErrClosed
	}
	if shared := auth.changes.shared.Load(); shared != nil && *shared == s.Directory {
		return nil
	}
	auth.changes.sharing.Lock()
	defer auth.changes.sharing.Unlock()
	if shared := auth.changes.shared.Load(); shared != nil && *shared == s.Directory {
		return nil
	}
	return auth.ShareIn(s.Directory, s.Key)
}

// String returns the directory, and whether there is a key, which is secret.
func (s Sharing) String() string {
	if s.Key == nil {
		return s.Directory + ", without a key"
	}
	return s.Directory + ", with a key"
}

// Format prints String for every verb, so that %+v and %#v show no fields.
func (s Sharing) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, s.String())
}

// MarshalText returns String: encoding/json and the like write it.
func (s Sharing) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

// LogValue returns String, for log/slog.
func (s Sharing) LogValue() slog.Value {
	return slog.StringValue(s.String())
}

// Family returns the name of the family: all processes that started with the same token. It consists of 32 hexadecimal
// digits, and stays the same when the token changes. Use it as the key of an entry in a store, and as the name of its
// lock. Start all processes with the first token, never with a later one.
//
// Errors: [ErrWrongKind].
func (a *Auth) Family() (string, error) {
	return callFor(a, capi.Family)
}

// Seal encrypts the current token and its expiry into one line, to store it for the other processes of the family. Equal
// inputs give equal lines.
//
// key is one to four keys, one per line: the first one seals, each of them unseals. Use at least 128 random bits, such as
// 32 random hexadecimal digits. With nil there is no key: then whoever knows the family's first token, even a dead one,
// can read the current token and forge lines. An empty key that is not nil is refused, as it is probably a mistake.
//
// Errors: [ErrWrongKind], [ErrInvalidArgument] (the key), [ErrSealInvalid].
func (a *Auth) Seal(key []byte) (string, error) {
	keys, err := newKey(key)
	if err != nil {
		return "", err
	}
	defer keys.Wipe()
	return callFor(a, func(pointer *capi.Auth) (string, int32) { return capi.Seal(pointer, keys) })
}

// Unseal reads a line that [Auth.Seal] made in this or another process, and uses its token if it is newer. Goroutines
// that wait for a renewal then go on.
//
// Errors: [ErrWrongKind], [ErrInvalidArgument] (the key), [ErrSealInvalid] (a wrong key, another family, or any change of
// the line), [ErrSealVersion]. Then nothing changes.
func (a *Auth) Unseal(sealed string, key []byte) (Unsealed, error) {
	keys, err := newKey(key)
	if err != nil {
		return UnsealedSame, err
	}
	defer keys.Wipe()
	outcome, err := callFor(a, func(pointer *capi.Auth) (int32, int32) {
		defer a.changes.wake()
		return capi.Unseal(pointer, sealed, keys)
	})
	return Unsealed(outcome), err
}

// An Unsealed says what a sealed token was, compared with the current one. A later C library may have more values.
type Unsealed int32

// The outcomes of Unseal.
const (
	UnsealedSame    Unsealed = 0 // the same token, with the same expiry
	UnsealedAdopted Unsealed = 1 // newer: it is the current token now
	UnsealedOlder   Unsealed = 2 // older: store what Seal returns
)

var unsealedNames = map[Unsealed]string{UnsealedSame: "SAME", UnsealedAdopted: "ADOPTED", UnsealedOlder: "OLDER"}

// String returns the name of the constant in C, without its prefix.
func (u Unsealed) String() string {
	return name(unsealedNames, u)
}

// LogValue returns String, so that a log in JSON contains no number.
func (u Unsealed) LogValue() slog.Value {
	return slog.StringValue(u.String())
}

// newKey returns nil, which C takes as no key, for nil.
func newKey(key []byte) (capi.String, error) {
	if key == nil {
		return nil, nil
	}
	return newString(key, ErrInvalidArgument)
}
