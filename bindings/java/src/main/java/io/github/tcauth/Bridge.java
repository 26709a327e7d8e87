package io.github.tcauth;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.net.http.HttpClient;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * Calls the C library with JNA. Java 22 and later load the class of the same name in META-INF/versions/22 of the jar instead,
 * which uses java.lang.foreign. Both have the same members.
 */
final class Bridge {
    static final LibTcAuth LIBRARY;

    static {
        boolean isWrongClass = Runtime.version().feature() >= 22;
        String wrongClass = "Java 22 and later call the library of tc_auth without JNA, but the manifest of "
                + LibraryFile.location() + " has lost \"Multi-Release: true\": add it";
        try {
            LIBRARY = LibraryFile.load(Jna::new);
        } catch (NoClassDefFoundError | IllegalAccessError e) { // the second: JNA is on the class path, and this on the module path
            String path = Bridge.class.getModule().isNamed()
                    ? "the module path, and the option --add-modules com.sun.jna" : "the class path";
            throw new UnsatisfiedLinkError((isWrongClass ? wrongClass + ", or add JNA to " : "Before Java 22, tc-auth needs JNA on ")
                    + path + ": net.java.dev.jna:jna, such as version 5.19.1 (missing: " + e.getMessage() + ")");
        }
        if (isWrongClass) {
            System.getLogger("io.github.tcauth").log(System.Logger.Level.WARNING, wrongClass + ". JNA takes longer");
        }
    }

    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(() -> new Scratch(1024));

    private Bridge() {
    }

    static String technique() {
        return "JNA";
    }

    /** Calls tc_auth_headers_into, and stores the length of the value and the timestamp in the last argument. */
    static int headersInto(long auth, byte[] method, byte[] uri, long unixTime, byte[] authorization,
            long[] lengthAndTimestamp) {
        int room = 16 + authorization.length;
        Scratch scratch = SCRATCH.get();
        if (scratch.buffer.capacity() < room + method.length + uri.length) {
            scratch = new Scratch(room + method.length + uri.length);
        }
        ByteBuffer buffer = scratch.buffer;
        buffer.position(room);
        buffer.put(method).put(uri);
        long start = scratch.address;
        int status = Jna.tc_auth_headers_into(auth, start + room, method.length, start + room + method.length, uri.length,
                unixTime, start + 16, authorization.length, start, start + 8);
        lengthAndTimestamp[0] = buffer.getLong(0);
        lengthAndTimestamp[1] = buffer.getLong(8);
        buffer.position(16);
        buffer.get(authorization);
        buffer.position(16);
        buffer.put(new byte[authorization.length]); // the buffer stays in memory, so the token is wiped
        return status;
    }

    /** Ends a client that is no longer used. Here the garbage collector does it: Java 11 has no method for that. */
    static void end(HttpClient client) {
    }

    static long allocate(long size) {
        return Native.malloc(size);
    }

    static void free(long address) {
        Native.free(address);
    }

    static void write(long address, byte[] bytes) {
        new Pointer(address).write(0, bytes, 0, bytes.length);
    }

    static byte[] read(long address, int length) {
        return new Pointer(address).getByteArray(0, length);
    }

    static int stringLength(long address) {
        return (int) new Pointer(address).indexOf(0, (byte) 0);
    }

    private static final class Scratch {
        final ByteBuffer buffer;
        final long address;

        Scratch(int capacity) {
            buffer = ByteBuffer.allocateDirect(capacity).order(ByteOrder.nativeOrder());
            address = Pointer.nativeValue(Native.getDirectBufferPointer(buffer));
        }
    }

    private static final class Functions implements LibraryFile.Symbols {
        private final NativeLibrary library;

        Functions(NativeLibrary library) {
            this.library = library;
        }

        @Override
        public boolean has(String function) {
            try {
                library.getFunction(function);
                return true;
            } catch (UnsatisfiedLinkError e) {
                return false;
            }
        }

        @Override
        public int number(String function) {
            return library.getFunction(function).invokeInt(new Object[0]);
        }

        @Override
        public String string(String function) {
            return library.getFunction(function).invokePointer(new Object[0]).getString(0);
        }
    }

