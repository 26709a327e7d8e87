# The Go module that contains the library.
.PHONY: go-module

# Its path, which `go get` is called with. The checkout has a placeholder, which is replaced in the module.
GO_MODULE := example.com/tcauth

go-module: GO_VERSION = v$(VERSION)
go-module: $(PLATFORMS:%=cross-%)
	@GO_MODULE=$(GO_MODULE) GO_VERSION=$(GO_VERSION) sh packaging/go/module.sh $(TARGET)/go $(PLATFORMS)

# More than `make test-go`.
.PHONY: check-go
check-go: lib
	@sh tests/check_go.sh
