// Command residue makes the calls of the binding that handle secrets, for tests/residue/scan.c to look for them afterwards
// in the memory of this process. What a call returns is the caller's, and wiped here.
//
// usage: residue [plant]
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"example.com/tcauth"
)

// Numbers and lengths of secrets in tests/residue/secrets.h.
var lengths = map[int]int{key48: 48, token60: 60, token61: 61, token300: 300}

const (
	key48    = 0
	token60  = 5
	token61  = 6
	token300 = 7
)

// arena is memory of this program's own, which is not looked at.
var arena []byte

func room(size int) []byte {
	taken := arena[:size:size]
	arena = arena[size:]
	return taken
}

// secret makes a secret as secrets.h does.
func secret(number int) string {
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:+/="
	if number == key48 {
		alphabet = alphabet[:62]
	}
	state := uint64(0x9e3779b97f4a7c15) * uint64(number+1)
	text := room(lengths[number])
	for i := range text {
		state = state*6364136223846793005 + 1442695040888963407
		text[i] = alphabet[(state>>33)%uint64(len(alphabet))]
	}
	return unsafe.String(&text[0], len(text))
}

func join(parts ...string) []byte {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	text := room(size)
	at := 0
	for _, part := range parts {
		at += copy(text[at:], part)
	}
	return text
}

func wipe(text string) {
	if text != "" {
		clear(unsafe.Slice(unsafe.StringData(text), len(text)))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var input = bufio.NewReader(os.Stdin)

func look(name string) {
	fmt.Println("check", name, "- 0")
	input.ReadString('\n')
}

func headers(auth *tcauth.Auth) {
	for range 3 {
		made, err := auth.Headers("GET", "/api/v3/indicators")
		must(err)
		_, err = auth.Review(made, 403, "", []byte("nobody's message"))
		must(err)
		must(auth.Verify("GET", "/api/v3/indicators", made.Authorization, fmt.Sprint(made.Timestamp), time.Time{}, time.Minute))
		wipe(made.Authorization)
		block, err := auth.HeaderBlock("GET", "/api/v3/indicators")
		must(err)
		wipe(block)
	}
	_, err := auth.Headers("GET", "x")
	if err == nil || auth.String() == "" {
		panic("no error")
	}
}

func main() {
	memory, err := syscall.Mmap(-1, 0, 1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	must(err)
	arena = memory
	fmt.Printf("arena %x %x\n", uintptr(unsafe.Pointer(&memory[0])), len(memory))

	auth, err := tcauth.NewHMAC("12345678901234567890", secret(key48))
	must(err)
	headers(auth)
	auth.Close()
	if _, err = tcauth.NewHMAC("a b", secret(key48)); err == nil {
		panic("no error")
	}
	look("hmac")

	for _, pair := range [][2]int{{token60, token300}, {token300, token61}} {
		token, next := secret(pair[0]), secret(pair[1])
		auth, err = tcauth.NewToken(token, time.Time{})
		must(err)
		must(auth.SetAPIPath("https://company.example/api"))
		headers(auth)
		must(auth.UpdateToken(token, time.Now().Add(-time.Minute)))
		renewal, err := auth.Poll(context.Background())
		must(err)
		wipe(renewal.URL())
		_, err = renewal.Complete(200, join(`{"success":true,"apiToken":"`, next, `"}`))
		must(err)
		headers(auth)
		copied, _, err := auth.Token()
		must(err)
		if !strings.EqualFold(copied, next) {
			panic("not the token")
		}
		wipe(copied)
		auth.Close()
	}
	look("token")

	// A handle adopts what another one of the family has sealed.
	key := join(secret(key48))
	auth, err = tcauth.NewToken(secret(token60), time.Time{})
	must(err)
	other, err := tcauth.NewToken(secret(token60), time.Time{})
	must(err)
	must(other.UpdateToken(secret(token300), time.Time{}))
	sealed, err := other.Seal(key)
	must(err)
	outcome, err := auth.Unseal(sealed, key)
	must(err)
	if _, err = auth.Unseal(sealed, join("\x00", secret(key48))); err == nil || outcome != tcauth.UnsealedAdopted {
		panic("not adopted")
	}
	auth.Close()
	other.Close()
	look("seal")

	directory, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(directory)
	auth, err = tcauth.NewToken(secret(token60), time.Time{})
	must(err)
	must(auth.ShareIn(directory, key))
	must(auth.UpdateToken(secret(token300), time.Time{}))
	auth.Close()
	look("share")

	auth, err = tcauth.FromJSON(join(`{"tc_token":"`, secret(token60), `"}`))
	must(err)
	auth.Close()
	look("json")
	arguments := []string{unsafe.String(unsafe.SliceData(join("--tc_token=", secret(token300))), 311)}
	auth, err = tcauth.FromArgs(arguments)
	must(err)
	auth.Close()
	look("arguments")
	if len(os.Args) > 1 { // a copy that nobody wipes
		planted := append([]byte(nil), secret(token61)...)
		look("planted")
		fmt.Fprintln(os.Stderr, len(planted))
	}
}
