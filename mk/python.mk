# The Python package.

# Wheels for all platforms, or `make python PLATFORMS=musl`; and the source distribution.
.PHONY: python python-docs
python:
	@sh packaging/python/build.sh wheels $(PLATFORMS)

python-docs: lib
	@sh packaging/python/build.sh docs

# Processes that share a token, and are killed: `make python-processes SECONDS=300 SEED=7`
.PHONY: python-processes
python-processes: SECONDS = 60
python-processes: lib
	@TC_AUTH_LIBRARY=$(abspath $(SONAME_LINK)) PYTHONPATH=$(abspath bindings/python/src) $(TARGET)/python/bin/python \
		bindings/python/tests/processes.py --seconds $(SECONDS) $(SEED:%=--seed %)
