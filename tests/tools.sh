# Shared by the scripts: finds tools, reads documents, and calls tools that must know where the library is. Source it in
# the root, with TARGET, RELEASE and build set.

# The system libraries that a static Rust library needs here.
system_libraries='-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc'

have() { command -v "$1" >/dev/null 2>&1; }

absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

# lacking COMMAND=PACKAGE... : the packages of missing commands
lacking() {
    for pair in "$@"; do
        have "${pair%%=*}" || printf ' %s' "${pair#*=}"
    done
}

# at_least WANTED VERSION
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# The C++ compiler of LLVM 22 or later, which knows modules; nothing if there is none.
clang_cxx() {
    for name in clang++ $(seq -f clang++-%g 22 39); do
        if have "$name" && at_least 22 "$("$name" -dumpversion)"; then
            echo "$name"
            return
        fi
    done
}

make_quietly() { "$MAKE" --no-print-directory -s WERROR=-Werror "$@"; }

has_libcurl() { echo '#include <curl/curl.h>' | $CC -E - >/dev/null 2>&1; }

memcheck() {
    # Fair scheduling: otherwise busy threads stop the others from running.
    timeout 300 valgrind --quiet --fair-sched=yes --leak-check=full \
        --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99 "$@"
}

# The functions that a header declares.
declared() { # HEADER
    sed -n '/extern "C"/,$p' "$1" | sed '/^ *\*/d; /^ *\/\*/d' | grep -o 'tc_auth_[a-z_]*(' | tr -d '(' | sort
}

# With the shared library of this checkout. Go does not notice that an archive has changed.
in_go() {
    pkg_config=$(absolute "$build/pkgconfig") libraries=$(absolute "$RELEASE")
    (cd bindings/go && PKG_CONFIG_PATH=$pkg_config LD_LIBRARY_PATH=$libraries CGO_ENABLED=1 \
        GOFLAGS="$(go env GOFLAGS) -tags=tcauth_system" "$@")
}

# The home of the newest JDK in a range of versions, if there is one; JAVA_HOME counts too.
jdk() { # FROM TO
    for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null) || continue
        if [ -x "$home/bin/javac" ] && [ "${version:-0}" -ge "$1" ] && [ "$version" -le "$2" ]; then
            echo "$version $home"
        fi
    done | sort -n | tail -n 1 | cut -d ' ' -f 2-
}

in_maven() {
    libraries=$(absolute "$RELEASE")
    (cd bindings/java && JAVA_HOME=$new_jdk mvn -B -q -ntp "-Dtc_auth.library.dir=$libraries" "$@")
}

# Both JDKs; fails if one is missing.
find_jdks() {
    new_jdk=$(jdk 22 99) old_jdk=$(jdk 11 21)
    [ -n "$new_jdk" ] && [ -n "$old_jdk" ]
}

# The command that runs a class of the binding's tests against its jar: on the newer JDK, or on the older one with JNA.
java_ffm() { # CLASS
    echo "$new_jdk/bin/java" --enable-native-access=ALL-UNNAMED -cp "$(java_classes)" "io.github.tcauth.$1"
}

java_jna() { # CLASS
    echo "$old_jdk/bin/java" -cp "$(java_classes):bindings/java/target/dependency/jna.jar" "io.github.tcauth.$1"
}

# The suites' program, with another HTTP client: a class of Clients.java, or the view as an HttpClient.
java_client() { # CLIENT
    [ "$1" = asHttpClient ] && factory=$1 || factory="io.github.tcauth.Clients\$$1"
    echo "$(java_ffm Conformance | sed "s| -cp | -cp bindings/java/target/clients/*:|") $factory"
}

java_classes() {
    echo "$(echo bindings/java/target/tc-auth-*.jar):bindings/java/target/test-classes"
}

# Whether the tools of the Python package are there, in the versions that are wanted.
has_python_tools() { cmp -s packaging/python/tools.txt "$TARGET/python/tools.txt"; }

# The command of the Python that has them, with the package of this checkout.
python() {
    echo env TC_AUTH_LIBRARY="$(absolute "$RELEASE/libtc_auth.so")" PYTHONPATH="$(absolute bindings/python/src)" \
        "$(absolute "$TARGET/python/bin/python")"
}

# Whether Node.js and npm are there. The oldest version is that of package.json.
oldest_node=$(sed -n 's/^ *"node": ">=\([0-9.]*\)".*/\1/p' bindings/node/package.json)
has_node() { have npm && have node && at_least "v$oldest_node" "$(node --version)"; }

# The tools for the Node.js package; and whether they are there, in the versions that are wanted.
node_tools() { sed -n '/"devDependencies"/,/}/p' bindings/node/package.json && cat packaging/node/versions.json; }
has_node_tools() { [ -d bindings/node/node_modules ] && node_tools | cmp -s - "$TARGET/node/tools"; }

# The Python of a version, of pyenv too; nothing if there is none.
find_python() { # 3.13
    for found in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if [ -x "$found" ] && "$found" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            echo "$found"
            return
        fi
    done
}

# Its segments can be loaded with 16 KiB pages; for arm64, linkers use 64 KiB.
for_large_pages() { # LIBRARY
    readelf -lW "$1" | grep ' LOAD ' >"$build/segments" && ! grep -v ' 0x\(4000\|10000\)$' "$build/segments"
}

# The first program of a document, from its first include to the brace that ends main.
program_of() { # FILE
    sed 's/^ \* \{0,1\}//; s/^    \(#include\)/\1/' "$1" | sed -n '/^#include <\(stdio.h\|iostream\)>/,/^ \{0,4\}}$/p'
}
