package io.github.tcauth;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Function;

/** Finds the C library: in the path that the user sets, then in java.library.path, then in the jar. */
final class LibraryFile {
    /** The system property with the path of the library. */
    static final String PROPERTY = "tc_auth.library";

    private static final String NAME = System.mapLibraryName("tc_auth");

    private LibraryFile() {
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
