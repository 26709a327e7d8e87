# The jar for Maven Central.

# With the libraries of all platforms, or `make java PLATFORMS=musl`. java-deploy also uploads it: see docs/releasing.md
.PHONY: java java-deploy
java:
	@sh packaging/java/build.sh package $(PLATFORMS)

java-deploy:
	@sh packaging/java/build.sh deploy $(PLATFORMS)

# Signs with that jar in other versions of Java, on Windows in wine, and on arm64 in qemu. Needs a network, and `make java`.
.PHONY: java-elsewhere
java-elsewhere:
	@sh tests/install/java_elsewhere.sh $(TARGET)
