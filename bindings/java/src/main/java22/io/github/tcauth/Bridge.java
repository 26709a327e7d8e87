package io.github.tcauth;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Calls the C library with java.lang.foreign. Before Java 22 the class of the same name is used, which calls it with JNA. */
@SuppressWarnings("restricted") // calling C is what this class is for
final class Bridge {
    static final LibTcAuth LIBRARY;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle HEADERS_INTO;
    private static final MethodHandle MALLOC =
            LINKER.downcallHandle(symbol(LINKER.defaultLookup(), "malloc"), FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle FREE =
            LINKER.downcallHandle(symbol(LINKER.defaultLookup(), "free"), FunctionDescriptor.ofVoid(JAVA_LONG));
    /** A segment of the whole memory, in which an address is an offset. */
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    static {
        SymbolLookup symbols = LibraryFile.load(Bridge::open);
        // Critical: C reads and writes the Java arrays in place. The garbage collector waits meanwhile, but the call is short.
        HEADERS_INTO = LINKER.downcallHandle(symbol(symbols, "tc_auth_headers_into"),
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS,
                        JAVA_LONG, ADDRESS, ADDRESS),
                Linker.Option.critical(true));
        LIBRARY = library(symbols);
    }

    private Bridge() {
    }

    static String technique() {
        return "FFM";
    }

    private static SymbolLookup open(Path library) {
        SymbolLookup symbols;
        try {
            symbols = SymbolLookup.libraryLookup(library, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new UnsatisfiedLinkError(e.getMessage());
        }
        LibraryFile.requireVersion(new Functions(symbols));
        return symbols;
    }

    private record Functions(SymbolLookup symbols) implements LibraryFile.Symbols {
        @Override
        public boolean has(String function) {
            return symbols.find(function).isPresent();
        }

        @Override
        public int number(String function) {
            return (int) call(function, JAVA_INT);
        }

        @Override
        public String string(String function) {
            long address = (long) call(function, JAVA_LONG);
            return new String(read(address, stringLength(address)), StandardCharsets.US_ASCII);
        }

        private Object call(String function, MemoryLayout result) {
            try {
                return LINKER.downcallHandle(symbol(symbols, function), FunctionDescriptor.of(result)).invoke();
            } catch (Throwable e) {
                throw unexpected(e);
            }
        }
    }

    private static MemorySegment symbol(SymbolLookup symbols, String name) {
        return symbols.find(name).orElseThrow(() -> new UnsatisfiedLinkError("There is no function " + name));
    }

    /**
     * Makes the interface's methods call C. A long is a pointer or a 64-bit number, an int a 32-bit number. Each is linked when
     * it is called first: to link all of them takes longer than to sign a request.
     */
    private static LibTcAuth library(SymbolLookup symbols) {
        Map<Method, MethodHandle> linked = new ConcurrentHashMap<>();
        return (LibTcAuth) Proxy.newProxyInstance(LibTcAuth.class.getClassLoader(), new Class<?>[] {LibTcAuth.class},
                (proxy, method, arguments) -> {
                    MethodHandle function = linked.get(method);
                    if (function == null) {
                        function = link(symbols, method);
                        linked.put(method, function);
                    }
                    return function.invokeExact(arguments);
                });
    }

    private static MethodHandle link(SymbolLookup symbols, Method method) {
        MemoryLayout[] arguments = new MemoryLayout[method.getParameterCount()];
        for (int i = 0; i < arguments.length; i++) {
            arguments[i] = layout(method.getParameterTypes()[i]);
        }
        FunctionDescriptor descriptor = method.getReturnType() == void.class
                ? FunctionDescriptor.ofVoid(arguments)
                : FunctionDescriptor.of(layout(method.getReturnType()), arguments);
        return LINKER.downcallHandle(symbol(symbols, method.getName()), descriptor)
                .asSpreader(Object[].class, arguments.length)
                .asType(MethodType.methodType(Object.class, Object[].class));
    }

    private static MemoryLayout layout(Class<?> type) {
        return type == int.class ? JAVA_INT : JAVA_LONG;
    }

    /** Calls tc_auth_headers_into, and stores the length of the value and the timestamp in the last argument. */
    static int headersInto(long auth, byte[] method, byte[] uri, long unixTime, byte[] authorization,
            long[] lengthAndTimestamp) {
        MemorySegment outputs = MemorySegment.ofArray(lengthAndTimestamp);
        try {
            return (int) HEADERS_INTO.invokeExact(auth, MemorySegment.ofArray(method), (long) method.length,
                    MemorySegment.ofArray(uri), (long) uri.length, unixTime, MemorySegment.ofArray(authorization),
                    (long) authorization.length, outputs, outputs.asSlice(8));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Ends a client that is no longer used: its thread and its connection. */
    static void end(HttpClient client) {
        client.shutdownNow();
    }

    static long allocate(long size) {
        try {
            return (long) MALLOC.invokeExact(size);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static void free(long address) {
        try {
            FREE.invokeExact(address);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** The call itself throws nothing, so this is an error of the JVM. */
    private static Error unexpected(Throwable e) {
        return e instanceof Error ? (Error) e : new AssertionError(e);
    }

    static void write(long address, byte[] bytes) {
        MemorySegment.copy(bytes, 0, MEMORY, JAVA_BYTE, address, bytes.length);
    }

    static byte[] read(long address, int length) {
        return MEMORY.asSlice(address, length).toArray(JAVA_BYTE);
    }

    static int stringLength(long address) {
        int length = 0;
        while (MEMORY.get(JAVA_BYTE, address + length) != 0) {
            length++;
        }
        return length;
    }
}
