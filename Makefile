# `make help` lists what there is to make. This file has the library and what is made of it; mk/ has the rest:
# platform.mk the names of files on each system, install.mk packaging, python.mk the Python package, node.mk the packages for
# Node.js, go.mk the Go module, java.mk the jar, programs.mk C and C++, test.mk tests and checks.

CARGO ?= cargo
CC ?= cc
CXX ?= c++
CFLAGS ?= -O2 -g
TARGET := $(or $(CARGO_TARGET_DIR),$(CARGO_BUILD_TARGET_DIR),target)
ifneq ($(word 2,$(TARGET)),)
$(error CARGO_TARGET_DIR can't hold a space: make can't handle it)
endif
# Cargo adds the name of its build target, if it is told one.
RELEASE := $(TARGET)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release
BUILD := $(TARGET)/c$(CARGO_BUILD_TARGET:%=-%)
DOCS := $(TARGET)/docs
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# build.rs puts it into the name that the library has for the linker.
MAJOR := $(firstword $(subst ., ,$(VERSION)))

# The scripts that recipes start read these. Recipes don't name $(MAKE) itself, because then `make -n` would run them.
export MAKE CARGO CC CXX TARGET RELEASE BUILD WARNINGS SYSTEM OBJCOPY

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

include mk/platform.mk

TC_SIGN := $(BUILD)/tc-sign$(EXE)
PKG_CONFIG_FILE := $(BUILD)/pkgconfig/tc_auth.pc

.PHONY: help
help:
	@echo 'First steps'
	@echo '  make demo            build the library and print the headers of one request'
	@echo '  make test-quick      Rust tests, C tests and the demo: half a minute once all is built'
	@echo
	@echo 'Build'
	@echo '  make lib             $(SHARED_LIBRARY), $(STATIC_LIBRARY), and tc-sign'
	@echo '  make examples        the programs of examples-c/, into $(BUILD)'
	@echo '  make docs            HTML and man pages, into $(DOCS) (needs doxygen and python3)'
	@echo '  make cross-PLATFORM  the library for another platform, into $(TARGET)/cross: $(PLATFORMS)'
	@echo '  make header          write include/tc_auth.h again, after a change in src/ffi'
	@echo '  make clean           remove everything that was built'
	@echo
	@echo 'Install and package'
	@echo '  make install         install what make lib has built, and man pages if make docs was called'
	@echo '                       PREFIX=$(PREFIX) BINDIR INCLUDEDIR LIBDIR DOCDIR MANDIR DESTDIR'
	@echo '  make uninstall       remove it; takes the same variables'
	@echo '  make dist            pack the last commit: $(TARGET)/dist/tc_auth-$(VERSION).tar.gz'
	@echo '  make deb             Debian packages of that tarball, into $(TARGET)/deb'
	@echo '  make python          Python wheels for all platforms, and the sources, into $(TARGET)/wheels (PLATFORMS=musl)'
	@echo '  make python-docs     the reference of the Python package, into $(TARGET)/python-docs'
	@echo '  make node            npm packages with the add-on for all platforms, into $(TARGET)/npm (PLATFORMS=musl)'
	@echo '  make node-addon      the add-on for this machine, into bindings/node'
	@echo '  make node-docs       the reference of the Node.js package, into $(TARGET)/node-docs'
	@echo '  make go-module       the Go module that contains the library for all platforms, into $(TARGET)/go (needs llvm)'
	@echo '                       GO_MODULE=$(GO_MODULE) GO_VERSION=v$(VERSION)'
	@echo '  make java            the jar with the libraries of all platforms, into $(TARGET)/java (PLATFORMS=musl: only that one)'
	@echo '  make java-deploy     sign that jar, and upload it to Maven Central'
	@echo
	@echo 'Test'
	@echo '  make test            all tests, about 30 minutes; make check is the same'
	@echo '  make test T=Go       the tests that have "Go" in their names'
	@echo '  make test-list       the names of all tests'
	@echo '  make test-core, test-cpp, test-go, test-java, test-dotnet, test-python, test-node'
	@echo '                       the library without its bindings (5 minutes), or one binding'
	@echo '  make test-java_clients  the tests of Java with the HTTP clients of other projects (12 minutes)'
	@echo '  make test-platforms  build for all other platforms, and run what can be run here (10 minutes)'
	@echo '  make java-elsewhere  sign with the jar in other versions of Java, on arm64 (qemu) and on Windows (wine)'
	@echo '  REQUIRE_ALL=1        count a skipped test as failed'
	@echo
	@echo 'More checks'
	@echo '  make lint            rustfmt, clippy and clang-format; warnings are errors'
	@echo '  make format          format all Rust, C and C++ files'
	@echo '  make sanitize        C and C++ tests with sanitizers and valgrind (5 to 10 minutes); root installs what is missing'
	@echo '  make sanitize-address, sanitize-thread, sanitize-valgrind'
	@echo '                       one of the three'
	@echo '  make miri            Rust tests in Miri, which finds undefined behaviour (needs nightly Rust)'
	@echo '  make simulate        many processes that share a token, with faults, in virtual time (SEEDS=$(SEEDS))'
	@echo '  make fleet           processes that share a token are killed and stopped, for a minute (SECONDS=300 SEED=n)'
	@echo '  make python-processes'
	@echo '                       the same in Python: gunicorn, multiprocessing, and forks of its own (SECONDS=300 SEED=n)'
	@echo '  make simulate-tables the tables of the documentation that come from it'
	@echo '  make model           all orders of the threads that renew a token, with loom (PREEMPTIONS=$(PREEMPTIONS); empty: no limit)'
	@echo '  make fuzz-smoke      each fuzz target for SECONDS=$(SECONDS) (FUZZ="sign url": only these)'
	@echo '  make storm           compare with TcEx under load, for 4 minutes'
	@echo '  make soak            renew and sign for MINUTES=$(MINUTES) while renewals fail (SEED=n: these faults again)'
	@echo '  make check-go        staticcheck, AddressSanitizer and the oldest Go, for the Go package (needs a network)'
	@echo '  make coverage        how much of each file the Rust and C tests run'
	@echo '  make abi-check       compare the ABI with that of the last release; make abi records a new one'
	@echo '  make deny            licences, sources, versions and advisories of all dependencies (needs cargo-deny)'
	@echo
	@echo 'Measure'
	@echo '  make bench           the cost of a call beside other ways to sign'
	@echo '  make bench-without-sha'
	@echo '                       the same with the SHA instructions of this CPU hidden'
	@echo '  make bench-bindings  the cost of a signed request in each language'
	@echo
	@echo 'Variables: CC, CXX, CPPFLAGS, CFLAGS, LDFLAGS, CARGO, CARGO_TARGET_DIR (everything is written there instead of target/).'

