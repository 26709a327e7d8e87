package io.github.tcauth;

import org.jspecify.annotations.Nullable;

/** Whether the C library can be called. It keeps the reason: Java gives it only for the first use of a class that fails. */
final class Library {
    private static final @Nullable UnsatisfiedLinkError FAILURE = failure();

    private Library() {
    }

    private static @Nullable UnsatisfiedLinkError failure() {
        try {
            Bridge.technique(); // loads the class, and with it the library
            return null;
        } catch (UnsatisfiedLinkError e) {
            return e;
        } catch (ExceptionInInitializerError e) {
            String reason = e.getCause() instanceof IllegalCallerException
                    ? "Java does not let tc-auth call C: start it with --enable-native-access=ALL-UNNAMED, or on the module path"
                            + " with --enable-native-access=io.github.tcauth"
                    : "The library of tc_auth can't be called";
            return explained(reason + " (" + e.getCause() + ")", e);
        }
    }

    /** Must be called before any use of {@link Bridge}. */
    static void require() {
        if (FAILURE != null) {
            throw explained(FAILURE.getMessage(), FAILURE);
        }
    }

    private static UnsatisfiedLinkError explained(@Nullable String message, Throwable cause) {
        UnsatisfiedLinkError error = new UnsatisfiedLinkError(message);
        error.initCause(cause);
        return error;
    }
}
