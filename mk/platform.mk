# The system that the library is built for, the names that files have there, and the libraries that it needs.

# The system that the library is for: Linux, Darwin or Windows. Any other system is treated as one with ELF.
SYSTEM := $(or $(if $(findstring -apple-,$(CARGO_BUILD_TARGET)),Darwin),$(if $(findstring -windows-,$(CARGO_BUILD_TARGET)),Windows),$(if $(findstring -linux-,$(CARGO_BUILD_TARGET)),Linux),$(shell uname -s))

# What linkers look for, the name that programs record and look for, and the file.
ifeq ($(SYSTEM),Windows)
LINK_NAME := libtc_auth.dll.a
SONAME := tc_auth.dll
SHARED_FILE := $(SONAME)
SHARED_LIBRARY := $(RELEASE)/$(SONAME)
EXE := .exe
else ifeq ($(SYSTEM),Darwin)
LINK_NAME := libtc_auth.dylib
SONAME := libtc_auth.$(MAJOR).dylib
SHARED_FILE := libtc_auth.$(VERSION).dylib
SHARED_LIBRARY := $(RELEASE)/$(LINK_NAME)
else
LINK_NAME := libtc_auth.so
SONAME := libtc_auth.so.$(MAJOR)
SHARED_FILE := libtc_auth.so.$(VERSION)
SHARED_LIBRARY := $(RELEASE)/$(LINK_NAME)
endif
STATIC_LIBRARY := $(RELEASE)/libtc_auth.a
# What a static Rust library needs of the system. With musl it is what a compiler adds by itself.
ifeq ($(SYSTEM),Windows)
SYSTEM_LIBRARIES := -lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp
else ifneq ($(findstring musl,$(CARGO_BUILD_TARGET)),)
SYSTEM_LIBRARIES :=
else ifeq ($(SYSTEM),Linux)
SYSTEM_LIBRARIES := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
else
SYSTEM_LIBRARIES := -lpthread -lm
endif

# The platforms that packaging/platform.sh can build for from Linux.
PLATFORMS := glibc2.17 aarch64 musl aarch64-musl windows windows-aarch64 macos macos-x86_64
