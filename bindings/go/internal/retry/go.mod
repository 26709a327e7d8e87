module example.com/tcauth/internal/retry

go 1.24

require (
	example.com/tcauth v0.0.0
	github.com/hashicorp/go-retryablehttp v0.7.8
)

require github.com/hashicorp/go-cleanhttp v0.5.2 // indirect

replace example.com/tcauth => ../..
