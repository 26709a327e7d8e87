# The programs: examples and tests in C and C++.

COMPILE = @mkdir -p $(@D) && $(CC) -std=c99 $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(WERROR) -Iinclude -I$(BUILD) $< -o $@ $(LDFLAGS)
COMPILE_CXX = @mkdir -p $(@D) && $(CXX) -std=c++17 $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(WERROR) -Iinclude $< -o $@ $(LDFLAGS)

$(TC_SIGN): examples-c/tc_sign.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) $(SYSTEM_LIBRARIES)

$(BUILD)/sign_into: examples-c/sign_into.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) $(SYSTEM_LIBRARIES)

$(BUILD)/curl_request $(BUILD)/curl_session $(BUILD)/curl_multi: $(BUILD)/%: examples-c/%.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)

$(BUILD)/curl_session-cpp: examples-c/curl_session.cpp include/tc_auth.hpp include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE_CXX) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)

$(BUILD)/storm $(BUILD)/soak $(BUILD)/session $(BUILD)/left: $(BUILD)/%: tests/c/%.c tests/c/measure.h examples-c/curl_session.c include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)

# For `make fleet`, with a library that nobody gets: its tickets live for seconds.
FLEET_LIBRARY := $(RELEASE:$(TARGET)/%=$(TARGET)/fleet/%)/libtc_auth.a
$(FLEET_LIBRARY): FORCE
	RUSTFLAGS='--cfg tc_auth_short_ticket' CARGO_TARGET_DIR=$(TARGET)/fleet CARGO_PROFILE_RELEASE_LTO=off \
		CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 $(CARGO) rustc --release --locked --lib --crate-type staticlib

$(BUILD)/fleet: tests/c/fleet.c tests/c/measure.h include/tc_auth.h $(FLEET_LIBRARY)
	$(COMPILE) $(FLEET_LIBRARY) $(SYSTEM_LIBRARIES)

# For `make bench-bindings`, with the shared library, as programs use it.

$(BUILD)/bench: tests/c/bench.c include/tc_auth.h $(SONAME_LINK)
	$(COMPILE) -L$(RELEASE) -ltc_auth -lcrypto

$(BUILD)/bench-cpp: tests/cpp/bench.cpp include/tc_auth.hpp include/tc_auth.h $(SONAME_LINK)
	$(COMPILE_CXX) -L$(RELEASE) -ltc_auth -lcrypto

# The C tests, each linked with both libraries.

$(BUILD)/cases.h: $(wildcard tests/vectors/*.json) tests/c/cases.rs tests/support/mod.rs
	@mkdir -p $(@D)
	$(CARGO) run --locked --quiet --example c_cases > $@

$(BUILD)/test_cases-static $(BUILD)/test_cases-shared: $(BUILD)/cases.h

$(BUILD)/%-static: tests/c/%.c $(wildcard tests/c/*.h) include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE) $(STATIC_LIBRARY) $(SYSTEM_LIBRARIES)

$(BUILD)/%-shared: tests/c/%.c $(wildcard tests/c/*.h) include/tc_auth.h $(SONAME_LINK)
	$(COMPILE) -L$(RELEASE) -ltc_auth -lpthread

# For C++; tests/run.sh builds the other tests, with each compiler.

$(BUILD)/conformance-cpp: tests/cpp/conformance.cpp examples-c/curl_session.cpp include/tc_auth.hpp include/tc_auth.h $(STATIC_LIBRARY)
	$(COMPILE_CXX) $(STATIC_LIBRARY) -lcurl $(SYSTEM_LIBRARIES)
