# Installing and packaging.
.PHONY: install uninstall docs dist deb

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

FILL_IN = sed -e 's|@VERSION@|$(VERSION)|' -e 's|@SONAME@|$(SONAME)|' -e 's|@SHARED_FILE@|$(SHARED_FILE)|' \
	-e 's|@LINK_NAME@|$(LINK_NAME)|' -e 's|@LIBS_PRIVATE@|$(SYSTEM_LIBRARIES)|'
RELATIVE = $(or $(shell $(REALPATH) -m --relative-to='$(2)' '$(1)'),$(error GNU realpath is needed, of coreutils))

# Windows looks for a DLL where the program is, and in the PATH.
SHARED_DIR = $(if $(filter Windows,$(SYSTEM)),$(BINDIR),$(LIBDIR))

INSTALLED = $(addprefix $(INCLUDEDIR)/,tc_auth.h tc_auth.hpp tc_auth.cppm) $(SHARED_DIR)/$(SHARED_FILE) $(SHARED_DIR)/$(SONAME) \
	$(LIBDIR)/$(LINK_NAME) $(LIBDIR)/libtc_auth.a $(PKG_CONFIG_DIR)/tc_auth.pc $(CMAKE_DIR)/tc_authConfig.cmake \
	$(CMAKE_DIR)/tc_authConfigVersion.cmake $(BINDIR)/$(notdir $(TC_SIGN)) $(MANDIR)/man1/tc-sign.1 $(DOCDIR)/LICENSE $(DOCDIR)/copyright

# The reference is there when `make docs` was called.
MAN3 = $(wildcard $(DOCS)/man/man3/*.3)

# The files for pkg-config and CMake find everything from where they are, so that the whole can be moved. Only in /usr
# the former names the place: pkg-config leaves out "-I/usr/include", but not another spelling of it.
PKG_CONFIG_PREFIX = $(if $(filter /usr,$(abspath $(PREFIX))),/usr,$${pcfiledir}/$(call RELATIVE,$(PREFIX),$(PKG_CONFIG_DIR)))

# If the library is there, it is not built again: root, who installs, may have no cargo.
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
	$(FILL_IN) -e 's|@PREFIX@|$(PKG_CONFIG_PREFIX)|' -e 's|@LIBDIR@|$${prefix}/$(call RELATIVE,$(LIBDIR),$(PREFIX))|' \
		-e 's|@INCLUDEDIR@|$${prefix}/$(call RELATIVE,$(INCLUDEDIR),$(PREFIX))|' \
		packaging/tc_auth.pc.in | $(INSTALL_FROM_STDIN) '$(DESTDIR)$(PKG_CONFIG_DIR)/tc_auth.pc'
	$(FILL_IN) -e 's|@CMAKE_TO_INCLUDE@|$(call RELATIVE,$(INCLUDEDIR),$(CMAKE_DIR))|' \
		-e 's|@CMAKE_TO_SHARED@|$(call RELATIVE,$(SHARED_DIR),$(CMAKE_DIR))|' \
		packaging/tc_authConfig.cmake.in | $(INSTALL_FROM_STDIN) '$(DESTDIR)$(CMAKE_DIR)/tc_authConfig.cmake'
	$(FILL_IN) packaging/tc_authConfigVersion.cmake.in | $(INSTALL_FROM_STDIN) '$(DESTDIR)$(CMAKE_DIR)/tc_authConfigVersion.cmake'

uninstall:
	rm -f $(foreach file,$(INSTALLED),'$(DESTDIR)$(file)') '$(DESTDIR)$(MANDIR)/man3/tc_auth'[._]*3
	rmdir '$(DESTDIR)$(CMAKE_DIR)' '$(DESTDIR)$(DOCDIR)' 2>/dev/null || true

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
