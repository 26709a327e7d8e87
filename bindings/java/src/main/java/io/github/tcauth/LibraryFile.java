package io.github.tcauth;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** Finds the C library: in the path that the user sets, then in java.library.path, then in the jar. */
final class LibraryFile {
    /** The system property with the path of the library. */
    static final String PROPERTY = "tc_auth.library";

    /**
     * The oldest library that the binding works with, as tc_auth_version_number gives it. Functions are only added with a new
     * minor version.
     */
    static final int NEEDED_VERSION = 0 << 16 | 1 << 8;

    private static final String NAME = System.mapLibraryName("tc_auth");

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

    /** Refuses a library that is too old. One of 0.1 does not know its version as a number, and lacks more functions. */
    static void requireVersion(Symbols symbols) {
        if (!symbols.has("tc_auth_version")) {
            throw new UnsatisfiedLinkError("it is another library, without the function tc_auth_version");
        }
        Optional<String> missing = Stream.concat(Stream.of("tc_auth_version_number", "tc_auth_headers_into"),
                Stream.of(LibTcAuth.class.getMethods()).map(Method::getName).sorted())
                .filter(function -> !symbols.has(function)).findFirst();
        if (missing.isPresent() || symbols.number("tc_auth_version_number") < NEEDED_VERSION) {
            throw new UnsatisfiedLinkError("it is too old: it is version " + symbols.string("tc_auth_version")
                    + missing.map(function -> " without " + function).orElse("") + ", and tc-auth needs version "
                    + (NEEDED_VERSION >> 16) + "." + (NEEDED_VERSION >> 8 & 0xff) + "." + (NEEDED_VERSION & 0xff)
                    + " or later");
        }
    }

    /** Finds the library and loads it with the given function. Adds an explanation to an UnsatisfiedLinkError. */
    static <T> T load(Function<Path, T> loader) {
        String explicit = System.getProperty(PROPERTY);
        if (explicit != null) {
            return load(Path.of(explicit).toAbsolutePath(), loader, "which the system property " + PROPERTY + " names");
        }
        String searched = System.getProperty("java.library.path", "");
        for (String directory : searched.split(File.pathSeparator)) {
            Path path = Path.of(directory, NAME).toAbsolutePath();
            if (!directory.isEmpty() && Files.isRegularFile(path)) {
                return load(path, loader, "which was found in java.library.path");
            }
        }
        String resource = "/native/" + platform() + "/" + NAME;
        try (InputStream content = LibraryFile.class.getResourceAsStream(resource)) {
            if (content == null) {
                throw new UnsatisfiedLinkError("The library of tc_auth was not found: there is no " + NAME
                        + " in java.library.path (" + searched + "), and no " + resource + " in the jar of tc-auth. Build it for "
                        + platform() + " and name its path in the system property " + PROPERTY + ".");
            }
            return loadCopy(content, loader, resource);
        } catch (IOException e) {
            throw new UnsatisfiedLinkError("The library of tc_auth can't be copied from the jar to "
                    + System.getProperty("java.io.tmpdir") + ": " + e + ". Set java.io.tmpdir, or name the path of " + NAME
                    + " in the system property " + PROPERTY + ".");
        }
    }

    private static <T> T loadCopy(InputStream content, Function<Path, T> loader, String resource) throws IOException {
        Path copy = Files.createTempFile("tc_auth", NAME); // only its owner may read and write it
        try {
            try (OutputStream out = Files.newOutputStream(copy)) {
                content.transferTo(out); // Files.copy would replace the file, and with it its permissions
            }
            return load(copy, loader, "a copy of " + resource + " in the jar");
        } finally {
            try {
                Files.delete(copy);
            } catch (IOException e) {
                copy.toFile().deleteOnExit(); // Windows can't delete a library that is in use
            }
        }
    }

    private static <T> T load(Path path, Function<Path, T> loader, String origin) {
        try {
            return loader.apply(path);
        } catch (UnsatisfiedLinkError e) {
            throw new UnsatisfiedLinkError("The library of tc_auth can't be loaded from " + path + ", " + origin + ": "
                    + (Files.exists(path) ? e.getMessage() : "there is no such file")
                    + ". Name the path of " + NAME + ", built for " + platform() + ", in the system property " + PROPERTY + ".");
        }
    }

    /** The operating system and Java's name of the architecture, such as linux-amd64. */
    static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        os = os.startsWith("mac") ? "macos" : os.startsWith("windows") ? "windows" : os;
        return os + "-" + System.getProperty("os.arch");
    }
}
