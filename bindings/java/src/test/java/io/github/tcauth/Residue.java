package io.github.tcauth;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;

/**
 * Makes the calls that handle secrets, for tests/residue/scan.c to look for them afterwards in the memory of this process.
 * It is run with -XX:-CompactStrings, so that strings have two bytes for each character, and only copies as the C library
 * has them are found.
 */
final class Residue {
    // Numbers and lengths of secrets in tests/residue/secrets.h.
    private static final int KEY_48 = 0;
    private static final int TOKEN_60 = 5;
    private static final int TOKEN_61 = 6;
    private static final int TOKEN_300 = 7;

    private Residue() {
    }

    private static String secret(int number) {
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:+/=";
        int length = number == KEY_48 ? 48 : number == TOKEN_60 ? 60 : number == TOKEN_61 ? 61 : 300;
        long state = 0x9e3779b97f4a7c15L * (number + 1);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            state = state * 6364136223846793005L + 1442695040888963407L;
            text.append(alphabet.charAt((int) ((state >>> 33) % (number == KEY_48 ? 62 : 66))));
        }
        return text.toString();
    }

    /** A body, as an HTTP client would have it. It is the caller's, who wipes it. */
    private static byte[] bytes(String text) {
        byte[] bytes = new byte[text.length()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) text.charAt(i);
        }
        return bytes;
    }

    private static void look(String name) throws IOException {
        System.out.println("check " + name + " - 0");
        System.out.flush();
        if (System.in.read() < 0) {
            throw new IOException("nobody looks");
        }
    }

    private static void refused(Runnable action) {
        try {
            action.run();
        } catch (TcAuthException e) {
            return;
        }
        throw new IllegalStateException("no error");
    }

    private static void sign(TcAuth auth) {
        for (int i = 0; i < 3; i++) {
            TcAuthHeaders made = auth.headers("GET", "/api/v3/indicators");
            auth.review(made, 403, null, new byte[10]);
        }
        Arrays.fill(auth.headerBlock("GET", "/api/v3/indicators"), (byte) 0);
        refused(() -> auth.headers("GET", "x"));
        refused(() -> auth.headerBlock("GET", "x"));
        auth.describe();
    }

    private static void share(TcAuth auth) throws IOException {
        Path directory = Files.createTempDirectory("tc_auth");
        auth.shareIn(directory, secret(KEY_48));
        refused(() -> auth.shareIn(directory, secret(KEY_48)));
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    public static void main(String[] args) throws IOException {
        try (TcAuth auth = TcAuth.ofHmac("12345678901234567890", secret(KEY_48))) {
            sign(auth);
        }
        refused(() -> TcAuth.ofHmac("a b", secret(KEY_48)));
        look("hmac");
        for (int first : new int[] {TOKEN_60, TOKEN_300}) {
            String token = secret(first);
            String next = secret(first == TOKEN_60 ? TOKEN_300 : TOKEN_61);
            try (TcAuth auth = TcAuth.ofToken(token, null)) {
                auth.setApiPath("https://company.example/api");
                sign(auth);
                auth.updateToken(token, Instant.now().minusSeconds(60));
                try (TcAuthRenewal renewal = auth.poll()) {
                    renewal.url();
                    byte[] body = bytes("{\"success\":true,\"apiToken\":\"" + next + "\"}");
                    renewal.complete(200, body);
                    Arrays.fill(body, (byte) 0);
                }
                sign(auth);
                auth.unseal(auth.seal(secret(KEY_48)), secret(KEY_48));
                refused(() -> auth.unseal(auth.seal(secret(KEY_48)), null));
                share(auth);
                if (!auth.token().value().equals(next)) {
                    throw new IllegalStateException("not the token");
                }
            }
        }
        look("token");
        TcAuth.fromJson("{\"tc_token\":\"" + secret(TOKEN_60) + "\"}").close();
        look("json");
        TcAuth.fromArgs("--tc_token=" + secret(TOKEN_300)).close();
        look("arguments");
        if (args.length > 0) { // a copy that nobody wipes
            byte[] planted = bytes(secret(TOKEN_61));
            look("planted");
            java.lang.ref.Reference.reachabilityFence(planted);
        }
    }
}
