# The jar for Maven Central.

# With the libraries of all platforms, or `make java PLATFORMS=musl`.
.PHONY: java
java:
	@sh packaging/java/build.sh package $(PLATFORMS)
