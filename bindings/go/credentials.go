package tcauth

import "example.com/tcauth/internal/capi"

// FromJSON makes an Auth from the platform's parameters in a JSON object: tc_token, tc_token_expires, tc_api_path, and
// tc_api_access_id with tc_api_secret_key (or the older api_access_id with api_secret_key).
//
// Errors: [ErrConfigSyntax], [ErrNoCredentials], or the error for an invalid value, such as [ErrInvalidToken].
func FromJSON(json []byte) (*Auth, error) {
	return newAuth(capi.FromJSON(json))
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
	defer argv.Free()
	return newAuth(capi.FromArgs(argv))
}

// FromEnv makes an Auth from TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID and TC_API_SECRET_KEY. Call it
// before you start goroutines that set variables.
//
// Errors: [ErrNoCredentials], or the error for an invalid value.
func FromEnv() (*Auth, error) {
	return newAuth(capi.FromEnv())
}

// FromParamFile makes an Auth from the encrypted file in which the platform passes parameters. The file is not deleted.
//
// Errors: [ErrConfigIO], [ErrConfigDecrypt], [ErrConfigSyntax], [ErrNoCredentials], [ErrInvalidArgument] (a NUL), or
// the error for an invalid value.
func FromParamFile(path, key string) (*Auth, error) {
	file, err := newString(path, ErrInvalidArgument)
	if err != nil {
		return nil, err
	}
	secret, err := newString(key, ErrInvalidArgument)
	if err != nil {
		return nil, err
	}
	defer secret.Wipe()
	return newAuth(capi.FromParamFile(file, secret))
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
	defer argv.Free()
	pointer, why, status := capi.Discover(argv)
	auth, err = newAuth(pointer, status)
	return auth, why, explain(err, why)
}

func newArgv(args []string) (*capi.Argv, error) {
	if argv, ok := capi.NewArgv(args); ok {
		return argv, nil
	}
	return nil, ErrInvalidArgument
}
