module tcauth

go 1.24