.PHONY: lib demo examples header clean FORCE

# What the test programs are started with looks for this name; a DLL has it from the start.
SONAME_LINK := $(RELEASE)/$(SONAME)

lib: $(SONAME_LINK) $(PKG_CONFIG_FILE) $(TC_SIGN)

CARGO_BUILD = $(CARGO) rustc --release --locked --lib --crate-type cdylib,staticlib

# Cargo knows if there is something to build, and leaves the files alone if there is not. It makes all kinds of library
# in one go, and can't optimize Rust's own kind at link time: so that one is left out.
$(STATIC_LIBRARY): FORCE
	$(CARGO_BUILD)
	@sh packaging/hide_symbols.sh $@

$(SHARED_LIBRARY): $(STATIC_LIBRARY) ;

ifneq ($(SONAME_LINK),$(SHARED_LIBRARY))
$(SONAME_LINK): $(SHARED_LIBRARY)
	@ln -sf $(<F) $@
endif

# For this directory: programs that ask pkg-config for tc_auth can be built before it is installed.
$(PKG_CONFIG_FILE): packaging/tc_auth.pc.in Cargo.toml Makefile mk/install.mk
	@mkdir -p $(@D)
	@$(FILL_IN) -e 's|@PREFIX@|$(CURDIR)|' -e 's|@LIBDIR@|$(abspath $(RELEASE))|' -e 's|@INCLUDEDIR@|$${prefix}/include|' $< > $@

demo: lib
	@set -- 'TC_API_ACCESS_ID=12345678901234567890' 'TC_API_SECRET_KEY=tc_auth-example-secret' \
		$(TC_SIGN) GET 'https://company.example/api/v3/indicators?resultLimit=10'; \
	printf "\$$ %s %s %s %s '%s'\n" "$$@"; env -u TC_TOKEN -u TC_APP_PARAM_FILE -u TC_API_PATH "$$@"

examples: $(TC_SIGN) $(BUILD)/sign_into $(BUILD)/curl_request $(BUILD)/curl_session $(BUILD)/curl_multi $(if $(shell command -v $(firstword $(CXX))),$(BUILD)/curl_session-cpp)

# If something is missing for the platform, the script names it, with the command that installs it.
.PHONY: $(PLATFORMS:%=cross-%)
$(PLATFORMS:%=cross-%): cross-%:
	@sh packaging/cross.sh $*

header:
	TC_AUTH_WRITE_HEADER=1 $(CARGO) test --locked --test header

clean:
	$(CARGO) clean

FORCE:

include mk/programs.mk mk/install.mk mk/python.mk mk/node.mk mk/go.mk mk/java.mk mk/test.mk
