// Signs as Go programs do: a new HMAC for each request. ../src/peers.rs describes input and output.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	accessID, secretKey := os.Args[1], os.Args[2]
	in := bufio.NewReader(os.Stdin)
	for {
		var uri string
		var count int
		if _, err := fmt.Fscan(in, &uri, &count); err != nil {
			return
		}
		var authorization, timestamp string
		start := time.Now()
		for range count {
			timestamp = strconv.FormatInt(time.Now().Unix(), 10)
			mac := hmac.New(sha256.New, []byte(secretKey))
			mac.Write([]byte(uri + ":GET:" + timestamp))
			authorization = "TC " + accessID + ":" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		}
		fmt.Printf("%d\t%s\t%s\n", time.Since(start).Nanoseconds(), authorization, timestamp)
	}
}
