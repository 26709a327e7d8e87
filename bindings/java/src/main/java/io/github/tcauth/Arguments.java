package io.github.tcauth;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The native memory of one call: copies of its arguments, and space for its outputs. It is wiped after the call. */
final class Arguments implements AutoCloseable {
    private static final int OUTPUT_SIZE = 8;

    private final List<Block> blocks = new ArrayList<>();

    Arguments() {
        Library.require();
    }

    /**
     * A NUL-terminated copy of a text in UTF-8. A text with a NUL or a lone surrogate is refused. The name of the parameter is
     * used in the message about a null.
     */
    long string(String name, String text, TcAuthStatus refusal) {
        byte[] bytes = utf8(name, text, refusal);
        try {
            if (text.indexOf('\0') >= 0) {
                throw new TcAuthException(refusal);
            }
            long address = allocate(bytes.length + 1);
            Bridge.write(address, bytes);
            return address;
        } finally {
            Arrays.fill(bytes, (byte) 0);
        }
    }

    /** A copy of bytes, which are passed with their length. */
    long bytes(byte[] bytes) {
        long address = allocate(Math.max(1, bytes.length));
        Bridge.write(address, bytes);
        return address;
    }

    /** An array of pointers to strings. */
    long strings(String name, String[] texts) {
        ByteBuffer addresses = ByteBuffer.allocate(texts.length * Long.BYTES).order(ByteOrder.nativeOrder());
        for (String text : texts) {
            addresses.putLong(string(name, text, TcAuthStatus.INVALID_ARGUMENT));
        }
        return bytes(addresses.array());
    }

    /** Space for an output of up to 8 bytes, filled with zeros. */
    long output() {
        return allocate(OUTPUT_SIZE);
    }

    /** Space for a longer output, filled with zeros. */
    long output(int size) {
        return allocate(size);
    }

    /** A string, or 0 for null. */
    long optionalString(String name, @Nullable String text, TcAuthStatus refusal) {
        return text == null ? 0 : string(name, text, refusal);
    }

    static long longAt(long output) {
        return value(output).getLong();
    }

    static int intAt(long output) {
        return value(output).getInt();
    }

    private static ByteBuffer value(long output) {
        return ByteBuffer.wrap(Bridge.read(output, OUTPUT_SIZE)).order(ByteOrder.nativeOrder());
    }

    /** Copies and frees the string that an output points to. */
    static String stringAt(long output) {
        return Objects.requireNonNull(optionalStringAt(output));
    }

    /** The same; null if there is none. */
    static @Nullable String optionalStringAt(long output) {
        long address = longAt(output);
        if (address == 0) {
            return null;
        }
        String text = borrowedString(address);
        Bridge.LIBRARY.tc_auth_string_free(address);
        return text;
    }

    /** A copy of a string that belongs to the library. */
    static String borrowedString(long address) {
        byte[] bytes = Bridge.read(address, Bridge.stringLength(address));
        String text = new String(bytes, StandardCharsets.UTF_8);
        Arrays.fill(bytes, (byte) 0);
        return text;
    }

    /**
     * Encodes strictly, and in one array that the caller wipes. String.getBytes() replaces a lone surrogate by "?", and can
     * leave a second copy in memory that is not wiped.
     */
    static byte[] utf8(String name, String text, TcAuthStatus refusal) {
        Objects.requireNonNull(text, name);
        if (hasLoneSurrogate(text)) {
            throw new TcAuthException(refusal);
        }
        int size = 0;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            size += utf8Length(text.codePointAt(i));
        }
        byte[] bytes = new byte[size];
        for (int i = 0, at = 0; i < text.length();) {
            int codePoint = text.codePointAt(i);
            i += Character.charCount(codePoint);
            int length = utf8Length(codePoint);
            // The leading one bits of the first byte give the length; each following byte has six bits of the code point.
            for (int rest = length - 1; rest > 0; rest--) {
                bytes[at + rest] = (byte) (0x80 | codePoint & 0x3f);
                codePoint >>= 6;
            }
            bytes[at] = (byte) (length == 1 ? codePoint : 0xf00 >> length & 0xff | codePoint);
            at += length;
        }
        return bytes;
    }

    private static int utf8Length(int codePoint) {
        return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    }

    static boolean hasLoneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (!Character.isSupplementaryCodePoint(text.codePointAt(i))) {
                    return true;
                }
                i++;
            }
        }
        return false;
    }

    private long allocate(int size) {
        long address = Bridge.allocate(size);
        if (address == 0) {
            throw new OutOfMemoryError("no native memory for " + size + " bytes");
        }
        Block block = new Block(address, size);
        block.wipe();
        blocks.add(block);
        return address;
    }

    @Override
    public void close() {
        for (Block block : blocks) {
            block.wipe();
            Bridge.free(block.address);
        }
    }

    private static final class Block {
        final long address;
        final int size;

        Block(long address, int size) {
            this.address = address;
            this.size = size;
        }

        void wipe() {
            Bridge.write(address, new byte[size]);
        }
    }
}
