package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Where the library is looked for, each time in a new process. */
class LibraryFileTest {
    private static final String NAME = System.mapLibraryName("tc_auth");
    private static final String VERSION = "version " + TcAuth.version();
    private static final String FAILED = "UnsatisfiedLinkError: The library of tc_auth can't be loaded: ";
    private static final String ADVICE = ". Name the path of " + NAME + ", built for " + LibraryFile.platform()
            + ", in the system property tc_auth.library.";
    private static final String RESOURCE = "native/" + LibraryFile.platform() + "/" + NAME;
    private static final String TOO_OLD = "it is too old: it is version " + TcAuth.version()
            + " without tc_auth_version_number, and tc-auth needs version " + TcAuth.version().replaceFirst("\\d+$", "0")
            + " or later, but less than 1.0.0";

    @TempDir
    Path directory;

    /** The program of the new process. */
    static final class Probe {
        public static void main(String[] args) throws IOException {
            try {
                System.out.println("version " + TcAuth.version());
                try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
                    System.out.println("copies left: " + files.filter(file -> file.toString().contains("tc_auth")).count());
                }
            } catch (LinkageError e) {
                System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
                again(TcAuth::version, e);
                again(() -> TcAuth.ofHmac("id", "key"), e);
                again(() -> TcUrl.of("/a"), e);
                again(TcAuthStatus.OK::message, e);
            }
        }

