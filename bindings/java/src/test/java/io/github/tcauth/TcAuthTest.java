package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TcAuthTest {
    @Test
    void textsAreEncodedAsJavaDoesIt() {
        for (int codePoint = 0; codePoint <= Character.MAX_CODE_POINT; codePoint++) {
            if (codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE) {
                String text = "a" + new String(Character.toChars(codePoint)) + "z";
                assertArrayEquals(text.getBytes(StandardCharsets.UTF_8), Arguments.utf8("text", text, TcAuthStatus.INVALID_TOKEN));
            }
        }
        for (String lone : new String[] {"\ud800", "a\udc00", "\udc00\ud800", "\ud800a"}) {
            TcAuthException thrown = assertThrows(TcAuthException.class,
                    () -> Arguments.utf8("text", lone, TcAuthStatus.INVALID_TOKEN));
            assertEquals(TcAuthStatus.INVALID_TOKEN, thrown.status());
        }
        assertEquals(0, Arguments.utf8("text", "", TcAuthStatus.INVALID_TOKEN).length);
    }

    private static final String SECRET = "tc_auth-example-secret";
    private static final String TOKEN = "API:5:fixture+token/with=:colons:";
    private static final Instant AT = Instant.ofEpochSecond(1513703787);
    private static final byte[] NO_BODY = {};

    private final TcAuth hmac = TcAuth.ofHmac("12345678901234567890", SECRET);
    private final TcAuth token = TcAuth.ofToken(TOKEN, Instant.ofEpochSecond(2000000000));

    @Test
    void theRightTechniqueIsUsed() {
        assertEquals(Runtime.version().feature() >= 22 ? "FFM" : "JNA", Bridge.technique());
        assertTrue(TcAuth.class.getProtectionDomain().getCodeSource().getLocation().getPath().endsWith(".jar"));
    }

    @Test
    void signsWithASecretKey() {
        TcAuthHeaders headers = hmac.headers("GET", "/api/v3/indicators", AT.plusMillis(999));
        assertEquals("TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=", headers.authorization());
        assertEquals(OptionalLong.of(1513703787), headers.timestamp());
        assertEquals(List.of("Authorization=" + headers.authorization(), "Timestamp=1513703787"), pairs(headers));
        assertEquals("/api/v3/indicators:GET:1513703787", TcAuth.stringToSign("get", "/api/v3/indicators", AT));
        hmac.verify("GET", "/api/v3/indicators", headers.authorization(), "1513703787", AT, Duration.ZERO);
    }

    @Test
    void signsNow() {
        TcAuthHeaders headers = hmac.headers("GET", "/");
        assertEquals(Instant.now().getEpochSecond(), headers.timestamp().getAsLong(), 2);
        hmac.verify("GET", "/", headers.authorization(), Long.toString(headers.timestamp().getAsLong()), Duration.ofMinutes(5));
    }

    @Test
    void showsATokenOfAnyLength() {
        TcAuthHeaders headers = token.headers("GET", "/");
        assertEquals(List.of("Authorization=TC-Token " + TOKEN), pairs(headers));
        assertEquals(OptionalLong.empty(), headers.timestamp());
        for (int length : new int[] {117, 118, 119, 120, 5000, 3}) {
            String other = "t".repeat(length);
            token.updateToken(other, null);
            assertEquals("TC-Token " + other, token.headers("GET", "/").authorization());
        }
    }

    @Test
    void longUrisAreSigned() {
        String uri = "/" + "a".repeat(100_000);
        TcAuthHeaders headers = hmac.headers("GET", uri);
        hmac.verify("GET", uri, headers.authorization(), Long.toString(headers.timestamp().getAsLong()), Duration.ofMinutes(1));
    }

    @Test
    void tokenAndExpiryComeBack() {
        assertEquals(TOKEN, token.token().value());
        assertEquals(Instant.ofEpochSecond(2000000000), token.token().expires());
        token.updateToken("other", null);
        assertEquals("other", token.token().value());
        assertNull(token.token().expires());
    }

    @Test
    void aTimeBeforeTheEpochIsNotNow() {
        for (long second : new long[] {-1, -2, Long.MIN_VALUE / 1_000_000_000}) {
            assertFails(TcAuthStatus.INVALID_TIME, () -> hmac.headers("GET", "/", Instant.ofEpochSecond(second)));
            assertFails(TcAuthStatus.INVALID_TIME, () -> TcAuth.ofToken("t", Instant.ofEpochSecond(second)));
        }
    }

    @Test
    void durationsArePassedInSeconds() throws InterruptedException {
        hmac.setClockOffset(Duration.ofHours(-1));
        assertEquals(Duration.ofHours(-1), hmac.clockOffset());
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> hmac.setClockOffset(Duration.ofDays(2)));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> token.setRenewalWindow(Duration.ofSeconds(-1)));
        assertFails(TcAuthStatus.WRONG_KIND, () -> hmac.setRenewalWindow(Duration.ZERO));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> token.poll(Duration.ofNanos(-1)));
        assertNull(token.poll(Duration.ofSeconds(Long.MAX_VALUE)));
    }

    @Test
    void readsEverySource() {
        assertEquals(TcAuthKind.HMAC, TcAuth.fromJson("{\"api_access_id\":\"1\",\"api_secret_key\":\"schlüssel €\"}").kind());
        assertEquals(TcAuthKind.TOKEN, TcAuth.fromArgs("--tc_token", "t", "other").kind());
        assertFails(TcAuthStatus.NO_CREDENTIALS, TcAuth::fromArgs);
        assertFails(TcAuthStatus.NO_CREDENTIALS, TcAuth::fromEnvironment);
        assertFails(TcAuthStatus.CONFIG_IO, () -> TcAuth.fromParamFile(Path.of("no", "such", "file"), "0123456789abcdef"));
    }

    @Test
    void discoveryTellsWhyAlsoWhenItFails() {
        try (TcAuth found = TcAuth.discover("--tc_token=t")) {
            assertFalse(found.discovery().isBlank());
        }
        assertNull(hmac.discovery());
        TcAuthException failure = assertFails(TcAuthStatus.NO_CREDENTIALS, TcAuth::discover);
        assertTrue(failure.getMessage().contains(failure.detail()), failure.getMessage());
    }

    @Test
    void aTokenIsRenewedOnce() {
        TcAuth auth = TcAuth.ofToken(TOKEN, Instant.ofEpochSecond(1));
        auth.setApiPath("https://company.example/api");
        TcAuthRenewal renewal = auth.poll();
        assertTrue(renewal.url().startsWith("https://company.example/api/appAuth?expiredToken="), renewal.url());
        assertFails(TcAuthStatus.RENEWAL_TIMEOUT, () -> auth.poll(Duration.ofMillis(1)));
        assertNull(renewal.complete(200, "{\"success\":true,\"apiToken\":\"new\"}".getBytes(StandardCharsets.UTF_8)));
        assertEquals("new", auth.token().value());
        assertThrows(IllegalStateException.class, () -> renewal.complete(200, NO_BODY));
        assertThrows(IllegalStateException.class, renewal::url);
        renewal.cancel();
        renewal.close();
    }

    @Test
    void aRefusedRenewalHasTheServersMessage() {
        TcAuth auth = TcAuth.ofToken(TOKEN, Instant.ofEpochSecond(1));
        auth.setApiPath("https://company.example/api");
        try (TcAuthRenewal renewal = auth.poll()) {
            byte[] answer = ("{\"success\":false,\"message\":\"no " + TOKEN + "\"}").getBytes(StandardCharsets.UTF_8);
            TcAuthException failure = assertFails(TcAuthStatus.RENEWAL_REFUSED, () -> renewal.complete(200, answer));
            assertEquals("no ***", failure.detail());
            assertTrue(failure.getMessage().endsWith(" (no ***)"), failure.getMessage());
        }
    }

    @Test
    void aRenewalMayOutliveItsHandleAndIsCancelledByClose() {
        TcAuth auth = TcAuth.ofToken(TOKEN, Instant.ofEpochSecond(1));
        auth.setApiPath("https://company.example/api");
        TcAuthRenewal renewal = auth.poll();
        renewal.close();
        assertNull(auth.poll(), "after a failure there is a pause");
        assertThrows(IllegalStateException.class, () -> renewal.complete(200, NO_BODY));
        auth.updateToken("second", Instant.ofEpochSecond(1));
        TcAuthRenewal late = auth.poll();
        auth.close();
        late.complete(200, "{\"success\":true,\"apiToken\":\"new\"}".getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void theApiPathAndTheWindowCanBeAskedFor() {
        assertNull(token.apiPath());
        token.setApiPath("https://company.example/api/");
        assertEquals("https://company.example/api", token.apiPath());
        assertEquals(Duration.ofMinutes(1), token.renewalWindow());
        token.setRenewalWindow(Duration.ofSeconds(7));
        assertEquals(Duration.ofSeconds(7), token.renewalWindow());
        assertFails(TcAuthStatus.WRONG_KIND, hmac::renewalWindow);
    }

    @Test
    void theStateOfATokenIsToldWithItsTime() {
        assertState(TcAuthState.NONE, Duration.ZERO, hmac);
        assertState(TcAuthState.NOT_RENEWABLE, null, TcAuth.ofToken("APIV2:1:2:a"));
        TcAuth auth = TcAuth.ofToken(TOKEN, null);
        auth.setApiPath("https://company.example/api");
        assertState(TcAuthState.VALID, null, auth);
        assertEquals("TokenState[VALID]", auth.tokenState().toString());
        auth.updateToken(TOKEN, Instant.ofEpochSecond(1));
        assertState(TcAuthState.DUE, Duration.ZERO, auth);
        try (TcAuthRenewal renewal = auth.poll()) {
            assertTrue(renewal.isNeeded());
            assertState(TcAuthState.UNDER_WAY, Duration.ofSeconds(120), auth);
            auth.updateToken("other", null);
            assertFalse(renewal.isNeeded());
        }
    }

    private static void assertState(TcAuthState state, Duration left, TcAuth auth) {
        assertEquals(state, auth.tokenState().state());
        assertEquals(left, auth.tokenState().left());
    }

    @Test
    void aHeaderBlockHasTheLinesOfAnyLength() {
        String long200 = "t".repeat(200);
        for (String value : List.of("t", long200, long200.repeat(100))) {
            String block = new String(TcAuth.ofToken(value).headerBlock("GET", "/"), StandardCharsets.US_ASCII);
            assertEquals("Authorization: TC-Token " + value + "\r\n", block);
        }
        String block = new String(hmac.headerBlock("get", "/"), StandardCharsets.US_ASCII);
        assertTrue(block.matches("Authorization: TC [0-9]{20}:[^ ]{44}\r\nTimestamp: [0-9]+\r\n"), block);
    }

    @Test
    void aSealedTokenReachesAnotherProcess() {
        String key = "00112233445566778899aabbccddeeff";
        TcAuth other = TcAuth.ofToken(TOKEN, Instant.ofEpochSecond(2000000000));
        assertEquals(other.family(), token.family());
        assertTrue(token.family().matches("[0-9a-f]{32}"), token.family());
        String first = token.seal(key);
        other.updateToken("newer", Instant.ofEpochSecond(2100000000));
        assertEquals(TcAuthUnsealed.ADOPTED, token.unseal(other.seal(key), key));
        assertEquals("newer", token.token().value());
        assertEquals(Instant.ofEpochSecond(2100000000), token.token().expires());
        assertEquals(TcAuthUnsealed.SAME, token.unseal(other.seal("new\n" + key), "new\n" + key));
        assertEquals(TcAuthUnsealed.OLDER, token.unseal(first, key));
        assertEquals("newer", token.token().value());
        assertFails(TcAuthStatus.SEAL_INVALID, () -> token.unseal(first, null));
        assertFails(TcAuthStatus.SEAL_VERSION, () -> token.unseal("TC2" + first.substring(3), key));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> token.seal(""));
        assertFails(TcAuthStatus.WRONG_KIND, () -> hmac.seal(null));
        assertFails(TcAuthStatus.WRONG_KIND, () -> hmac.unseal(first, key));
        assertFails(TcAuthStatus.WRONG_KIND, hmac::family);
        assertEquals(TcAuthUnsealed.SAME, TcAuth.ofToken("a").unseal(TcAuth.ofToken("a").seal(null), null));
    }

    @Test
    void aTokenIsSharedInADirectory(@TempDir Path directory) throws InterruptedException {
        String key = "00112233445566778899aabbccddeeff";
        Instant expires = Instant.ofEpochSecond(1);
        TcAuth one = TcAuth.ofToken(TOKEN, expires);
        TcAuth other = TcAuth.ofToken(TOKEN, expires);
        for (TcAuth auth : List.of(one, other)) {
            auth.setApiPath("https://company.example/api");
            assertFails(TcAuthStatus.STORE_IO, () -> auth.shareIn(directory.resolve("missing"), key));
            auth.shareIn(directory, key);
            assertFails(TcAuthStatus.ALREADY_SET, () -> auth.shareIn(directory, key));
        }
        TcAuthRenewal renewal = one.poll();
        assertFails(TcAuthStatus.RENEWAL_TIMEOUT, other::poll);
        renewal.complete(200, "{\"success\":true,\"apiToken\":\"new\"}".getBytes(StandardCharsets.UTF_8));
        assertNull(other.poll());
        assertEquals("new", other.token().value());
        assertFails(TcAuthStatus.SEAL_INVALID, () -> TcAuth.ofToken(TOKEN, expires).shareIn(directory, null));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> TcAuth.ofToken(TOKEN, expires).shareIn(directory, ""));
        assertFails(TcAuthStatus.WRONG_KIND, () -> hmac.shareIn(directory, key));
        TcAuth restarted = TcAuth.ofToken(TOKEN, expires);
        restarted.shareIn(directory, key);
        assertEquals("new", restarted.token().value());
    }

    @Test
    void reviewsWhatWasSent() {
        byte[] body = "{\"message\":\"Signature data did not match expected result\"}".getBytes(StandardCharsets.UTF_8);
        TcAuthHeaders sent = hmac.headers("GET", "/");
        assertEquals(TcAuthAdvice.BAD_SIGNATURE, hmac.review(sent, 401, null, body));
        assertEquals(TcAuthAdvice.BAD_SIGNATURE, hmac.review(sent, 401, "a date\0 that can't be passed\ud800", body));
        assertEquals(TcAuthAdvice.ACCEPTED, hmac.review(TcAuthHeaders.of("TC 1:x", OptionalLong.of(1)), 200, null, NO_BODY));
        assertFails(TcAuthStatus.MALFORMED_AUTHORIZATION, () -> hmac.review(token.headers("GET", "/"), 401, null, body));
        assertFails(TcAuthStatus.MALFORMED_AUTHORIZATION,
                () -> hmac.review(TcAuthHeaders.of("TC \ud800", OptionalLong.of(1)), 401, null, body));
    }

    @Test
    void aClockIsCorrectedByTheDate() {
        byte[] body = "{\"message\":\"Timestamp out of acceptable time range\"}".getBytes(StandardCharsets.UTF_8);
        String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(OffsetDateTime.now(ZoneOffset.UTC).plusHours(1));
        assertEquals(TcAuthAdvice.RETRY, hmac.review(hmac.headers("GET", "/"), 401, date, body));
        assertEquals(3600, hmac.clockOffset().toSeconds(), 2);
    }

    @Test
    void urlsAreBuilt() {
        hmac.setApiPath("https://company.example/api");
        TcUrl url = hmac.url("/v3/indicators");
        assertEquals("https://company.example/api/v3/indicators/http%3A%2F%2Fevil.example%2Fa%3Fb?q=a%20%E2%82%AC%F0%9F%98%80",
                url.addSegment("http://evil.example/a?b").addQuery("q", "a €\ud83d\ude00").string());
        assertEquals(url.string(), url.toString());
        assertEquals(url.string(), url.toURI().toString());
        assertFails(TcAuthStatus.INVALID_URI_FORM, () -> url.addSegment("late"));
        url.close();
        assertEquals("TcUrl[closed]", url.toString());
        assertThrows(IllegalStateException.class, url::string);
        assertThrows(IllegalStateException.class, url::toURI);
        assertThrows(IllegalStateException.class, () -> url.addSegment("a"));
        assertFails(TcAuthStatus.API_PATH_MISSING, () -> token.url("/"));
        assertFails(TcAuthStatus.ALREADY_SET, () -> hmac.setApiPath("https://company.example/api"));
        assertFails(TcAuthStatus.OTHER_ORIGIN, () -> hmac.headers("GET", "https://evil.example/api"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\0b", "\0", "a\ud800", "\udc00b", "\ud800\ud800", "\udc00\ud800"})
    void whatCanNotBePassedIsRefused(String text) {
        assertFails(TcAuthStatus.INVALID_ACCESS_ID, () -> TcAuth.ofHmac(text, "key"));
        assertFails(TcAuthStatus.INVALID_SECRET_KEY, () -> TcAuth.ofHmac("id", text));
        assertFails(TcAuthStatus.INVALID_TOKEN, () -> TcAuth.ofToken(text, null));
        assertFails(TcAuthStatus.INVALID_TOKEN, () -> token.updateToken(text, null));
        assertFails(TcAuthStatus.INVALID_METHOD, () -> hmac.headers(text, "/"));
        assertFails(TcAuthStatus.INVALID_METHOD, () -> TcAuth.stringToSign(text, "/", AT));
        assertFails(TcAuthStatus.INVALID_METHOD, () -> hmac.verify(text, "/", "", "", Duration.ZERO));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> hmac.headers("GET", "/" + text));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> TcAuth.stringToSign("GET", "/" + text, AT));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> hmac.verify("GET", "/" + text, "", "", Duration.ZERO));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> hmac.setApiPath("https://company.example/" + text));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> hmac.url("/" + text));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> TcUrl.of("/" + text));
        assertFails(TcAuthStatus.INVALID_METHOD, () -> hmac.headerBlock(text, "/"));
        assertFails(TcAuthStatus.INVALID_URI_BYTE, () -> hmac.headerBlock("GET", "/" + text));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> token.seal(text));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> token.shareIn(Path.of("a"), text));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> token.unseal("TC1.", text));
        assertFails(TcAuthStatus.SEAL_INVALID, () -> token.unseal(text, null));
        assertFails(TcAuthStatus.MALFORMED_AUTHORIZATION, () -> hmac.verify("GET", "/", text, "1", Duration.ZERO));
        assertFails(TcAuthStatus.MALFORMED_AUTHORIZATION, () -> hmac.verify("GET", "/", "TC 1:x", text, Duration.ZERO));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> TcAuth.fromArgs("--tc_token", text));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> TcAuth.discover(text));
        assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> TcAuth.fromParamFile(Path.of("file"), text));
        try (TcUrl url = TcUrl.of("/")) {
            assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> url.addSegment(text));
            assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> url.addQuery(text, ""));
            assertFails(TcAuthStatus.INVALID_ARGUMENT, () -> url.addQuery("a", text));
            assertEquals("/", url.string());
        }
    }

    @Test
    void theMessageNamesWhatIsNull() {
        assertNamed("accessId", () -> TcAuth.ofHmac(null, "key"));
        assertNamed("secretKey", () -> TcAuth.ofHmac("id", null));
        assertNamed("token", () -> TcAuth.ofToken(null));
        assertNamed("json", () -> TcAuth.fromJson(null));
        assertNamed("args", () -> TcAuth.fromArgs((String[]) null));
        assertNamed("args", () -> TcAuth.discover("a", null));
        assertNamed("path", () -> TcAuth.fromParamFile(null, "key"));
        assertNamed("key", () -> TcAuth.fromParamFile(Path.of("a"), null));
        assertNamed("method", () -> hmac.headers(null, "/"));
        assertNamed("uri", () -> hmac.headers("GET", null));
        assertNamed("uri", () -> TcAuth.stringToSign("GET", null, AT));
        assertNamed("apiPath", () -> hmac.setApiPath(null));
        assertNamed("sealed", () -> token.unseal(null, "key"));
        assertNamed("directory", () -> token.shareIn(null, "key"));
        assertNamed("uri", () -> token.headerBlock("GET", null));
        assertNamed("path", () -> hmac.url(null));
        assertNamed("segment", () -> TcUrl.of("/").addSegment(null));
        assertNamed("value", () -> TcUrl.of("/").addQuery("a", null));
        assertNamed("authorization", () -> TcAuthHeaders.of(null, OptionalLong.empty()));
    }

    private static void assertNamed(String argument, Executable call) {
        assertEquals(argument, assertThrows(NullPointerException.class, call).getMessage());
    }

    @Test
    void theEpochIsNoExpiry() {
        assertNull(TcAuth.ofToken("t", Instant.EPOCH).token().expires());
        assertNull(TcAuth.ofToken("t").token().expires());
    }

    @Test
    void anExceptionShowsTheNameOfItsStatus() {
        TcAuthException e = assertThrows(TcAuthException.class, () -> TcAuth.ofToken(""));
        assertEquals("io.github.tcauth.TcAuthException: INVALID_TOKEN: " + TcAuthStatus.INVALID_TOKEN.message(), e.toString());
        assertEquals("io.github.tcauth.TcAuthException: UNKNOWN: " + TcAuthStatus.message(4711),
                new TcAuthException(4711, null).toString());
    }

    @Test
    void nullIsRefused() {
        List<Executable> calls = List.of(
                () -> TcAuth.ofHmac(null, "key"), () -> TcAuth.ofHmac("id", null), () -> TcAuth.ofToken(null, null),
                () -> TcAuth.fromJson(null), () -> TcAuth.fromArgs((String) null), () -> TcAuth.discover((String[]) null),
                () -> TcAuth.fromParamFile(null, "key"), () -> TcAuth.fromParamFile(Path.of("a"), null),
                () -> hmac.headers(null, "/"), () -> hmac.headers("GET", null), () -> hmac.headers("GET", "/", null),
                () -> TcAuth.stringToSign("GET", "/", null), () -> hmac.setApiPath(null), () -> hmac.setClockOffset(null),
                () -> token.updateToken(null, null), () -> token.setRenewalWindow(null), () -> token.poll(null),
                () -> hmac.review(null, 200, null, NO_BODY),
                () -> hmac.review(hmac.headers("GET", "/"), 200, null, null),
                () -> hmac.verify(null, "/", "", "", Duration.ZERO), () -> hmac.verify("GET", "/", "", "", null),
                () -> hmac.url(null), () -> TcUrl.of(null), () -> TcUrl.of("/").addSegment(null),
                () -> TcUrl.of("/").addQuery("a", null), () -> TcAuthHeaders.of(null, OptionalLong.empty()));
        for (int i = 0; i < calls.size(); i++) {
            assertThrows(NullPointerException.class, calls.get(i), "call " + i);
        }
        assertFails(TcAuthStatus.MALFORMED_AUTHORIZATION, () -> hmac.verify("GET", "/", null, null, Duration.ZERO));
    }

    @Test
    void aClosedOneThrows() {
        token.close();
        token.close();
        List<Executable> calls = List.of(token::kind, token::describe, () -> token.headers("GET", "/"), token::token,
                () -> token.headers("GET", "/", AT), () -> token.updateToken("t", null), () -> token.url("/"),
                () -> token.setApiPath("https://a.example"), () -> token.setRenewalWindow(Duration.ZERO),
                () -> token.setClockOffset(Duration.ZERO), token::clockOffset, () -> token.poll(),
                token::apiPath, token::renewalWindow, token::tokenState, token::family, () -> token.seal(null),
                () -> token.unseal("TC1.", null), () -> token.shareIn(Path.of("a"), null), () -> token.headerBlock("GET", "/"),
                () -> token.review(TcAuthHeaders.of("TC-Token t", OptionalLong.empty()), 401, null, NO_BODY),
                () -> token.verify("GET", "/", null, null, Duration.ZERO));
        for (int i = 0; i < calls.size(); i++) {
            IllegalStateException failure = assertThrows(IllegalStateException.class, calls.get(i), "call " + i);
            assertEquals("This TcAuth is closed", failure.getMessage());
        }
        assertEquals("TcAuth[closed]", token.toString());
    }

    @Test
    void nothingTellsASecret() {
        String told = hmac + " " + token + " " + token.token() + " " + hmac.headers("GET", "/") + " "
                + token.headers("GET", "/") + " "
                + assertFails(TcAuthStatus.INVALID_SECRET_KEY, () -> TcAuth.ofHmac("1", SECRET + "\n"))
                + assertFails(TcAuthStatus.INVALID_TOKEN, () -> TcAuth.ofToken(TOKEN + "\n", null));
        assertFalse(told.contains(SECRET) || told.contains(TOKEN) || told.contains(hmac.headers("GET", "/").authorization()), told);
        assertTrue(told.startsWith("TcAuth[HMAC; access id 12345678901234567890;"), told);
    }

    @Test
    void theCallersArraysStayAsTheyWere() {
        byte[] body = "{\"message\":\"Unauthorized\"}".getBytes(StandardCharsets.UTF_8);
        byte[] before = body.clone();
        token.review(token.headers("GET", "/"), 401, null, body);
        assertArrayEquals(before, body);
    }

    static TcAuthException assertFails(TcAuthStatus status, Executable call) {
        TcAuthException failure = assertThrows(TcAuthException.class, call);
        assertEquals(status, failure.status());
        assertTrue(failure.getMessage().startsWith(status.message()), failure.getMessage());
        return failure;
    }

    private static List<String> pairs(TcAuthHeaders headers) {
        List<String> pairs = new ArrayList<>();
        headers.forEach((name, value) -> pairs.add(name + "=" + value));
        return pairs;
    }
}
