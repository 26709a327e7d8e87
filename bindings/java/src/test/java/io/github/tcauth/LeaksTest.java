package io.github.tcauth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What loggers, debuggers and serializers make of the objects: something useful, and no secret. */
class LeaksTest {
    private static final String SECRET = "a-secret-key";
    private static final String TOKEN = "a-live-token";

    private final TcAuth hmac = TcAuth.ofHmac("id", SECRET);
    private final TcAuth token = TcAuth.ofToken(TOKEN, Instant.ofEpochSecond(1));
    private final TcAuthRenewal renewal;
    private final List<Object> objects;

    LeaksTest() {
        hmac.setApiPath("https://company.example/api");
        token.setApiPath("https://company.example/api");
        renewal = token.poll();
        Instant early = Instant.ofEpochSecond(0);
        TcAuthHeaders sent = token.headers("GET", "https://company.example/api/a?token=" + TOKEN, early);
        TcAuthClient.Builder builder = TcAuthClient.newBuilder(token, HttpClient.newHttpClient());
        objects = List.of(hmac, token, renewal, hmac.headers("GET", "/"), sent, token.token(),
                token.tokenState(), builder, builder.build(), builder.shareIn(Path.of("/shared"), SECRET), hmac.url("/a"),
                TcAuthEvent.ofRefusal(TcAuthEvent.Type.REFUSED, TcAuthAdvice.UNKNOWN, 401, sent),
                TcAuthEvent.ofRenewal(TcAuthStatus.OK, null, 200),
                TcAuthEvent.ofRenewalWithoutResponse(new IOException(TOKEN)),
                new TcAuthSession(hmac), TcAuthSession.newBuilder(TcAuth.ofToken(TOKEN)).apiPath("https://company.example/api")
                        .shareIn(new TokenStoreTest.Memory(), SECRET).build(), new TcAuthClient(hmac, HttpClient.newHttpClient()).asHttpClient(),
                RenewalTransport.of(HttpClient.newHttpClient()),
                RenewalTransport.Response.of(200, TOKEN.getBytes(StandardCharsets.UTF_8)),
                new TcAuthException(TcAuthStatus.TOKEN_EXPIRED));
    }

    private static void assertNoSecret(Object object, String written) {
        for (String secret : List.of(SECRET, TOKEN, "TC id:", "TC-Token")) {
            assertFalse(written.contains(secret), object.getClass() + ": " + written);
        }
    }

    @Test
    void asTextTheySayWhatTheyAre() {
        objects.forEach(object -> assertNoSecret(object, object.toString()));
        assertEquals("TcAuthClient[" + token + "]", objects.get(8).toString());
        assertTrue(token.toString().contains("https://company.example/api"), token.toString());
        assertEquals("TcAuthRenewal[open]", renewal.toString());
        token.updateToken("other", null);
        assertEquals("TcAuthRenewal[not needed]", renewal.toString());
        renewal.cancel();
        assertEquals("TcAuthRenewal[ended]", renewal.toString());
    }

    /** As Gson does, or ReflectionToStringBuilder. */
    @Test
    void theirFieldsHoldNoSecret() {
        for (Object object : objects) {
            StringBuilder written = new StringBuilder();
            write(object, written, new IdentityHashMap<>());
            assertNoSecret(object, written.toString());
        }
        StringBuilder written = new StringBuilder();
        write(new Object[] {new Leak()}, written, new IdentityHashMap<>());
        assertTrue(written.toString().contains(TOKEN), "this finds what is there");
    }

    private static final class Leak {
        final Map<String, String> headers = Map.of("Authorization", "TC-Token " + TOKEN);
    }

    private static void write(Object object, StringBuilder written, Map<Object, Object> seen) {
        if (object == null || seen.put(object, object) != null) {
            return;
        }
        if (object instanceof Object[]) {
            Stream.of((Object[]) object).forEach(element -> write(element, written, seen));
        } else if (!object.getClass().getName().startsWith("io.github.tcauth.")) {
            written.append(object).append('\n'); // the fields of Java's own classes are not accessible
        } else {
            for (Class<?> type = object.getClass(); type.getName().startsWith("io.github.tcauth."); type = type.getSuperclass()) {
                for (Field field : type.getDeclaredFields()) {
                    if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isTransient(field.getModifiers())) {
                        written.append(field.getName()).append(": ");
                        try {
                            field.setAccessible(true);
                            write(field.get(object), written, seen);
                        } catch (ReflectiveOperationException e) {
                            throw new AssertionError(e);
                        }
                    }
                }
            }
        }
    }

    /** As Jackson does: public fields, and methods that are named like getters. */
    @Test
    void theirPropertiesHoldNoSecret() throws ReflectiveOperationException {
        for (Object object : objects) {
            for (Field field : object.getClass().getFields()) {
                assertTrue(Modifier.isStatic(field.getModifiers()), field.toString());
            }
            for (Method method : object.getClass().getMethods()) {
                if (method.getName().matches("(get|is)[A-Z].*") && method.getParameterCount() == 0) {
                    assertNoSecret(object, String.valueOf(method.invoke(object)));
                }
            }
        }
    }

    @Test
    void onlyAnExceptionIsSerialized() throws Exception {
        for (Object object : objects.subList(0, objects.size() - 1)) {
            assertThrows(NotSerializableException.class, () -> serialized(object));
        }
        TcAuthException before = new TcAuthException(TcAuthStatus.RENEWAL_REFUSED.value(), "no ***");
        TcAuthException after = (TcAuthException) new ObjectInputStream(new ByteArrayInputStream(serialized(before))).readObject();
        assertEquals(before.toString(), after.toString());
        assertEquals(before.status(), after.status());
        assertEquals(before.detail(), after.detail());
    }

    private static byte[] serialized(Object object) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(object);
        }
        return bytes.toByteArray();
    }
}
