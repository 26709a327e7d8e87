"""Checks what is to be published on Maven Central against its rules, and ours, without a network.

    central.py BUNDLE [PLATFORM...]

BUNDLE is the zip file that the release profile makes; the PLATFORMs are the folders of libraries that the jar must have.
Each rule is then broken in a copy, which must be noticed.
"""

import hashlib
import io
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zipfile

NAMESPACE = {"m": "http://maven.apache.org/POM/4.0.0"}
CHECKSUMS = ("md5", "sha1", "sha256", "sha512")
LIBRARIES = "io/github/tcauth/native/"
STARTS = {("linux", "so"): b"\x7fELF", ("windows", "dll"): b"MZ", ("macos", "dylib"): b"\xcf\xfa\xed\xfe"}


def unpack(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def pack(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def is_signed(content, signature):
    with tempfile.TemporaryDirectory() as directory:
        for name, data in (("file", content), ("file.asc", signature)):
            with open(f"{directory}/{name}", "wb") as file:
                file.write(data)
        command = ["gpg", "--batch", "--quiet", "--verify", f"{directory}/file.asc", f"{directory}/file"]
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def check_pom(text):
    """The element that a rule asks for, or a rule's own words."""
    pom = ET.fromstring(text)

    def value(path):
        return (pom.findtext("/".join(f"m:{part}" for part in path.split("/")), "", NAMESPACE) or "").strip()

    for path in ("groupId", "artifactId", "version", "name", "description", "url", "licenses/license/name",
                 "licenses/license/url", "developers/developer/name", "scm/url", "scm/connection"):
        if not value(path) or "${" in value(path):
            yield f"pom: no {path}"
    if value("version").endswith("-SNAPSHOT"):
        yield "pom: a snapshot"
    for dependency in pom.findall("m:dependencies/m:dependency", NAMESPACE):
        wanted, scope = (dependency.findtext(f"m:{name}", "", NAMESPACE) for name in ("version", "scope"))
        wanted = re.sub(r"^\$\{(.*)\}$", lambda name: value(f"properties/{name[1]}"), wanted)
        if wanted.endswith("-SNAPSHOT"):
            yield "pom: depends on a snapshot"
        if scope != "test" and (not wanted or wanted[0] in "[("):
            yield "pom: depends on no certain version"
        if scope == "system":
            yield "pom: depends on a file"
    if pom.find(".//m:repositories", NAMESPACE) is not None or pom.find("m:parent", NAMESPACE) is not None:
        yield "pom: needs more than Central has"
    if value("packaging") not in ("", "jar"):
        yield "pom: is no jar's"


def check_jar(jar, platforms):
    manifest = jar.get("META-INF/MANIFEST.MF", b"").decode()
    if not re.search(r"^Multi-Release: true\r?$", manifest, re.M):
        yield "jar: not multi-release"
    for name in ("module-info.class", "META-INF/LICENSE", "META-INF/copyright",
                 "META-INF/versions/22/io/github/tcauth/Bridge.class"):
        if name not in jar:
            yield f"jar: no {name}"
    folders = {name[len(LIBRARIES):].split("/")[0] for name in jar if name.startswith(LIBRARIES)}
    if folders != set(platforms):
        yield f"jar: libraries for {sorted(folders)}"
    for name, content in jar.items():
        if name.startswith(LIBRARIES):
            system, kind = name[len(LIBRARIES):].split("-")[0], name.rpartition(".")[2]
            if not content.startswith(STARTS.get((system, kind), b"\0none")):
                yield f"jar: no library: {name}"


def check_sources(sources, jar):
    for name in jar:
        if name.endswith(".class") and "$" not in name and name[:-len(".class")] + ".java" not in sources:
            yield f"sources: no {name[:-len('.class')]}.java"
    for name in sources:
        if name.endswith((".so", ".dll", ".dylib", ".class")):
            yield f"sources: {name}"


def check(bundle, platforms, with_signatures):
    poms = [name for name in bundle if name.endswith(".pom")]
    if len(poms) != 1:
        return [f"{len(poms)} poms"]
    problems = list(check_pom(bundle[poms[0]]))
    group, artifact, version = (
        ET.fromstring(bundle[poms[0]]).findtext(f"m:{part}", "", NAMESPACE) for part in ("groupId", "artifactId", "version"))
    base = f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}"
    published = [base + end for end in (".pom", ".jar", "-sources.jar", "-javadoc.jar")]
    for name in published:
        if name not in bundle:
            problems.append(f"no {name}")
            continue
        for kind in CHECKSUMS:
            if bundle.get(f"{name}.{kind}", b"").decode() != hashlib.new(kind, bundle[name]).hexdigest():
                problems.append(f"{kind} of {name}")
        if f"{name}.asc" not in bundle or with_signatures and not is_signed(bundle[name], bundle[f"{name}.asc"]):
            problems.append(f"signature of {name}")
    expected = {name + end for name in published for end in ("", ".asc", *(f".{kind}" for kind in CHECKSUMS))}
    problems += [f"unexpected: {name}" for name in sorted(set(bundle) - expected)]
    if not any(problem.startswith("no ") for problem in problems):
        jar, sources, javadoc = (unpack(bundle[name]) for name in published[1:])
        problems += [*check_jar(jar, platforms), *check_sources(sources, jar)]
        if "index.html" not in javadoc:
            problems.append("javadoc: no index.html")
    return problems


def plant(bundle, platforms):
    """Breaks one rule after the other. Yields what is said of it, and whether it was expected."""
    pom = next(name for name in bundle if name.endswith(".pom"))
    base = pom[:-len(".pom")]

    def expect(problem, changed, with_signatures=False):
        found = check(changed, platforms, with_signatures)
        assert any(problem in line for line in found), f"planted, and not seen: {problem}: {found}"
        print(f"planted, and seen: {problem}")

    def without_element(path):
        """The pom without the last element of the path."""
        ET.register_namespace("", NAMESPACE["m"])
        root = ET.fromstring(bundle[pom])
        *parents, last = path.split("/")
        parent = root.find("/".join(f"m:{part}" for part in parents), NAMESPACE) if parents else root
        parent.remove(parent.find(f"m:{last}", NAMESPACE))
        return {**bundle, pom: ET.tostring(root)}

    def with_pom(old, new):
        assert old in bundle[pom], old
        return {**bundle, pom: bundle[pom].replace(old, new)}

    def with_jar(end, change):
        files = unpack(bundle[base + end])
        change(files)
        return {**bundle, base + end: pack(files)}

    for path in ("name", "description", "url", "licenses/license/url", "developers/developer/name", "scm/url", "scm/connection"):
        expect(f"pom: no {path}", without_element(path))
    expect("pom: no name", with_pom(b"<name>tc-auth</name>", b"<name>${x}</name>"))
    expect("pom: a snapshot", with_pom(b"<artifactId>tc-auth</artifactId>\n  <version>",
                                       b"<artifactId>tc-auth</artifactId>\n  <version>1-SNAPSHOT</version>\n  <version>"))
    expect("pom: depends on a snapshot", with_pom(b"<version>1.0.0</version>", b"<version>1.0.0-SNAPSHOT</version>"))
    expect("pom: depends on a file", with_pom(b"<scope>test</scope>", b"<scope>system</scope>"))
    expect("pom: depends on no certain version", with_pom(b"<version>1.0.0</version>", b""))
    expect("pom: depends on no certain version", with_pom(b"<version>1.0.0</version>", b"<version>[1.0,)</version>"))
    expect("pom: depends on no certain version", with_pom(b"<version>1.0.0</version>", b"<version>${x}</version>"))
    for place in (b"<repositories/>", b"<profiles><profile><repositories/></profile></profiles>"):
        expect("pom: needs more than Central has", with_pom(b"<licenses>", place + b"<licenses>"))
    expect("pom: is no jar's", with_pom(b"<licenses>", b"<packaging>pom</packaging><licenses>"))
    for end in (".jar", "-sources.jar", "-javadoc.jar"):
        expect(f"no {base}{end}", {name: content for name, content in bundle.items() if name != base + end})
        expect(f"signature of {base}{end}", {name: content for name, content in bundle.items() if name != base + end + ".asc"})
    expect(f"signature of {base}.jar", {**bundle, f"{base}.jar": bundle[f"{base}.jar"] + b"x"}, with_signatures=True)
    for kind in CHECKSUMS:
        expect(f"{kind} of {pom}", {**bundle, f"{pom}.{kind}": b"0"})
    expect("unexpected: a/b", {**bundle, "a/b": b""})
    expect("jar: not multi-release", with_jar(".jar", lambda jar: jar.update({"META-INF/MANIFEST.MF": b"X: Multi-Release: true"})))
    for name in ("module-info.class", "META-INF/LICENSE", "META-INF/versions/22/io/github/tcauth/Bridge.class"):
        expect(f"jar: no {name}", with_jar(".jar", lambda jar, name=name: jar.pop(name)))
    expect("jar: libraries for ", with_jar(".jar", lambda jar: jar.update({LIBRARIES + "other/libtc_auth.so": b""})))
    expect("jar: no library", with_jar(".jar", lambda jar: jar.update(
        {next(name for name in jar if name.startswith(LIBRARIES)): b"This folder has no library."})))
    name = "META-INF/versions/22/io/github/tcauth/Bridge.java"
    expect(f"sources: no {name}", with_jar("-sources.jar", lambda sources: sources.pop(name)))
    expect("sources: a.so", with_jar("-sources.jar", lambda sources: sources.update({"a.so": b""})))
    expect("javadoc: no index.html", with_jar("-javadoc.jar", lambda javadoc: javadoc.pop("index.html")))


def main():
    path, *platforms = sys.argv[1:]
    with open(path, "rb") as file:
        bundle = unpack(file.read())
    problems = check(bundle, platforms, with_signatures=True)
    if problems:
        sys.exit("\n".join(problems))
    plant(bundle, platforms)
    print(f"{len(bundle)} files as Maven Central wants them")


main()
