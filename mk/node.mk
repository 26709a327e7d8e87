# The Node.js packages.

# tc-auth, and one with the add-on for each platform, or `make node PLATFORMS=musl`; the add-on for this machine alone, where
# bindings/node finds it.
.PHONY: node node-addon node-docs
node:
	@sh packaging/node/build.sh packages $(PLATFORMS)

node-addon: lib
	@sh packaging/node/build.sh addon

node-docs:
	@sh packaging/node/build.sh docs
