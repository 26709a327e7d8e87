package io.github.tcauth;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The native memory of one call: copies of its arguments, and room for its outputs. It is wiped when the call is over. */
final class Arguments implements AutoCloseable {
    private static final int OUTPUT_SIZE = 8;

    private final List<Block> blocks = new ArrayList<>();

    Arguments() {
        Library.require();
    }

    /**
     * A text as UTF-8 that ends in NUL. One with a NUL or a lone surrogate can't be passed and is refused; the name of the
     * parameter is for the message about a null.
     */
    long string(String name, String text, Status refusal) {
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

    /** Bytes that are passed with their length. */
    long bytes(byte[] bytes) {
        long address = allocate(Math.max(1, bytes.length));
        Bridge.write(address, bytes);
        return address;
    }

    /** An array of strings. */
    long strings(String name, String[] texts) {
        ByteBuffer addresses = ByteBuffer.allocate(texts.length * Long.BYTES).order(ByteOrder.nativeOrder());
        for (String text : texts) {
            addresses.putLong(string(name, text, Status.INVALID_ARGUMENT));
        }
        return bytes(addresses.array());
    }

    /** Room for an output of up to 8 bytes, zero at first. */
    long output() {
        return allocate(OUTPUT_SIZE);
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

    /** The string that an output points to, and that is ours to free; null if there is none. */
    static String ownedStringAt(long output) {
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
     * UTF-8, strictly and in one array: String.getBytes() puts "?" for a lone surrogate, and can leave a second array
     * behind, which nobody wipes.
     */
    static byte[] utf8(String name, String text, Status refusal) {
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
            // The first byte tells the length by its leading ones, each of the others has six bits.
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
