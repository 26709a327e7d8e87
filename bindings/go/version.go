package tcauth

import "example.com/tcauth/internal/capi"

// Version returns the version of the loaded C library.
func Version() string {
	return capi.Version()
}

// VersionNumber returns the version of the loaded C library as a number to compare: major<<16 | minor<<8 | patch. If the
// library is older than the package needs, the program ends when it starts, with a message that names both versions.
func VersionNumber() uint32 {
	return capi.VersionNumber()
}
