package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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
        assertEquals("UnsatisfiedLinkError: The library of tc_auth can't be loaded from " + missing
                + ", which the system property tc_auth.library names: there is no such file. Name the path of " + NAME
                + ", built for " + LibraryFile.platform() + ", in the system property tc_auth.library.", said);
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

    /** A library whose functions are all there but one, and whose version is a number less than needed. */
    private static final class OldLibrary implements LibraryFile.Symbols {
        private final String missing;
        private final int less;

        OldLibrary(String missing, int less) {
            this.missing = missing;
            this.less = less;
        }

        @Override
        public boolean has(String function) {
            return !function.equals(missing);
        }

        @Override
        public int number(String function) {
            return LibraryFile.NEEDED_VERSION - less;
        }

        @Override
        public String string(String function) {
            return "0.0.255";
        }
    }

    @Test
    void anOldLibraryIsRefused() {
        LibraryFile.requireVersion(new OldLibrary("tc_auth_other", 0));
        LibraryFile.requireVersion(new OldLibrary("tc_auth_other", -1));
        assertRefused("it is too old: it is version 0.0.255, and tc-auth needs version ", new OldLibrary("", 1));
        for (String function : List.of("tc_auth_version_number", "tc_auth_headers_into", "tc_auth_seal")) {
            assertRefused("it is too old: it is version 0.0.255 without " + function + ", and tc-auth needs version ",
                    new OldLibrary(function, 0));
        }
        assertRefused("it is another library", new OldLibrary("tc_auth_version", 0));
    }

    private static void assertRefused(String beginning, LibraryFile.Symbols library) {
        String said = assertThrows(UnsatisfiedLinkError.class, () -> LibraryFile.requireVersion(library)).getMessage();
        assertTrue(said.startsWith(beginning), said);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aLibraryWithoutTheVersionNumberIsRefusedWithItsPath() throws Exception {
        byte[] content = LibraryFile.load(LibraryFileTest::contentOf);
        String text = new String(content, StandardCharsets.ISO_8859_1);
        assertTrue(text.contains("\0tc_auth_version_number\0"));
        Path old = directory.resolve(NAME);
        Files.write(old, text.replace("\0tc_auth_version_number\0", "\0tc_auth_version_gone__\0")
                .getBytes(StandardCharsets.ISO_8859_1));
        List<String> lines = probe(classPath(), "-Dtc_auth.library=" + old);
        assertEquals("UnsatisfiedLinkError: The library of tc_auth can't be loaded from " + old
                + ", which the system property tc_auth.library names: it is too old: it is version " + TcAuth.version()
                + " without tc_auth_version_number, and tc-auth needs version " + TcAuth.version().replaceFirst("\\d+$", "0")
                + " or later. Name the path of " + NAME + ", built for " + LibraryFile.platform()
                + ", in the system property tc_auth.library.", lines.get(0));
        assertEquals(List.of("again", "again", "again", "again"), lines.subList(1, lines.size()));
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
        String said = probe(classPath(), "-Dtc_auth.library=pom.xml").get(0);
        assertTrue(said.startsWith("UnsatisfiedLinkError: The library of tc_auth can't be loaded from "
                + Path.of("pom.xml").toAbsolutePath() + ", which the system property tc_auth.library names: "), said);
    }

    @Test
    void theLibraryPathComesBeforeTheJar() throws Exception {
        Path broken = Files.writeString(directory.resolve(NAME), "not a library");
        String libraryPath = "-Djava.library.path=" + directory.resolve("none") + File.pathSeparator + directory;
        String said = probe(classPath(), libraryPath).get(0);
        assertTrue(said.startsWith("UnsatisfiedLinkError: The library of tc_auth can't be loaded from " + broken
                + ", which was found in java.library.path: "), said);

        Path good = directory.resolve("explicit.so");
        Files.copy(LibraryFile.class.getResourceAsStream("/native/" + LibraryFile.platform() + "/" + NAME), good);
        assertEquals(VERSION, probe(classPath(), libraryPath, "-Dtc_auth.library=" + good).get(0));
    }

    @Test
    void whenThereIsNoneTheErrorSaysWhereItLooked() throws Exception {
        Path empty = directory.resolve("empty.jar");
        Files.copy(jar(), empty);
        try (FileSystem zip = FileSystems.newFileSystem(empty)) {
            Files.delete(zip.getPath("native", LibraryFile.platform(), NAME));
        }
        String said = probe(classPath().replace(jar().toString(), empty.toString()), "-Djava.library.path=/a:/b").get(0);
        assertEquals("UnsatisfiedLinkError: The library of tc_auth was not found: there is no " + NAME
                + " in java.library.path (/a:/b), and no /native/" + LibraryFile.platform() + "/" + NAME + " in the jar of"
                + " tc-auth. Build it for " + LibraryFile.platform() + " and name its path in the system property"
                + " tc_auth.library.", said);
    }

    @Test
    @EnabledForJreRange(max = JRE.JAVA_21)
    void withoutJnaTheErrorSaysWhatToAdd() throws Exception {
        String said = probe(jar() + File.pathSeparator + testClasses()).get(0);
        assertTrue(said.startsWith("UnsatisfiedLinkError: Before Java 22, tc-auth needs JNA on the class path: add"
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
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", classPath));
        command.addAll(List.of(options));
        command.add(Probe.class.getName());
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().collect(Collectors.toList());
    }

    private static String classPath() throws URISyntaxException, ClassNotFoundException {
        String classPath = jar() + File.pathSeparator + testClasses();
        return Runtime.version().feature() >= 22 ? classPath
                : classPath + File.pathSeparator + location(Class.forName("com.sun.jna.Native"));
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
