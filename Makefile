# `make help` lists what there is to make.

CARGO ?= cargo
CC ?= cc
CXX ?= c++
CFLAGS ?= -O2 -g
TARGET := $(or $(CARGO_TARGET_DIR),$(CARGO_BUILD_TARGET_DIR),target)
ifneq ($(word 2,$(TARGET)),)
$(error CARGO_TARGET_DIR must not hold a space: make can't handle it)
endif
# Where cargo puts the library: below the target's name when it is told one.
RELEASE := $(TARGET)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release
BUILD := $(TARGET)/c$(CARGO_BUILD_TARGET:%=-%)
DOCS := $(TARGET)/docs
# Not spelled $(MAKE) in the recipe, for `make -n` would then run the tests.
SUBMAKE := $(MAKE)
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion

# The system that the library is for: Linux, Darwin or Windows; any other is taken for one with ELF.
SYSTEM := $(or $(if $(findstring -apple-,$(CARGO_BUILD_TARGET)),Darwin),$(if $(findstring -windows-,$(CARGO_BUILD_TARGET)),Windows),$(if $(findstring -linux-,$(CARGO_BUILD_TARGET)),Linux),$(shell uname -s))
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# build.rs puts it into the name that the library has for the linker.
MAJOR := $(firstword $(subst ., ,$(VERSION)))

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
TC_SIGN := $(BUILD)/tc-sign$(EXE)
# What the test programs are started with looks here; a DLL is named so from the start.
SONAME_LINK := $(RELEASE)/$(SONAME)

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

PKG_CONFIG_FILE := $(BUILD)/pkgconfig/tc_auth.pc

# Where `make install` puts things; DESTDIR comes before all of them.
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
DOCDIR ?= $(PREFIX)/share/doc/tc_auth
MANDIR ?= $(PREFIX)/share/man
ifneq ($(words $(PREFIX) $(BINDIR) $(INCLUDEDIR) $(LIBDIR) $(DOCDIR) $(MANDIR)),6)
$(error PREFIX, BINDIR, INCLUDEDIR, LIBDIR, DOCDIR and MANDIR can't be empty and can't hold spaces; DESTDIR can)
endif
INSTALL ?= install
# Else what is written here would have the mode that the caller's umask gives it.
INSTALL_FROM_STDIN = $(INSTALL) -m 644 /dev/stdin
# That of GNU, as macOS calls it when it is there.
REALPATH := $(shell command -v grealpath || echo realpath)
PKG_CONFIG_DIR = $(LIBDIR)/pkgconfig
CMAKE_DIR = $(LIBDIR)/cmake/tc_auth

COMPILE = @mkdir -p $(@D) && $(CC) -std=c99 $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(WERROR) -Iinclude -I$(BUILD) $< -o $@ $(LDFLAGS)
COMPILE_CXX = @mkdir -p $(@D) && $(CXX) -std=c++17 $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(WERROR) -Iinclude $< -o $@ $(LDFLAGS)

# What packaging/platform.sh knows.
PLATFORMS := glibc2.17 aarch64 musl aarch64-musl windows macos macos-x86_64

.PHONY: help lib demo examples test test-core test-cpp test-go test-java test-dotnet test-platforms test-list $(PLATFORMS:%=cross-%) bench bench-bindings docs install uninstall dist deb abi abi-check model storm soak check check-address check-thread check-valgrind miri fuzz-smoke header coverage lint deny clean FORCE
.DELETE_ON_ERROR:

help:
	@echo 'make lib      build the library: $(SHARED_LIBRARY), $(STATIC_LIBRARY), and tc-sign'
	@echo 'make demo     build it and print the headers of a request: start here'
	@echo 'make examples build the programs of examples-c/ into $(BUILD)'
	@echo 'make test     run all tests; what needs an absent tool is reported as SKIP'
	@echo 'make test T=Go  run the tests that have "Go" in their names; make test-list prints the names'
	@echo 'make test-core, test-cpp, test-go, test-java, test-dotnet: the tests of the library without its bindings, or of one binding'
	@echo 'make install  what make lib has built, below PREFIX ($(PREFIX)); DESTDIR, LIBDIR, INCLUDEDIR, BINDIR, DOCDIR, MANDIR; make uninstall'
	@echo 'make docs     the reference: $(DOCS)/html, and the man pages that make install then installs, too (needs doxygen, python3)'
	@echo 'make cross-PLATFORM builds for another one, installed below $(TARGET)/cross: $(PLATFORMS)'
	@echo 'make test-platforms does that for all of them and runs what can be run here'
	@echo 'make bench    what a call costs beside other ways to sign, into $(TARGET)/benches/results (some minutes)'
	@echo 'make bench-bindings: what a signed request costs in each language, beside its usual way'
	@echo 'make model    check every interleaving of the threads that renew a token, with loom'
	@echo 'make storm    compare with TcEx under load, for four minutes (what it needs, make test says)'
	@echo 'make soak     after two minutes of planted faults, renew and sign for MINUTES=30 while renewals fail in all ways (SEED=n); docs/testing.md'
	@echo 'make check    run the C and C++ tests and a storm under sanitizers and valgrind (or check-address, check-thread, check-valgrind); run by root, it installs what is missing'
	@echo 'make miri     run the tests of the core and of the C border in Miri, which knows undefined behaviour (needs nightly Rust)'
	@echo 'make fuzz-smoke SECONDS=30 FUZZ="sign url": each fuzz target, or those named, so long, and a planted fault that it must find'
	@echo 'make coverage how much of each file the tests in Rust and C run'
	@echo 'make dist     $(TARGET)/dist/tc_auth-$(VERSION).tar.gz, of what is committed, with its checksum'
	@echo 'make deb      Debian packages of that tarball, in $(TARGET)/deb'
	@echo 'make abi-check compare the ABI with that of the last release; make abi records it for a new one'
	@echo 'make header   write include/tc_auth.h anew after a change in src/ffi'
	@echo 'make lint     rustfmt and clippy, warnings denied'
	@echo 'make deny     licences, sources and versions of all dependencies, and their advisories, with cargo-deny'
	@echo 'make clean    remove what was built'
	@echo
	@echo 'CC, CXX, CPPFLAGS, CFLAGS, LDFLAGS, CARGO and CARGO_TARGET_DIR are respected; the last also serves a read-only source tree.'
	@echo 'make test REQUIRE_ALL=1 counts a skipped test as a failed one.'

lib: $(SONAME_LINK) $(PKG_CONFIG_FILE) $(TC_SIGN)

CARGO_BUILD = $(CARGO) rustc --release --locked --lib --crate-type cdylib,staticlib

# Cargo knows when there is something to build, and leaves the files alone when there is not. It makes all kinds of library
# of one piece, and for Rust's own kind can't optimize at link time: so that one is left out.
$(STATIC_LIBRARY): FORCE
	$(CARGO_BUILD)
	@SYSTEM='$(SYSTEM)' OBJCOPY='$(OBJCOPY)' sh packaging/hide_symbols.sh $@

$(SHARED_LIBRARY): $(STATIC_LIBRARY) ;

ifneq ($(SONAME_LINK),$(SHARED_LIBRARY))
$(SONAME_LINK): $(SHARED_LIBRARY)
	@ln -sf $(<F) $@
endif

FILL_IN = sed -e 's|@VERSION@|$(VERSION)|' -e 's|@SONAME@|$(SONAME)|' -e 's|@SHARED_FILE@|$(SHARED_FILE)|' \
	-e 's|@LINK_NAME@|$(LINK_NAME)|' -e 's|@LIBS_PRIVATE@|$(SYSTEM_LIBRARIES)|'
RELATIVE = $(or $(shell $(REALPATH) -m --relative-to='$(2)' '$(1)'),$(error GNU realpath is needed, of coreutils))

# For this directory, so that what asks pkg-config for tc_auth can be built before it is installed.
$(PKG_CONFIG_FILE): packaging/tc_auth.pc.in Cargo.toml Makefile
	@mkdir -p $(@D)
	@$(FILL_IN) -e 's|@PREFIX@|$(CURDIR)|' -e 's|@LIBDIR@|$(abspath $(RELEASE))|' -e 's|@INCLUDEDIR@|$${prefix}/include|' $< > $@

# Windows looks for a DLL where the program is, and in the PATH.
SHARED_DIR = $(if $(filter Windows,$(SYSTEM)),$(BINDIR),$(LIBDIR))

INSTALLED = $(addprefix $(INCLUDEDIR)/,tc_auth.h tc_auth.hpp tc_auth.cppm) $(SHARED_DIR)/$(SHARED_FILE) $(SHARED_DIR)/$(SONAME) \
	$(LIBDIR)/$(LINK_NAME) $(LIBDIR)/libtc_auth.a $(PKG_CONFIG_DIR)/tc_auth.pc $(CMAKE_DIR)/tc_authConfig.cmake \
	$(CMAKE_DIR)/tc_authConfigVersion.cmake $(BINDIR)/$(notdir $(TC_SIGN)) $(MANDIR)/man1/tc-sign.1 $(DOCDIR)/LICENSE $(DOCDIR)/copyright

# The reference is there when `make docs` was called.
MAN3 = $(wildcard $(DOCS)/man/man3/*.3)

# The description files find everything from where they are, so that the whole can be moved. What is built already is
# not built again, for whoever may write there, root mostly, may have no cargo.
install: $(if $(and $(wildcard $(SHARED_LIBRARY)),$(wildcard $(STATIC_LIBRARY)),$(wildcard $(TC_SIGN))),,lib) | $(filter docs,$(MAKECMDGOALS))
	$(INSTALL) -d $(foreach directory,$(sort $(dir $(INSTALLED))),'$(DESTDIR)$(directory)')
	$(INSTALL) -m 644 include/tc_auth.h include/tc_auth.hpp include/tc_auth.cppm '$(DESTDIR)$(INCLUDEDIR)'
	$(INSTALL) -m 755 $(SHARED_LIBRARY) '$(DESTDIR)$(SHARED_DIR)/$(SHARED_FILE)'
ifeq ($(SYSTEM),Windows)
	$(INSTALL) -m 644 $(RELEASE)/$(LINK_NAME) '$(DESTDIR)$(LIBDIR)'
else
	ln -sf $(SHARED_FILE) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/$(LINK_NAME)'
endif
	$(INSTALL) -m 644 $(STATIC_LIBRARY) '$(DESTDIR)$(LIBDIR)'
	$(INSTALL) -m 644 LICENSE packaging/debian/copyright '$(DESTDIR)$(DOCDIR)'
	$(INSTALL) -m 755 $(TC_SIGN) '$(DESTDIR)$(BINDIR)/$(notdir $(TC_SIGN))'
	$(FILL_IN) packaging/tc-sign.1.in | $(INSTALL_FROM_STDIN) '$(DESTDIR)$(MANDIR)/man1/tc-sign.1'
	$(if $(MAN3),$(INSTALL) -d '$(DESTDIR)$(MANDIR)/man3' && $(INSTALL) -m 644 $(MAN3) '$(DESTDIR)$(MANDIR)/man3')
	$(FILL_IN) -e 's|@PREFIX@|$${pcfiledir}/$(call RELATIVE,$(PREFIX),$(PKG_CONFIG_DIR))|' \
		-e 's|@LIBDIR@|$${prefix}/$(call RELATIVE,$(LIBDIR),$(PREFIX))|' \
		-e 's|@INCLUDEDIR@|$${prefix}/$(call RELATIVE,$(INCLUDEDIR),$(PREFIX))|' \
		packaging/tc_auth.pc.in | $(INSTALL_FROM_STDIN) '$(DESTDIR)$(PKG_CONFIG_DIR)/tc_auth.pc'
	$(FILL_IN) -e 's|@CMAKE_TO_INCLUDE@|$(call RELATIVE,$(INCLUDEDIR),$(CMAKE_DIR))|' \
		-e 's|@CMAKE_TO_SHARED@|$(call RELATIVE,$(SHARED_DIR),$(CMAKE_DIR))|' \
		packaging/tc_authConfig.cmake.in | $(INSTALL_FROM_STDIN) '$(DESTDIR)$(CMAKE_DIR)/tc_authConfig.cmake'
	$(FILL_IN) packaging/tc_authConfigVersion.cmake.in | $(INSTALL_FROM_STDIN) '$(DESTDIR)$(CMAKE_DIR)/tc_authConfigVersion.cmake'

uninstall:
	rm -f $(foreach file,$(INSTALLED),'$(DESTDIR)$(file)') '$(DESTDIR)$(MANDIR)/man3/tc_auth'[._]*3
	rmdir '$(DESTDIR)$(CMAKE_DIR)' '$(DESTDIR)$(DOCDIR)' 2>/dev/null || true

# What is missing for a platform, this names, with the command that installs it.
$(PLATFORMS:%=cross-%): cross-%:
	@MAKE='$(SUBMAKE)' CARGO='$(CARGO)' TARGET='$(TARGET)' sh packaging/cross.sh $*

demo: lib
	@set -- 'TC_API_ACCESS_ID=12345678901234567890' 'TC_API_SECRET_KEY=tc_auth-example-secret' \
		$(TC_SIGN) GET 'https://company.example/api/v3/indicators?resultLimit=10'; \
	printf "\$$ %s %s %s %s '%s'\n" "$$@"; env -u TC_TOKEN -u TC_APP_PARAM_FILE -u TC_API_PATH "$$@"

examples: $(TC_SIGN) $(BUILD)/sign_into $(BUILD)/curl_request $(BUILD)/curl_session $(if $(shell command -v $(firstword $(CXX))),$(BUILD)/curl_session-cpp)

# All of them, or those of one binding.
test test-core test-cpp test-go test-java test-dotnet test-platforms: lib
	@MAKE='$(SUBMAKE)' CARGO='$(CARGO)' CC='$(CC)' CXX='$(CXX)' TARGET='$(TARGET)' RELEASE='$(RELEASE)' BUILD='$(BUILD)' \
	REQUIRE_ALL='$(REQUIRE_ALL)' WARNINGS='$(WARNINGS) -Werror' T='$(T)' sh tests/run.sh $(patsubst test-%,%,$(filter test-%,$@))

test-list:
	@TARGET='$(TARGET)' LIST=1 sh tests/run.sh

bench: lib
	@TARGET='$(TARGET)' RELEASE='$(RELEASE)' CARGO='$(CARGO)' sh benches/run.sh

bench-bindings: lib
	@TARGET='$(TARGET)' RELEASE='$(RELEASE)' sh tests/bench_bindings.sh

# From the headers. A warning is an error.
docs:
	@command -v doxygen >/dev/null && command -v python3 >/dev/null || { echo 'apt-get install doxygen python3' >&2; exit 1; }
	@rm -rf $(DOCS)
	@mkdir -p $(DOCS)
	@{ cat docs/Doxyfile; echo 'PROJECT_NUMBER = $(VERSION)'; echo 'OUTPUT_DIRECTORY = $(DOCS)'; } | doxygen -
	@python3 docs/man.py $(DOCS)/xml $(DOCS)/man/man3 $(VERSION)
	@rm -r $(DOCS)/xml
	@echo $(DOCS)/html/index.html, $(DOCS)/man

# What is committed, with the time of the commit and modes that nobody's settings change: the same bytes wherever it is made.
dist:
	@git rev-parse HEAD >/dev/null || { echo 'make dist packs what is committed: it needs a git clone' >&2; exit 1; }
	@mkdir -p $(TARGET)/dist
	@git -c tar.umask=0022 archive --prefix=tc_auth-$(VERSION)/ -o $(TARGET)/dist/tc_auth-$(VERSION).tar HEAD
	@gzip -9nf $(TARGET)/dist/tc_auth-$(VERSION).tar
	@cd $(TARGET)/dist && sha256sum tc_auth-$(VERSION).tar.gz > tc_auth-$(VERSION).tar.gz.sha256
	@cat $(TARGET)/dist/tc_auth-$(VERSION).tar.gz.sha256

deb: dist
	@sh packaging/deb.sh $(TARGET)/dist/tc_auth-$(VERSION).tar.gz $(TARGET)/deb

abi abi-check: lib
	@TARGET='$(TARGET)' RELEASE='$(RELEASE)' CC='$(CC)' sh tests/abi.sh $(if $(filter abi,$@),write,check)

header:
	TC_AUTH_WRITE_HEADER=1 $(CARGO) test --locked --test header

# With at most three preemptions, which finds nearly everything in seconds; `make model PREEMPTIONS=` explores all.
PREEMPTIONS ?= 3
model:
	$(if $(PREEMPTIONS),LOOM_MAX_PREEMPTIONS=$(PREEMPTIONS)) RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=$(TARGET)/loom $(CARGO) test --locked --release --lib model -- --nocapture

storm: $(BUILD)/storm
	$(TARGET)/tcex/bin/python tests/platform/storm.py $(BUILD) 120 30

MINUTES ?= 30
soak: $(BUILD)/soak
	@python3 tests/platform/soak.py $(BUILD)/soak $(MINUTES) $(SEED)

check check-address check-thread check-valgrind:
	@MAKE='$(SUBMAKE)' CARGO='$(CARGO)' CC='$(CC)' CXX='$(CXX)' TARGET='$(TARGET)' sh tests/check.sh $(patsubst check-%,%,$(filter check-%,$@))

# The core and the C border. Random inputs are few, for all is a thousand times as slow.
miri:
	@$(CARGO) +nightly miri --version >/dev/null 2>&1 || { echo 'rustup toolchain install nightly --component miri' >&2; exit 1; }
	MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=2 CARGO_TARGET_DIR=$(TARGET)/miri $(CARGO) +nightly miri test --locked --lib --test allocations --test wiping

# All targets, or those that are named: make fuzz-smoke FUZZ='sign url'
SECONDS = 30
fuzz-smoke:
	@TARGET='$(TARGET)' CARGO='$(CARGO)' CXX='$(CXX)' SECONDS_EACH='$(SECONDS)' sh tests/fuzz.sh $(FUZZ)

coverage:
	@TARGET='$(TARGET)' CARGO='$(CARGO)' CC='$(CC)' sh tests/coverage.sh

lint:
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) fmt --check --manifest-path benches/Cargo.toml

# With the network: for crates of other platforms, and for the advisories.
deny:
	@command -v cargo-deny >/dev/null || { echo 'cargo install --locked cargo-deny' >&2; exit 1; }
	@for checks in 'licenses bans sources' advisories; do \
		for workspace in . benches fuzz; do \
			$(CARGO) deny --locked -L error --manifest-path $$workspace/Cargo.toml check $$checks || exit 1; \
		done; \
	done

clean:
	$(CARGO) clean

# The examples.

$(TC_SIGN): examples-c/tc_sign.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) $(SYSTEM_LIBRARIES)

$(BUILD)/sign_into: examples-c/sign_into.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) $(SYSTEM_LIBRARIES)

$(BUILD)/curl_request $(BUILD)/curl_session: $(BUILD)/%: examples-c/%.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)

$(BUILD)/curl_session-cpp: examples-c/curl_session.cpp include/tc_auth.hpp include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE_CXX) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)

$(BUILD)/storm $(BUILD)/soak $(BUILD)/session: $(BUILD)/%: tests/c/%.c tests/c/measure.h examples-c/curl_session.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)

# The C tests, each linked with both libraries.

$(BUILD)/cases.h: $(wildcard tests/vectors/*.json) tests/c/cases.rs tests/support/mod.rs
	@mkdir -p $(@D)
	$(CARGO) run --locked --quiet --example c_cases > $@

$(BUILD)/test_cases-static $(BUILD)/test_cases-shared: $(BUILD)/cases.h

$(BUILD)/%-static: tests/c/%.c tests/c/check.h tests/c/measure.h include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) $(SYSTEM_LIBRARIES)

$(BUILD)/%-shared: tests/c/%.c tests/c/check.h include/tc_auth.h $(SONAME_LINK)
	$(COMPILE) -L$(RELEASE) -ltc_auth -lpthread

# For C++; tests/run.sh builds the other tests, with each compiler.

$(BUILD)/conformance-cpp: tests/cpp/conformance.cpp examples-c/curl_session.cpp include/tc_auth.hpp include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE_CXX) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)

FORCE:
