/**
 * Authorization headers for the ThreatConnect API: HMAC-SHA256 signatures, or an API token with expiry and renewal.
 *
 * <p>It calls C: start Java 22 and later with {@code --enable-native-access=io.github.tcauth}. Java 11 to 21 need JNA for that,
 * {@code --add-modules com.sun.jna}.
 */
@SuppressWarnings("requires-automatic") // JNA has no module descriptor, and is not needed from Java 22 on
module io.github.tcauth {
    requires transitive java.net.http;
    requires static com.sun.jna;
    requires static transitive org.jspecify;
    requires static jdk.httpserver; // for io.github.tcauth.testing

    exports io.github.tcauth;
    exports io.github.tcauth.testing;
}
