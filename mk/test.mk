# Tests and checks. The work is done by scripts in tests/, which can be started without make, too.

# The suites that tests/run.sh knows beside "all".
TESTS := quick core cpp go java dotnet python node java_clients platforms

export REQUIRE_ALL T

.PHONY: test check $(TESTS:%=test-%) test-list
test check:
	@sh tests/run.sh

$(TESTS:%=test-%): test-%:
	@sh tests/run.sh $*

test-list:
	@LIST=1 sh tests/run.sh

.PHONY: sanitize sanitize-address sanitize-thread sanitize-valgrind
sanitize:
	@sh tests/sanitize.sh

sanitize-address sanitize-thread sanitize-valgrind: sanitize-%:
	@sh tests/sanitize.sh $*

.PHONY: bench bench-without-sha bench-bindings
bench: lib
	@sh benches/run.sh

bench-without-sha:
	@sh benches/run.sh without-sha

bench-bindings: lib
	@sh tests/bench_bindings.sh

.PHONY: abi abi-check
abi: lib
	@sh tests/abi.sh write

abi-check: lib
	@sh tests/abi.sh check

# Three preemptions at most find nearly everything in seconds; `make model PREEMPTIONS=` tries all orders.
PREEMPTIONS ?= 3
.PHONY: model
model:
	$(if $(PREEMPTIONS),LOOM_MAX_PREEMPTIONS=$(PREEMPTIONS)) RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=$(TARGET)/loom $(CARGO) test --locked --release --lib model -- --nocapture

# Processes that share a token, in virtual time: `make simulate SEEDS=1000 SCENARIO=kills`, or SEED=7 SEEDS=1 TRACE=1.
SEEDS ?= 10
export SEED SEEDS SCENARIO TRACE
simulation = $(CARGO) test --locked --profile simulation --lib simulation:: -- --ignored --nocapture
.PHONY: simulate simulate-tables
simulate:
	$(simulation) --skip tables

simulate-tables:
	$(simulation) tables

MINUTES ?= 30
.PHONY: storm soak
storm: $(BUILD)/storm
	$(TARGET)/tcex/bin/python tests/platform/storm.py $(BUILD) 120 30

soak: $(BUILD)/soak
	@python3 tests/platform/soak.py $(BUILD)/soak $(MINUTES) $(SEED)

# Processes that share a token, and are killed and stopped: `make fleet SECONDS=300`, or SEED=7 for the same faults again.
.PHONY: fleet
fleet: SECONDS = 60
fleet: $(BUILD)/fleet $(BUILD)/fleet-static $(BUILD)/fleet-shared
	@LD_LIBRARY_PATH=$(RELEASE) python3 tests/platform/fleet.py $(BUILD)/fleet --seconds $(SECONDS) $(SEED:%=--seed %) \
		--shipped $(BUILD)/fleet-static --shipped $(BUILD)/fleet-shared

# Only a few random inputs: Miri is a thousand times as slow.
.PHONY: miri
miri:
	@$(CARGO) +nightly miri --version >/dev/null 2>&1 || { echo 'rustup toolchain install nightly --component miri' >&2; exit 1; }
	MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=2 CARGO_TARGET_DIR=$(TARGET)/miri $(CARGO) +nightly miri test --locked --lib --test allocations --test wiping

# All targets, or some: make fuzz-smoke FUZZ='sign url'
SECONDS = 30
.PHONY: fuzz-smoke coverage
fuzz-smoke:
	@SECONDS_EACH='$(SECONDS)' sh tests/fuzz.sh $(FUZZ)

coverage:
	@sh tests/coverage.sh

.PHONY: lint format
lint:
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) fmt --check --manifest-path benches/Cargo.toml
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@sh tests/format.sh check
	@git grep -nE '^(<{7}|>{7}) '; [ $$? -eq 1 ] || { echo 'Two versions were not merged.' >&2; false; }

format:
	$(CARGO) fmt
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml
	$(CARGO) fmt --manifest-path benches/Cargo.toml
	@sh tests/format.sh write

# Needs a network, for crates of other platforms and for the advisories.
.PHONY: deny
deny:
	@command -v cargo-deny >/dev/null || { echo 'cargo install --locked cargo-deny' >&2; exit 1; }
	@for checks in 'licenses bans sources' advisories; do \
		for workspace in . benches fuzz; do \
			$(CARGO) deny --locked -L error --manifest-path $$workspace/Cargo.toml check $$checks || exit 1; \
		done; \
	done
