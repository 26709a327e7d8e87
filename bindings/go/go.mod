module example.com/tcauth

go 1.24
