package io.github.tcauth;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Finds the C library: in the path that the user sets; else in the jar, and if that can't be used, in java.library.path. */
final class LibraryFile {
    /** The system property with the path of the library. */
    static final String PROPERTY = "tc_auth.library";

    /**
     * The oldest library that the binding works with, as tc_auth_version_number gives it. Functions are only added with a new
     * minor version, and only removed with a new major one.
     */
    static final int NEEDED_VERSION = 0 << 16 | 1 << 8;

    private static final String NAME = System.mapLibraryName("tc_auth");
    /** How the names of copies begin. */
    private static final String COPY = "tc_auth-java-";

    private LibraryFile() {
    }

    /** The functions of a library that was opened. */
    interface Symbols {
        boolean has(String function);

        /** Calls a function that takes nothing and returns a 32-bit number. */
        int number(String function);

        /** Calls a function that takes nothing and returns a string. */
        String string(String function);
    }

    /** Refuses a library that is too old or too new. One of 0.1 does not know its version as a number, and lacks functions. */
    static void requireVersion(Symbols symbols) {
        if (!symbols.has("tc_auth_version")) {
            throw new UnsatisfiedLinkError("it is another library, without the function tc_auth_version");
        }
        String missing = firstMissing(symbols);
        int version = missing == null ? symbols.number("tc_auth_version_number") : 0;
        if (version < NEEDED_VERSION || major(version) != major(NEEDED_VERSION)) {
            throw new UnsatisfiedLinkError("it is too " + (version < NEEDED_VERSION ? "old" : "new") + ": it is version "
                    + symbols.string("tc_auth_version") + (missing == null ? "" : " without " + missing)
                    + ", and tc-auth needs version " + major(NEEDED_VERSION) + "." + (NEEDED_VERSION >> 8 & 0xff) + "."
                    + (NEEDED_VERSION & 0xff) + " or later, but less than " + (major(NEEDED_VERSION) + 1) + ".0.0");
        }
    }

    private static @Nullable String firstMissing(Symbols symbols) {
        TreeSet<String> functions = new TreeSet<>();
        for (Method method : LibTcAuth.class.getMethods()) {
            functions.add(method.getName());
        }
        functions.add("tc_auth_headers_into");
        for (String function : functions) {
            if (!symbols.has(function)) {
                return function;
            }
        }
        return null;
    }

    private static int major(int version) {
        return version >>> 16;
    }

    /** Finds the library and loads it with the given function. The message of an UnsatisfiedLinkError names each file. */
    static <T> T load(Function<Path, T> loader) {
        List<String> failures = new ArrayList<>();
        String explicit = System.getProperty(PROPERTY);
        @Nullable T library = null;
        if (explicit != null) {
            Path path = Path.of(explicit).toAbsolutePath();
            library = load(path, loader, path + ", which the system property " + PROPERTY + " names", failures);
        } else {
            library = fromJar(loader, failures);
            if (library == null) {
                library = fromSystem(loader, failures);
            }
        }
        if (library == null) {
            throw new UnsatisfiedLinkError("The library of tc_auth can't be loaded: " + String.join("; ", failures)
                    + ". Name the path of " + NAME + ", built for " + platform() + ", in the system property " + PROPERTY + ".");
        }
        return library;
    }

    /** Returns null, and adds the reason, if it can't be loaded. */
    private static <T> @Nullable T load(Path path, Function<Path, T> loader, String origin, List<String> failures) {
        try {
            return loader.apply(path);
        } catch (UnsatisfiedLinkError e) {
            String reason = String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ").strip(); // JNA's has several lines
            failures.add(origin + ": " + (Files.exists(path) ? reason : "there is no such file"));
            return null;
        }
    }