    /** The C declarations. JNA finds the functions by the names of the methods. */
    private static final class Jna implements LibTcAuth {
        Jna(Path file) {
            NativeLibrary library = NativeLibrary.getInstance(file.toString());
            LibraryFile.requireVersion(new Functions(library));
            Native.register(Jna.class, library);
        }

        static native int tc_auth_headers_into(long auth, long method, long methodLength, long uri, long uriLength,
                long unixTime, long authorization, long capacity, long authorizationLength, long timestamp);

        @Override
        public native int tc_auth_new_hmac(long accessId, long secretKey, long out);

        @Override
        public native int tc_auth_new_token(long token, long expires, long out);

        @Override
        public native int tc_auth_from_json(long json, long jsonLength, long out);

        @Override
        public native int tc_auth_from_args(int argc, long argv, long out);

        @Override
        public native int tc_auth_from_env(long out);

        @Override
        public native int tc_auth_from_param_file(long path, long key, long out);

        @Override
        public native int tc_auth_discover(int argc, long argv, long why, long out);

        @Override
        public native void tc_auth_free(long auth);

        @Override
        public native int tc_auth_get_kind(long auth);

        @Override
        public native int tc_auth_describe(long auth, long out);

        @Override
        public native int tc_auth_header_block(long auth, long method, long uri, long block, long capacity);

        @Override
        public native int tc_auth_string_to_sign(long method, long uri, long unixTime, long out);

        @Override
        public native int tc_auth_verify(long auth, long method, long uri, long authorization, long timestamp,
                long unixTime, long tolerance);

        @Override
        public native int tc_auth_update_token(long auth, long token, long expires);

        @Override
        public native int tc_auth_token(long auth, long token, long expires);

        @Override
        public native int tc_auth_set_api_path(long auth, long apiPath);

        @Override
        public native long tc_auth_api_path(long auth);

        @Override
        public native int tc_auth_set_renewal_window(long auth, long seconds);

        @Override
        public native int tc_auth_renewal_window(long auth, long seconds);

        @Override
        public native int tc_auth_set_clock_offset(long auth, long seconds);

        @Override
        public native int tc_auth_clock_offset(long auth, long out);

        @Override
        public native int tc_auth_token_state(long auth, long state, long seconds);

        @Override
        public native int tc_auth_renewal_poll(long auth, long maxWaitMillis, long out);

        @Override
        public native long tc_auth_renewal_url(long renewal);

        @Override
        public native int tc_auth_renewal_needed(long renewal, long needed);

        @Override
        public native int tc_auth_renewal_complete(long renewal, int httpStatus, long body, long bodyLength,
                long serverMessage);

        @Override
        public native void tc_auth_renewal_cancel(long renewal);

        @Override
        public native int tc_auth_review(long auth, long authorization, long authorizationLength, long timestamp,
                int httpStatus, long date, long body, long bodyLength, long advice);

        @Override
        public native int tc_auth_family(long auth, long out);

        @Override
        public native int tc_auth_seal(long auth, long key, long out);

        @Override
        public native int tc_auth_unseal(long auth, long sealed, long sealedLength, long key, long outcome);

        @Override
        public native int tc_auth_share_in(long auth, long directory, long key);

        @Override
        public native int tc_auth_url_new(long base, long out);

        @Override
        public native int tc_auth_url_new_for(long auth, long path, long out);

        @Override
        public native int tc_auth_url_add_segment(long url, long segment);

        @Override
        public native int tc_auth_url_add_query(long url, long name, long value);

        @Override
        public native long tc_auth_url_string(long url);

        @Override
        public native void tc_auth_url_free(long url);

        @Override
        public native void tc_auth_string_free(long string);

        @Override
        public native long tc_auth_version();

        @Override
        public native int tc_auth_version_number();

        @Override
        public native long tc_auth_status_name(int status);

        @Override
        public native long tc_auth_status_message(int status);

        @Override
        public native long tc_auth_advice_name(int advice);

        @Override
        public native long tc_auth_advice_message(int advice);
    }
}
