//go:build linux

package capi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// matches are the first groups of all matches, once each.
func matches(pattern, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// called are the functions of the library that the package calls, and weak those that may be missing.
func called(t *testing.T) (called, weak []string) {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, source := range sources {
		if !strings.HasSuffix(source, "_test.go") {
			text.WriteString(read(t, source))
		}
	}
	called = matches(`\b(tc_auth_\w+)\(`, text.String())
	return called, matches(`(?m)^#pragma weak (\w+)$`, read(t, "library.h"))
}

// With a strong reference to a function that the last release lacks, the loader would refuse that in its own words.
func TestWhatTheLastReleaseLacksIsWeak(t *testing.T) {
	released := strings.Fields(read(t, "../../../../abi/tc_auth.symbols"))
	called, weak := called(t)
	for _, function := range called {
		if !slices.Contains(released, function) && !slices.Contains(weak, function) {
			t.Error(function)
		}
	}
	for _, function := range weak {
		if !slices.Contains(called, function) {
			t.Error(function, "is not called")
		}
	}
}

func TestALibraryThatIsTooOldIsRefused(t *testing.T) {
	directory := t.TempDir()
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	run := func(environment []string, name string, arguments ...string) (string, error) {
		command := exec.Command(name, arguments...)
		command.Dir, command.Env = directory, append(os.Environ(), environment...)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example\n\ngo 1.24\n\nrequire example.com/tcauth v0.0.0\n\nreplace example.com/tcauth => "+module+"\n")
	write("main.go", "package main\n\nimport \"example.com/tcauth\"\n\nfunc main() { println(\"runs with\", tcauth.Version()) }\n")
	// The loader resolves all functions before the program begins, as many distributions want it.
	flags := "CGO_LDFLAGS=-O2 -g -Wl,-z,now"
	if output, err := run([]string{flags}, "go", "build", "-o", "program", "."); err != nil {
		t.Fatal(output, err)
	}
	program := filepath.Join(directory, "program")
	if output, err := run(nil, program); err != nil || output != "runs with "+Version()+"\n" {
		t.Fatal(output, err)
	}
	compiler, err := run(nil, "go", "env", "CC")
	if err != nil {
		t.Fatal(compiler, err)
	}
	functions, weak := called(t)
	want := fmt.Sprintf("needs %d.%d.0 or later", needed>>16, needed>>8&0xff)
	for version, number := range map[string]string{"0.0.9": "", "0.0.8": "unsigned tc_auth_version_number(void) { return 8; }\n"} {
		source := "const char *tc_auth_version(void) { return \"" + version + "\"; }\n" + number
		for _, function := range functions {
			if !slices.Contains(weak, function) && function != "tc_auth_version" {
				source += "void " + function + "(void) { __builtin_trap(); }\n"
			}
		}
		write("old.c", source)
		file := filepath.Join(directory, "libtc_auth.so.0")
		if output, err := run(nil, strings.TrimSpace(compiler), "-shared", "-fPIC", "old.c", "-o", file); err != nil {
			t.Fatal(output, err)
		}
		output, err := run([]string{"LD_LIBRARY_PATH=" + directory}, program)
		for _, part := range []string{"panic: tcauth: the library " + file + " is too old", "version " + version, want} {
			if err == nil || !strings.Contains(output, part) {
				t.Errorf("%q is not in %.300s %v", part, output, err)
			}
		}
	}
}
