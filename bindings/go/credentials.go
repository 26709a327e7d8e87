package tcauth

// #include "library.h"
import "C"

import "runtime"

// FromJSON makes an Auth from the platform's parameters in a JSON object: tc_token, tc_token_expires, tc_api_path, and
// tc_api_access_id with tc_api_secret_key (or the older api_access_id with api_secret_key).
//
// Errors: [ErrConfigSyntax], [ErrNoCredentials], or the error for an invalid value, such as [ErrInvalidToken].
func FromJSON(json []byte) (*Auth, error) {
	return newAuth(func(out **C.tc_auth) C.tc_auth_status {
		return C.tc_auth_from_json(bytesOf(json), C.size_t(len(json)), out)
	})
}

// FromArgs makes an Auth from command-line arguments: --tc_token X or --tc_token=X, and the other names of [FromJSON]
// in the same form. Other arguments are ignored, so os.Args can be passed as it is.
//
// Errors: [ErrConfigSyntax], [ErrNoCredentials], [ErrInvalidArgument] (a NUL), or the error for an invalid value.
func FromArgs(args []string) (*Auth, error) {
	argv, err := newArgv(args)
	if err != nil {
		return nil, err
	}
	defer argv.free()
	return newAuth(func(out **C.tc_auth) C.tc_auth_status {
		return C.tc_auth_from_args(argv.count(), argv.pointer(), out)
	})
}

// FromEnv makes an Auth from TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID and TC_API_SECRET_KEY. Call it
// before you start goroutines that set variables.
//
// Errors: [ErrNoCredentials], or the error for an invalid value.
func FromEnv() (*Auth, error) {
	return newAuth(func(out **C.tc_auth) C.tc_auth_status {
		return C.tc_auth_from_env(out)
	})
}

// FromParamFile makes an Auth from the encrypted file in which the platform passes parameters. The file is not deleted.
//
// Errors: [ErrConfigIO], [ErrConfigDecrypt], [ErrConfigSyntax], [ErrNoCredentials], [ErrInvalidArgument] (a NUL), or
// the error for an invalid value.
func FromParamFile(path, key string) (*Auth, error) {
	file, err := newCString(path, ErrInvalidArgument)
	if err != nil {
		return nil, err
	}
	secret, err := newCString(key, ErrInvalidArgument)
	if err != nil {
		return nil, err
	}
	defer secret.wipe()
	return newAuth(func(out **C.tc_auth) C.tc_auth_status {
		return C.tc_auth_from_param_file(file.pointer(), secret.pointer(), out)
	})
}

// Discover looks for the platform's parameters in the arguments, then in the file that TC_APP_PARAM_FILE and
// TC_APP_PARAM_KEY name, then in the environment. It uses only the first source that contains credentials. why says,
// without secrets, which names were found in which source; if a source fails, the error says it too.
//
// Errors: those of [FromArgs], [FromParamFile] and [FromEnv].
func Discover(args []string) (auth *Auth, why string, err error) {
	argv, err := newArgv(args)
	if err != nil {
		return nil, "", err
	}
	defer argv.free()
	var looked *C.char
	auth, err = newAuth(func(out **C.tc_auth) C.tc_auth_status {
		return C.tc_auth_discover(argv.count(), argv.pointer(), &looked, out)
	})
	why = takeString(looked)
	return auth, why, explain(err, why)
}

// argv is an array of C strings in Go's memory. It is pinned while C reads it.
type argv struct {
	copies   []cString
	pointers []*C.char
	pinner   runtime.Pinner
}

func newArgv(args []string) (*argv, error) {
	made := &argv{}
	for _, arg := range args {
		copied, err := newCString(arg, ErrInvalidArgument)
		if err != nil {
			made.free()
			return nil, err
		}
		made.pinner.Pin(copied.pointer())
		made.copies = append(made.copies, copied)
		made.pointers = append(made.pointers, copied.pointer())
	}
	return made, nil
}

func (a *argv) count() C.int32_t {
	return C.int32_t(len(a.pointers))
}

func (a *argv) pointer() **C.char {
	if len(a.pointers) == 0 {
		return nil
	}
	return &a.pointers[0]
}

func (a *argv) free() {
	a.pinner.Unpin()
	for _, copied := range a.copies {
		copied.wipe()
	}
}