        private static void again(Supplier<Object> call, LinkageError first) {
            try {
                System.out.println("no error: " + call.get());
            } catch (UnsatisfiedLinkError e) {
                System.out.println(e.getMessage().equals(first.getMessage()) ? "again" : e.toString());
            }
        }
    }

    @Test
    void theJarHasTheLibraryAndNoCopyStays() throws Exception {
        assertEquals(List.of(VERSION, "copies left: 0"), probe(classPath(), "-Djava.io.tmpdir=" + directory));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void onlyTheOwnerMayReadTheCopy() {
        String permissions = LibraryFile.load(copy -> {
            try {
                return PosixFilePermissions.toString(Files.getPosixFilePermissions(copy));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        assertEquals("rw-------", permissions);
    }

    @Test
    void anExplicitPathThatDoesNotExistIsAnError() throws Exception {
        Path missing = directory.resolve("missing.so");
        List<String> lines = probe(classPath(), "-Dtc_auth.library=" + missing);
        assertEquals(List.of("again", "again", "again", "again"), lines.subList(1, lines.size()));
        String said = lines.get(0);
        assertEquals(FAILED + missing + ", which the system property tc_auth.library names: there is no such file" + ADVICE,
                said);
    }

    @Test
    void theNeededVersionIsThatOfTheHeaderWithoutItsPatch() throws IOException {
        String header = Files.readString(Path.of("../../include/tc_auth.h"));
        int[] version = Stream.of("MAJOR", "MINOR").map(part -> Pattern.compile("TC_AUTH_VERSION_" + part + " (\\d+)"))
                .map(pattern -> pattern.matcher(header)).peek(matcher -> assertTrue(matcher.find()))
                .mapToInt(matcher -> Integer.parseInt(matcher.group(1))).toArray();
        assertEquals(version[0] << 16 | version[1] << 8, LibraryFile.NEEDED_VERSION);
        assertTrue(TcAuth.versionNumber() >= LibraryFile.NEEDED_VERSION);
    }

    /** A library whose functions are all there but one, and whose version is not the one that is needed. */
    private static final class OtherLibrary implements LibraryFile.Symbols {
        private final String missing;
        private final int difference;

        OtherLibrary(String missing, int difference) {
            this.missing = missing;
            this.difference = difference;
        }

        @Override
        public boolean has(String function) {
            return !function.equals(missing);
        }

        @Override
        public int number(String function) {
            return LibraryFile.NEEDED_VERSION + difference;
        }

        @Override
        public String string(String function) {
            return "0.0.255";
        }
    }

    @Test
    void anOldLibraryIsRefused() {
        LibraryFile.requireVersion(new OtherLibrary("tc_auth_other", 0));
        LibraryFile.requireVersion(new OtherLibrary("tc_auth_other", 0xffff - (LibraryFile.NEEDED_VERSION & 0xffff)));
        assertRefused("it is too old: it is version 0.0.255, and tc-auth needs version ", new OtherLibrary("", -1));
        assertRefused("it is too new: it is version 0.0.255, and tc-auth needs version ", new OtherLibrary("", 1 << 16));
        for (String function : List.of("tc_auth_version_number", "tc_auth_headers_into", "tc_auth_seal")) {
            assertRefused("it is too old: it is version 0.0.255 without " + function + ", and tc-auth needs version ",
                    new OtherLibrary(function, 0));
        }
        assertRefused("it is another library", new OtherLibrary("tc_auth_version", 0));
    }

    private static void assertRefused(String beginning, LibraryFile.Symbols library) {
        String said = assertThrows(UnsatisfiedLinkError.class, () -> LibraryFile.requireVersion(library)).getMessage();
        assertTrue(said.startsWith(beginning), said);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void anOldLibraryIsRefusedWithItsPath() throws Exception {
        Path old = oldLibrary(directory.resolve(NAME + ".0"));
        List<String> lines = probe(classPath(), "-Dtc_auth.library=" + old);
        assertEquals(FAILED + old + ", which the system property tc_auth.library names: " + TOO_OLD + ADVICE, lines.get(0));
        assertEquals(List.of("again", "again", "again", "again"), lines.subList(1, lines.size()));

        String said = probe(emptyJar(), "-Djava.library.path=" + directory).get(0);
        assertTrue(said.endsWith(old + ", which was found in java.library.path: " + TOO_OLD + ADVICE), said);
    }

    /** The library of the jar under this path, without a function that the first versions did not have. */
    private static Path oldLibrary(Path path) throws IOException {
        byte[] content = LibraryFile.load(LibraryFileTest::contentOf);
        String text = new String(content, StandardCharsets.ISO_8859_1);
        assertTrue(text.contains("\0tc_auth_version_number\0"));
        return Files.write(path, text.replace("\0tc_auth_version_number\0", "\0tc_auth_version_gone__\0")
                .getBytes(StandardCharsets.ISO_8859_1));
    }

    private static byte[] contentOf(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void anExplicitPathOfSomethingElseIsAnError() throws Exception {
        String said = probe(classPath(), "-Dtc_auth.library=pom.xml", "-Djava.library.path=" + goodLibrary().getParent()).get(0);
        assertTrue(said.startsWith(FAILED + Path.of("pom.xml").toAbsolutePath()
                + ", which the system property tc_auth.library names: "), said);
    }

    @Test
    void thePropertyComesBeforeTheJarAndTheJarBeforeTheLibraryPath() throws Exception {
        Files.writeString(directory.resolve(NAME), "not a library");
        String libraryPath = "-Djava.library.path=" + directory;
        assertEquals(VERSION, probe(classPath(), libraryPath).get(0));

        Path explicit = directory.resolve("explicit.so");
        Files.copy(goodLibrary(), explicit);
        assertEquals(VERSION, probe(emptyJar(), libraryPath, "-Dtc_auth.library=" + explicit).get(0));
    }

    @Test
    void ifTheJarHasNoneTheLibraryPathIsSearched() throws Exception {
        Path broken = Files.writeString(Files.createDirectory(directory.resolve("broken")).resolve(NAME), "not a library");
        String paths = directory.resolve("none") + File.pathSeparator + broken.getParent();
        assertEquals(VERSION, probe(emptyJar(),
                "-Djava.library.path=" + paths + File.pathSeparator + goodLibrary().getParent()).get(0));

        String said = probe(emptyJar(), "-Djava.library.path=" + paths).get(0);
        assertTrue(said.startsWith(FAILED + "there is no " + RESOURCE + " beside its classes in file:"), said);
        assertTrue(said.contains("; " + broken + ", which was found in java.library.path: "), said);
        assertTrue(said.endsWith(ADVICE), said);
    }

    @Test
    void ifItCanNotBeCopiedTheLibraryPathIsSearched() throws Exception {
        String nowhere = "-Djava.io.tmpdir=" + directory.resolve("nowhere");
        assertEquals(VERSION,
                probe(classPath(), nowhere, "-Djava.library.path=" + goodLibrary().getParent()).get(0));

        String said = probe(classPath(), nowhere, "-Djava.library.path=").get(0);
        assertTrue(said.startsWith(FAILED + RESOURCE + " can't be copied from file:"), said);
        assertTrue(said.contains(" to " + directory.resolve("nowhere") + ": java.nio.file.NoSuchFileException"), said);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void whenThereIsNoneTheErrorSaysWhereItLooked() throws Exception {
        String said = probe(emptyJar(), "-Djava.library.path=/a:/b").get(0);
        assertEquals(FAILED + "there is no " + RESOURCE + " beside its classes in "
                + directory.resolve("empty.jar").toFile().toURI() + "; there is no " + NAME + ".0 or " + NAME
                + " in java.library.path (/a:/b)" + ADVICE, said);
    }

    @Test
    void muslIsToldByTheFilesInMemory() {
        String line = "7f1c2a000000-7f1c2a021000 r-xp 00000000 08:01 1234                       ";
        assertTrue(LibraryFile.isMusl(line + "/lib/ld-musl-x86_64.so.1\n")); // Alpine
        assertTrue(LibraryFile.isMusl("\n" + line + "/usr/lib/x86_64-linux-musl/libc.so\n" + line + "[stack]\n")); // Debian
        assertFalse(LibraryFile.isMusl(line + "/usr/lib/x86_64-linux-gnu/libc.so.6\n" + line + "/a/libc.so.old\n"));
        assertFalse(LibraryFile.isMusl(""));
    }

    /** On Windows, where a program can't delete its own. */
    @Test
    void onlyOldCopiesAreDeleted() throws IOException {
        Path fresh = Files.createFile(directory.resolve("tc_auth-java-1" + NAME));
        Path old = Files.createFile(directory.resolve("tc_auth-java-2" + NAME));
        Path other = Files.createFile(directory.resolve("other-" + NAME));
        for (Path path : List.of(old, other)) {
            Files.setLastModifiedTime(path, FileTime.from(Instant.now().minusSeconds(3601)));
        }
        LibraryFile.deleteOldCopies(directory);
        assertEquals(List.of(true, false, true), List.of(Files.exists(fresh), Files.exists(old), Files.exists(other)));
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_22)
    void aJarThatIsNoLongerMultiReleaseIsToldSo() throws Exception {
        Path fat = directory.resolve("fat.jar");
        Files.copy(jar(), fat);
        try (FileSystem zip = FileSystems.newFileSystem(fat)) {
            Files.writeString(zip.getPath("META-INF", "MANIFEST.MF"), "Manifest-Version: 1.0\n");
        }
        String wrong = "Java 22 and later call the library of tc_auth without JNA, but the manifest of "
                + fat.toFile().toURI() + " has lost \"Multi-Release: true\": add it";
        String classPath = fat + File.pathSeparator + testClasses();
        String said = probe(classPath).get(0);
        assertTrue(said.startsWith("UnsatisfiedLinkError: " + wrong + ", or add JNA to the class path: "), said);

        List<String> lines = probe(true, classPath + File.pathSeparator + Path.of("target/dependency/jna.jar"));
        assertTrue(lines.contains(VERSION), lines.toString());
        assertTrue(lines.contains("WARNING: " + wrong + ". JNA takes longer"), lines.toString());
    }

    @Test
    @EnabledForJreRange(max = JRE.JAVA_21)
    void withoutJnaTheErrorSaysWhatToAdd() throws Exception {
        String said = probe(jar() + File.pathSeparator + testClasses()).get(0);
        assertTrue(said.startsWith("UnsatisfiedLinkError: Before Java 22, tc-auth needs JNA on the class path:"
                + " net.java.dev.jna:jna, such as version 5."), said);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_22)
    void fromJava22OnNoJnaIsNeeded() throws Exception {
        assertEquals(VERSION, probe(jar() + File.pathSeparator + testClasses()).get(0));
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_24) // which has this option
    void whereJavaForbidsToCallCTheErrorNamesTheFlag() throws Exception {
        List<String> said = probe(classPath(), "--illegal-native-access=deny");
        assertTrue(said.get(0).startsWith("UnsatisfiedLinkError: Java does not let tc-auth call C: start it with"
                + " --enable-native-access=ALL-UNNAMED, "), said.get(0));
        assertEquals(List.of("again", "again", "again", "again"), said.subList(1, said.size()));
        assertEquals(VERSION,
                probe(classPath(), "--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED").get(0));
    }

    private static List<String> probe(String classPath, String... options) throws Exception {
        return probe(false, classPath, options);
    }

    private static List<String> probe(boolean withErrors, String classPath, String... options) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", classPath));
        command.addAll(List.of(options));
        command.add(Probe.class.getName());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(withErrors);
        if (!withErrors) {
            builder.redirectError(ProcessBuilder.Redirect.DISCARD);
        }
        Process process = builder.start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().collect(Collectors.toList());
    }

    private static String classPath() throws URISyntaxException, ClassNotFoundException {
        String classPath = jar() + File.pathSeparator + testClasses();
        return Runtime.version().feature() >= 22 ? classPath
                : classPath + File.pathSeparator + location(Class.forName("com.sun.jna.Native"));
    }

    /** The class path, with a jar that has no library. */
    private String emptyJar() throws Exception {
        Path empty = directory.resolve("empty.jar");
        if (!Files.exists(empty)) {
            Files.copy(jar(), empty);
            try (FileSystem zip = FileSystems.newFileSystem(empty)) {
                Files.delete(zip.getPath("io", "github", "tcauth", RESOURCE));
            }
        }
        return classPath().replace(jar().toString(), empty.toString());
    }

    /** The library of the jar, in a directory of its own. */
    private Path goodLibrary() throws IOException {
        Path good = Files.createDirectories(directory.resolve("good")).resolve(NAME);
        if (!Files.exists(good)) {
            try (InputStream content = LibraryFile.class.getResourceAsStream(RESOURCE)) {
                Files.copy(content, good);
            }
        }
        return good;
    }

    private static Path jar() throws URISyntaxException {
        return location(TcAuth.class);
    }

    private static Path testClasses() throws URISyntaxException {
        return location(LibraryFileTest.class);
    }

    private static Path location(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }
}