    private static <T> @Nullable T fromJar(Function<Path, T> loader, List<String> failures) {
        String resource = "native/" + platform() + "/" + NAME; // beside this class, so that it moves with it
        try (InputStream content = LibraryFile.class.getResourceAsStream(resource)) {
            if (content == null) {
                failures.add("there is no " + resource + " beside its classes in " + location());
                return null;
            }
            return loadCopy(content, loader, resource, failures);
        } catch (IOException e) {
            failures.add(resource + " can't be copied from " + location() + " to " + System.getProperty("java.io.tmpdir") + ": " + e
                    + " (set java.io.tmpdir)");
            return null;
        }
    }

    private static <T> @Nullable T loadCopy(InputStream content, Function<Path, T> loader, String resource, List<String> failures)
            throws IOException {
        Path copy = Files.createTempFile(COPY, NAME).toAbsolutePath(); // only its owner may read and write it
        try {
            try (OutputStream out = Files.newOutputStream(copy)) {
                content.transferTo(out); // Files.copy would replace the file, and with it its permissions
            }
            return load(copy, loader, copy + ", a copy of " + resource + " in " + location(), failures);
        } finally {
            try {
                Files.delete(copy);
            } catch (IOException e) {
                deleteOldCopies(copy.resolveSibling("")); // Windows can't delete this one while it is in use
            }
        }
    }

    /** Those of programs that have ended. One that was just made may belong to a program that is about to load it. */
    static void deleteOldCopies(Path directory) throws IOException {
        Instant old = Instant.now().minus(Duration.ofHours(1));
        try (DirectoryStream<Path> copies = Files.newDirectoryStream(directory, COPY + "*")) {
            for (Path copy : copies) {
                try {
                    if (Files.getLastModifiedTime(copy).toInstant().isBefore(old)) {
                        Files.delete(copy);
                    }
                } catch (IOException e) {
                    // still in use, or deleted by another program
                }
            }
        }
    }

    private static <T> @Nullable T fromSystem(Function<Path, T> loader, List<String> failures) {
        String searched = System.getProperty("java.library.path", "");
        boolean isThere = false;
        for (String directory : searched.split(File.pathSeparator)) {
            for (String name : systemNames()) {
                Path path = Path.of(directory, name).toAbsolutePath();
                if (!directory.isEmpty() && Files.isRegularFile(path)) {
                    isThere = true;
                    @Nullable T library = load(path, loader, path + ", which was found in java.library.path", failures);
                    if (library != null) {
                        return library;
                    }
                }
            }
        }
        if (!isThere) {
            failures.add("there is no " + String.join(" or ", systemNames()) + " in java.library.path (" + searched + ")");
        }
        return null;
    }

    /** What an installed library is called: by its major version, and for those who build with it. */
    private static List<String> systemNames() {
        int end = NAME.lastIndexOf('.');
        String extension = NAME.substring(end);
        String major = "." + major(NEEDED_VERSION);
        return extension.equals(".dll") ? List.of(NAME)
                : extension.equals(".dylib") ? List.of(NAME.substring(0, end) + major + extension, NAME)
                : List.of(NAME + major, NAME);
    }

    /** Where this class came from: a jar, or in a program of one file that program. */
    static String location() {
        CodeSource source = LibraryFile.class.getProtectionDomain().getCodeSource();
        return source == null ? "this program" : String.valueOf(source.getLocation());
    }

    /** The operating system, Java's name of the architecture, and the C library if it is musl; such as linux-amd64-musl. */
    static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        os = os.startsWith("mac") ? "macos" : os.startsWith("windows") ? "windows" : os;
        return os + "-" + System.getProperty("os.arch") + (os.equals("linux") && isMusl(mappedFiles()) ? "-musl" : "");
    }

    private static String mappedFiles() {
        try {
            return Files.readString(Path.of("/proc/self/maps"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Whether a process with these files in its memory runs on musl, whose loader and C library are one file. */
    static boolean isMusl(String mappedFiles) {
        return mappedFiles.contains("/ld-musl-") || mappedFiles.contains("/libc.so\n");
    }
}
