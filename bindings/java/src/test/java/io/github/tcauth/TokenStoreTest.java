package io.github.tcauth;

import static io.github.tcauth.TcAuthTest.assertFails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.tcauth.testing.FakePlatform;
import io.github.tcauth.testing.FakePlatform.Fault;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TokenStoreTest {
    /** A store in memory. */
    static class Memory implements TokenStore {
        final List<String> done = new CopyOnWriteArrayList<>();
        String entry;
        boolean isLocked;
        boolean answers = true;
        boolean accepts = true;
        boolean isComplete = true;
        /** Another process writes this between a read and a write. */
        String interfering;

        private void use(String what) throws IOException {
            done.add(what);
            if (!isComplete) {
                throw new NoClassDefFoundError("redis");
            }
            if (!answers) {
                throw new IOException("the store is down");
            }
        }

        @Override
        public synchronized String read(String family) throws IOException {
            use("read");
            return entry;
        }

        @Override
        public synchronized boolean write(String family, String old, String line) throws IOException {
            use("write");
            if (interfering != null) {
                entry = interfering;
                interfering = null;
            }
            boolean isSame = accepts && Objects.equals(old, entry);
            entry = isSame ? line : entry;
            return isSame;
        }

        @Override
        public synchronized AutoCloseable tryLock(String family) throws IOException {
            use("lock");
            if (isLocked) {
                return null;
            }
            isLocked = true;
            return this::unlock;
        }

        synchronized void unlock() {
            done.add("unlock");
            isLocked = false;
        }
    }

    private final FakePlatform platform = new FakePlatform();
    private final Memory store = new Memory();
    private final List<String> events = new CopyOnWriteArrayList<>();
    private final TcAuth first = platform.tokenAuth();
    private final String token = first.token().value();

    @AfterEach
    void stop() {
        platform.close();
    }

    /** Another process of the same family. */
    private TcAuth another(Instant expires) {
        TcAuth auth = TcAuth.ofToken(token, expires);
        auth.setApiPath(platform.apiPath());
        return auth;
    }

    private TcAuthClient client(String name, TcAuth auth) {
        return TcAuthClient.newBuilder(auth, HttpClient.newHttpClient()).shareIn(store, "key")
                .onEvent(event -> events.add(name + " " + event.type() + (event.status() == null ? "" : " " + event.status())))
                .build();
    }

    private int send(TcAuthClient client) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(URI.create(platform.apiPath() + "/v3/tags")).build(), BodyHandlers.discarding())
                .statusCode();
    }

    @Test
    void oneRenewsAndTheOthersFindIt() throws Exception {
        TcAuthClient one = client("one", first);
        assertTrue(store.entry.startsWith("TC1.0000000000000000."), "an empty store is written at the start");
        TcAuthClient two = client("two", another(null));
        assertEquals(List.of(200, 200), List.of(send(one), send(two)));
        platform.expireTokens();
        assertEquals(200, send(one));
        assertTrue(store.entry.startsWith("TC1.0000000000000001."), store.entry);
        store.done.clear();
        assertEquals(200, send(two));
        assertEquals(List.of("read"), store.done, "it needs no lock to find the new token");
        assertEquals(1, platform.renewals());
        assertEquals(List.of("one RENEWED OK", "one RETRIED", "two ADOPTED", "two RETRIED"), events);
        assertEquals(200, send(client("three", another(null))), "one that starts with the first token finds it, too");
        assertEquals(1, platform.renewals());
        assertFalse(store.isLocked);
    }

    @Test
    void whileAnotherHasTheLockItLooks() throws Exception {
        TcAuthClient one = client("one", first);
        store.isLocked = true;
        platform.expireTokens();
        CompletableFuture<Integer> sent = CompletableFuture.supplyAsync(() -> {
            try {
                return send(one);
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        for (int i = 0; store.done.stream().filter("lock"::equals).count() < 3 && i < 1000; i++) {
            Thread.sleep(10);
        }
        assertFalse(sent.isDone());
        TcAuth holder = another(null);
        holder.unseal(store.entry, "key");
        holder.updateToken(platform.tokenAuth().token().value(), null); // as if it had renewed
        synchronized (store) {
            store.entry = holder.seal("key");
        }
        assertEquals(200, sent.get(20, TimeUnit.SECONDS));
        assertEquals(0, platform.renewals());
        assertTrue(store.isLocked, "the lock is still the other's");
    }

    @Test
    void aStoreThatDoesNotAnswerFailsNoRequest() throws Exception {
        store.answers = false;
        TcAuthClient one = client("one", first);
        assertEquals(200, send(one));
        store.answers = true;
        for (int i = 0; store.entry == null && i < 500; i++) {
            assertEquals(200, send(one)); // what could not be saved at the start is saved later
            Thread.sleep(10);
        }
        assertTrue(store.entry.startsWith("TC1.0000000000000000."));

        platform.expireTokens();
        store.answers = false;
        assertEquals(401, send(one), "without the lock it does not renew");
        assertEquals(0, platform.renewals());
        assertEquals(List.of("one RENEWAL_FAILED", "one RETRIED", "one REFUSED"), events);
    }

    @Test
    void aTokenThatCanNotBeSavedCountsAndIsSavedLater() throws Exception {
        Memory failing = store;
        TcAuthClient one = client("one", first);
        platform.failRenewals((request, handler) -> {
            failing.answers = false; // after the lock was taken
            return handler.apply(request);
        });
        platform.expireTokens();
        assertEquals(200, send(one));
        assertEquals(List.of("one RENEWED STORE_IO", "one RETRIED"), events);
        String before = store.entry;
        store.answers = true;
        for (int i = 0; store.entry.equals(before) && i < 500; i++) {
            assertEquals(200, send(one));
            Thread.sleep(10);
        }
        assertNotEquals(before, store.entry);
    }

    @Test
    void aWriteThatComesTooLateIsRepeated() throws Exception {
        TcAuth other = another(null);
        other.updateToken(platform.tokenAuth().token().value(), null);
        store.interfering = other.seal("key");
        TcAuthClient one = client("one", first);
        assertEquals(List.of("read", "write", "read"), store.done);
        assertEquals(other.token().value(), first.token().value());
        assertEquals(200, send(one));
    }

    /** Such as one of Redis that writes only if there is no entry. */
    @Test
    void aStoreThatAcceptsNoWriteHangsNoRequest() throws Exception {
        TcAuthClient one = client("one", first);
        store.accepts = false;
        platform.expireTokens();
        assertEquals(200, send(one));
        assertEquals(List.of("one RENEWED STORE_IO", "one RETRIED"), events);
    }

    /** Such as a class that is missing: others must not wait for this renewal. */
    @Test
    void anErrorOfTheStoreFailsNoRequest() throws Exception {
        TcAuthClient one = client("one", first);
        store.isComplete = false;
        platform.expireTokens();
        assertEquals(401, send(one));
        store.isComplete = true;
        for (int i = 0; i < 500 && send(one) != 200; i++) {
            Thread.sleep(20);
        }
        assertEquals(200, send(one));
        assertTrue(events.contains("one RENEWAL_FAILED"), events.toString());
    }

    @Test
    void beforeARequestIsGivenUpItLooksOnceMore() throws Exception {
        TcAuthClient one = client("one", first);
        platform.expireTokens();
        platform.failRenewals(Fault.REFUSE_RENEWAL);
        assertEquals(401, send(one));
        assertEquals(List.of("one RENEWAL_FAILED RENEWAL_REFUSED", "one RETRIED", "one REFUSED"), events);
        assertEquals("unlock", store.done.get(store.done.size() - 1));
        events.clear();

        TcAuthClient two = client("two", another(null));
        two.session().updateToken(platform.tokenAuth().token().value(), null);
        assertEquals(200, send(one), "rejected, found the other one, and sent again");
        assertEquals(List.of("one ADOPTED", "one RETRIED"), events);

        // the same when the token has expired
        TcAuth expired = another(Instant.ofEpochSecond(1));
        TcAuthSession session = TcAuthSession.newBuilder(expired).shareIn(store, "key").build();
        expired.updateToken("dead", Instant.ofEpochSecond(1));
        store.entry = null; // as after a loss
        platform.failRenewals(Fault.REFUSE_RENEWAL);
        assertFails(TcAuthStatus.TOKEN_EXPIRED, () -> session.sign("GET", platform.apiPath()));
        assertEquals("unlock", store.done.get(store.done.size() - 1));
        assertFalse(store.isLocked);
    }

    @Test
    void updatingWithoutTheStoreIsAWarning() throws Exception {
        TcAuthClient one = client("one", first);
        store.answers = false;
        String next = platform.tokenAuth().token().value();
        assertFails(TcAuthStatus.STORE_IO, () -> one.session().updateToken(next, null));
        assertEquals(next, first.token().value());
        TcAuth single = platform.tokenAuth();
        new TcAuthSession(single).updateToken(next, Instant.ofEpochSecond(4_000_000_000L));
        assertEquals(Instant.ofEpochSecond(4_000_000_000L), single.token().expires());
    }

    @Test
    void itBeginsOnlyInItsOwnFamilyWithTheRightKey() {
        client("one", first);
        assertFails(TcAuthStatus.SEAL_INVALID, () -> TcAuthSession.newBuilder(another(null)).shareIn(store, "other key").build());
        TcAuth stranger = TcAuth.ofToken("another-first-token");
        stranger.setApiPath(platform.apiPath());
        assertFails(TcAuthStatus.SEAL_INVALID, () -> TcAuthSession.newBuilder(stranger).shareIn(store, "key").build());
        assertFails(TcAuthStatus.WRONG_KIND, () -> TcAuthSession.newBuilder(platform.hmacAuth()).shareIn(store, "key").build());
    }
}
