package io.github.tcauth.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.tcauth.TcAuth;
import io.github.tcauth.TcAuthClient;
import io.github.tcauth.TcAuthException;
import io.github.tcauth.TcAuthHeaders;
import io.github.tcauth.TcAuthStatus;
import io.github.tcauth.testing.FakePlatform.Answer;
import io.github.tcauth.testing.FakePlatform.Fault;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FakePlatformTest {
    private final HttpClient http = HttpClient.newHttpClient();
    private final List<String> events = new ArrayList<>();
    private FakePlatform platform = new FakePlatform();

    @AfterEach
    void stop() {
        platform.close();
    }

    private TcAuthClient client(TcAuth auth) {
        return TcAuthClient.newBuilder(auth, http).onEvent(event -> events.add(event.type().name())).build();
    }

    private HttpResponse<String> get(TcAuthClient client) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(URI.create(platform.apiPath() + "/v3/indicators?a=%20b&&c=")).build(),
                BodyHandlers.ofString());
    }

    /** Sends headers as they are, and returns what the platform says. */
    private String sent(String target, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(platform.url() + target));
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        String body = http.send(request.build(), BodyHandlers.ofString()).body();
        return body.replaceAll(".*\"message\":\"(.*)\"}", "$1");
    }

    @Test
    void itAnswersWhatItWasTold() throws Exception {
        TcAuthClient client = client(platform.hmacAuth());
        assertEquals("{\"status\":\"Success\"}", get(client).body());
        platform.answer("GET", "/v3/indicators", 418, "{\"data\":[]}");
        assertEquals("418 {\"data\":[]}", get(client).statusCode() + " " + get(client).body());
        platform.answer("POST", "/v3/tags", request -> Answer.of(201, request.body() + request.header("x-mine")
                + request.header("none") + request.query()));
        HttpRequest post = HttpRequest.newBuilder(URI.create(platform.apiPath() + "/v3/tags")).header("X-Mine", "1")
                .POST(BodyPublishers.ofString("é")).build();
        assertEquals("é1null", client.send(post, BodyHandlers.ofString()).body());
        assertEquals("[GET /v3/indicators?a=%20b&&c=, GET /v3/indicators?a=%20b&&c=, GET /v3/indicators?a=%20b&&c=, POST /v3/tags]",
                platform.requests().toString());
        assertThrows(UnsupportedOperationException.class, () -> platform.requests().clear());
        assertEquals(List.of(), platform.refused());
        HttpRequest head = HttpRequest.newBuilder(URI.create(platform.apiPath() + "/v3/tags")).method("HEAD", BodyPublishers.noBody())
                .build();
        assertEquals(200, client.send(head, BodyHandlers.ofString()).statusCode());
    }

    @Test
    void itRefusesAsThePlatformDoes() throws Exception {
        String path = "/api/v3/indicators";
        TcAuth auth = platform.hmacAuth();
        TcAuthHeaders good = auth.headers("GET", path);
        String timestamp = Long.toString(good.timestamp().getAsLong());
        assertEquals("{\"status\":\"Success\"}", sent(path, "Authorization", good.authorization(), "Timestamp", timestamp));
        TcAuthHeaders old = auth.headers("GET", path, Instant.now().minusSeconds(400));
        List<String> expected = List.of("Unauthorized", "Unauthorized", "Unauthorized", "Access Denied", "Access Denied",
                "Invalid timestamp", "Timestamp out of acceptable time range", "Signature data did not match expected result");
        List<String> said = List.of(sent(path), sent(path, "Authorization", "Basic x"),
                sent(path, "Authorization", "TC-Token of-nobody"), sent(path, "Authorization", "TC nonsense"),
                sent(path, "Authorization", "TC 1:x", "Timestamp", timestamp),
                sent(path, "Authorization", good.authorization(), "Timestamp", "soon"),
                sent(path, "Authorization", old.authorization(), "Timestamp", Long.toString(old.timestamp().getAsLong())),
                sent(path + "?", "Authorization", good.authorization().toLowerCase().replace("tc ", "TC "), "Timestamp", timestamp));
        assertEquals(expected, said);
        assertEquals(expected, platform.refused());
        assertEquals("Unauthorized", sent(path, "Authorization", good.authorization(), "Authorization", "TC x"));
        assertEquals(1, platform.requests().size());
    }

    @Test
    void aRenewalReplacesTheToken() throws Exception {
        TcAuth auth = platform.tokenAuth();
        TcAuthClient client = client(auth);
        String first = auth.token().value();
        assertNull(auth.token().expires());
        assertEquals(200, get(client).statusCode());
        platform.expireTokens();
        assertEquals(200, get(client).statusCode());
        assertFalse(first.equals(auth.token().value()));
        assertEquals("Unauthorized", sent("/api/v3/tags", "Authorization", "TC-Token " + first));
        assertEquals(1, platform.renewals());
        assertEquals(List.of("RENEWED", "RETRIED"), events);
        String dead = URLEncoder.encode(first, StandardCharsets.UTF_8);
        assertEquals("Unauthorized", sent("/api/appAuth?expiredToken=" + dead));
        assertEquals(2, platform.renewals());
    }

    @Test
    void tokensLiveAsLongAsTheySay() throws Exception {
        platform.close();
        platform = new FakePlatform(Duration.ofSeconds(2), Duration.ZERO);
        TcAuth auth = platform.tokenAuth();
        assertTrue(Duration.between(Instant.now(), auth.token().expires()).compareTo(Duration.ofSeconds(2)) <= 0);
        assertEquals(200, get(client(auth)).statusCode());
        String first = auth.token().value();
        Thread.sleep(2000);
        assertEquals("Unauthorized", sent("/api/v3/tags", "Authorization", "TC-Token " + first));
        assertEquals(200, get(client(auth)).statusCode());
        assertEquals(List.of("RENEWED"), events);
    }

    @Test
    void itsClockCanBeWrong() throws Exception {
        platform.close();
        platform = new FakePlatform(null, Duration.ofHours(1));
        assertEquals(401, get(client(platform.hmacAuth())).statusCode());
        assertEquals(List.of("Timestamp out of acceptable time range"), platform.refused());
        TcAuth auth = platform.hmacAuth();
        auth.setClockOffset(Duration.ofHours(1));
        assertEquals(200, get(client(auth)).statusCode());
    }

    @Test
    void requestsGoWrong() throws Exception {
        TcAuthClient client = client(platform.hmacAuth());
        platform.fail(Fault.UNAVAILABLE, Fault.ACCESS_DENIED, Fault.UNAUTHORIZED, Fault.answering(429, "later"),
                Fault.delaying(Duration.ofMillis(1)));
        List<String> statuses = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            statuses.add(get(client).statusCode() + "");
        }
        assertEquals(List.of("503", "403", "401", "429", "200", "200"), statuses);
        assertEquals(List.of("REFUSED", "REFUSED"), events);
        platform.fail(Fault.LOSE, Fault.LOSE, Fault.DROP, Fault.DROP); // java.net.http asks a second time
        assertThrows(IOException.class, () -> get(client));
        assertEquals(4, platform.requests().size(), "a lost response is one to a request that came");
        assertThrows(IOException.class, () -> get(client));
        assertEquals(4, platform.requests().size());
    }

    @Test
    void renewalsGoWrong() throws Exception {
        TcAuth auth = platform.tokenAuth();
        auth.updateToken(auth.token().value(), Instant.now().minusSeconds(1));
        platform.failRenewals(Fault.REFUSE_RENEWAL);
        assertEquals(TcAuthStatus.TOKEN_EXPIRED, assertThrows(TcAuthException.class, () -> get(client(auth))).status());
        TcAuth other = platform.tokenAuth();
        platform.failRenewals(Fault.LOSE, Fault.DROP);
        other.updateToken(other.token().value(), Instant.now().minusSeconds(1));
        assertThrows(TcAuthException.class, () -> get(client(other)));
        assertEquals("Unauthorized", sent("/api/v3/tags", "Authorization", "TC-Token " + other.token().value()));
        assertEquals(List.of("RENEWAL_FAILED", "RENEWAL_FAILED"), events);
        TcAuth third = platform.tokenAuth();
        third.updateToken(third.token().value(), Instant.now().minusSeconds(1));
        assertThrows(TcAuthException.class, () -> get(client(third)));
        assertEquals("{\"status\":\"Success\"}", sent("/api/v3/tags", "Authorization", "TC-Token " + third.token().value()));
    }
}
