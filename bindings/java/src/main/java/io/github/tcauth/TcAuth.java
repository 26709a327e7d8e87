package io.github.tcauth;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Objects;

/**
 * One identity at one ThreatConnect instance: an access id with its secret key, or an API token.
 *
 * <p>Make it once and share it: every method may be called from any number of threads at once, also {@link #close()}:
 * the calls that are running then end as usual, and new ones throw {@link IllegalStateException}. Signing takes no lock;
 * only {@link #poll} can wait. One that is never closed is freed some time after it has become unreachable.
 *
 * <p>Times are whole seconds: an {@link Instant} or a {@link Duration} with a fraction is rounded down, also a negative one.
 * Text is passed as UTF-8; one
 * that can't be, for it holds a NUL or half of a surrogate pair, is refused like one that holds another control character.
 */
public final class TcAuth implements AutoCloseable {
    private static final long NOW = -1;
    private static final long NO_EXPIRY = 0;
    private static final int REVIEWED_BYTES = 64 * 1024;

    private final Handle handle;
    private final String discovery;
    /** Of the buffer for an Authorization value. A race between threads costs one of them a second try. */
    private int capacity = 128;

    private TcAuth(long address, String discovery) {
        this.handle = new Handle(TcAuth.class, address, Bridge.LIBRARY::tc_auth_free);
        this.discovery = discovery;
    }

    /**
     * An identity that signs requests with HMAC-SHA256.
     *
     * @param accessId visible ASCII, not empty
     * @param secretKey not empty, no control character
     * @return the identity
     * @throws TcAuthException {@link Status#INVALID_ACCESS_ID}, {@link Status#INVALID_SECRET_KEY}
     */
    public static TcAuth hmac(String accessId, String secretKey) {
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_new_hmac(
                arguments.string("accessId", accessId, Status.INVALID_ACCESS_ID),
                arguments.string("secretKey", secretKey, Status.INVALID_SECRET_KEY), out));
    }

    /**
     * An identity that shows an API token which does not expire, or nobody knows when.
     *
     * @param token visible ASCII, not empty
     * @return the identity
     * @throws TcAuthException {@link Status#INVALID_TOKEN}
     */
    public static TcAuth token(String token) {
        return token(token, null);
    }

    /**
     * An identity that shows an API token.
     *
     * @param token visible ASCII, not empty
     * @param expires when it ends (not how long it lives), or null if it does not or that is not known; the Unix epoch,
     *        {@link Instant#EPOCH}, means the same as null
     * @return the identity
     * @throws TcAuthException {@link Status#INVALID_TOKEN}, {@link Status#INVALID_TIME}
     */
    public static TcAuth token(String token, Instant expires) {
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_new_token(
                arguments.string("token", token, Status.INVALID_TOKEN), expiry(expires), out));
    }

    /**
     * An identity from the JSON object of the platform's parameters: {@code tc_token}, {@code tc_token_expires},
     * {@code tc_api_path}, and a key pair {@code tc_api_access_id} and {@code tc_api_secret_key}, or else
     * {@code api_access_id} and {@code api_secret_key}. With both kinds of credentials the token wins. An API path that is
     * there is set.
     *
     * @param json at most 1 MiB
     * @return the identity
     * @throws TcAuthException {@link Status#CONFIG_SYNTAX} (no object, a member of a wrong type or given twice),
     *         {@link Status#NO_CREDENTIALS} (none, or half a key pair), or the status for what is there but can't be used
     */
    public static TcAuth fromJson(String json) {
        byte[] bytes = Arguments.utf8("json", json, Status.INVALID_ARGUMENT);
        try {
            return create((arguments, out) -> Bridge.LIBRARY.tc_auth_from_json(arguments.bytes(bytes), bytes.length, out));
        } finally {
            Arrays.fill(bytes, (byte) 0);
        }
    }

    /**
     * An identity from command-line arguments: {@code --tc_token X} or {@code --tc_token=X}, and likewise the other names
     * of {@link #fromJson}. Other arguments are passed over.
     *
     * @param args such as those of main
     * @return the identity
     * @throws TcAuthException {@link Status#CONFIG_SYNTAX} (a name without a value, with one that begins with {@code --},
     *         or given twice); the rest as in {@link #fromJson}
     */
    public static TcAuth fromArgs(String... args) {
        Objects.requireNonNull(args, "args");
        return create((arguments, out) ->
                Bridge.LIBRARY.tc_auth_from_args(args.length, arguments.strings("args", args), out));
    }

    /**
     * An identity from the environment variables {@code TC_TOKEN}, {@code TC_TOKEN_EXPIRES}, {@code TC_API_PATH},
     * {@code TC_API_ACCESS_ID} and {@code TC_API_SECRET_KEY} of the process.
     *
     * @return the identity
     * @throws TcAuthException as in {@link #fromJson}
     */
    public static TcAuth fromEnvironment() {
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_from_env(out));
    }

    /**
     * An identity from the encrypted file in which the platform passes parameters. The file is left where it is.
     *
     * @param path of the file, which the environment variable {@code TC_APP_PARAM_FILE} names
     * @param key 16, 24 or 32 bytes, from {@code TC_APP_PARAM_KEY}
     * @return the identity
     * @throws TcAuthException {@link Status#CONFIG_IO}, {@link Status#CONFIG_DECRYPT} (the key or the content is wrong);
     *         the rest as in {@link #fromJson}
     */
    public static TcAuth fromParamFile(Path path, String key) {
        Objects.requireNonNull(path, "path");
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_from_param_file(
                arguments.string("path", path.toString(), Status.INVALID_ARGUMENT),
                arguments.string("key", key, Status.INVALID_ARGUMENT), out));
    }

    /**
     * An identity from wherever the platform has put its parameters: the arguments, then the file that the environment
     * variables {@code TC_APP_PARAM_FILE} and {@code TC_APP_PARAM_KEY} name, then the environment. The first source that
     * names any credential is used, alone, and its errors are final. What was looked at and found is told by
     * {@link #discovery()}, or by the {@link TcAuthException#detail()} of the exception.
     *
     * @param args such as those of main
     * @return the identity
     * @throws TcAuthException {@link Status#NO_CREDENTIALS}, or what the sources throw
     */
    public static TcAuth discover(String... args) {
        Objects.requireNonNull(args, "args");
        try (Arguments arguments = new Arguments()) {
            long why = arguments.output();
            long out = arguments.output();
            int status = Bridge.LIBRARY.tc_auth_discover(args.length, arguments.strings("args", args), why, out);
            String discovery = Arguments.ownedStringAt(why);
            if (status != Status.OK.value()) {
                throw new TcAuthException(status, discovery);
            }
            return new TcAuth(Arguments.longAt(out), discovery);
        }
    }

    /**
     * What {@link #discover} has looked at and found.
     *
     * @return a line for a log, without secrets; null if this was made in another way
     */
    public String discovery() {
        return discovery;
    }

    /**
     * What this proves its identity with.
     *
     * @return {@link Kind#HMAC} or {@link Kind#TOKEN}
     */
    public Kind kind() {
        return Kind.of(handle.call(Bridge.LIBRARY::tc_auth_get_kind));
    }

    /**
     * One line for a log: the kind, the access id or the token's expiry, and the API path. It holds nothing of a secret key
     * or a token.
     *
     * @return the line
     */
    public String describe() {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_describe(auth, out));
            return Arguments.ownedStringAt(out);
        }
    }

    /** What {@link #describe()} says; a closed one says so. It never throws. */
    @Override
    public String toString() {
        try {
            return "TcAuth[" + describe() + "]";
        } catch (IllegalStateException e) {
            return "TcAuth[closed]";
        } catch (RuntimeException e) {
            return "TcAuth[" + e.getMessage() + "]";
        }
    }

    /**
     * Makes the headers for one request, now.
     *
     * @param method such as {@code GET}; signed in upper case, and to be sent so
     * @param uri a path with query, or an absolute http or https URL, exactly as it will be sent
     * @return the headers
     * @throws TcAuthException {@link Status#INVALID_METHOD}, {@link Status#INVALID_URI_FORM},
     *         {@link Status#INVALID_URI_BYTE}, {@link Status#OTHER_ORIGIN} (there is an API path, and the URL points to
     *         another server), {@link Status#TOKEN_EXPIRED}
     */
    public Headers headers(String method, String uri) {
        return headersAt(method, uri, NOW);
    }

    /**
     * Makes the headers for one request at a given time, which decides on a token's expiry, too.
     *
     * @param method as in {@link #headers(String, String)}
     * @param uri as there
     * @param at the time to sign
     * @return the headers
     * @throws TcAuthException as there; {@link Status#INVALID_TIME}
     */
    public Headers headers(String method, String uri, Instant at) {
        return headersAt(method, uri, time(at));
    }

    private Headers headersAt(String method, String uri, long unixTime) {
        byte[] methodBytes = Arguments.utf8("method", method, Status.INVALID_METHOD);
        byte[] uriBytes = Arguments.utf8("uri", uri, Status.INVALID_URI_BYTE);
        long[] lengthAndTimestamp = new long[2];
        for (;;) {
            byte[] value = new byte[capacity];
            try {
                int status;
                long auth = handle.enter();
                try {
                    status = Bridge.headersInto(auth, methodBytes, uriBytes, unixTime, value, lengthAndTimestamp);
                } finally {
                    handle.exit();
                }
                int length = (int) lengthAndTimestamp[0];
                if (status == Status.BUFFER_TOO_SMALL.value()) {
                    capacity = length + 1; // for the NUL
                } else {
                    TcAuthException.check(status);
                    return new Headers(new String(value, 0, length, StandardCharsets.ISO_8859_1), lengthAndTimestamp[1]);
                }
            } finally {
                Arrays.fill(value, (byte) 0);
            }
        }
    }

    /**
     * The string that is signed, such as {@code /api/v3/indicators:GET:1513703787}: for support, and for comparison with
     * what another implementation signs.
     *
     * @param method as in {@link #headers(String, String)}
     * @param uri as there
     * @param at the second that was signed
     * @return the string
     * @throws TcAuthException {@link Status#INVALID_METHOD}, {@link Status#INVALID_URI_FORM},
     *         {@link Status#INVALID_URI_BYTE}, {@link Status#INVALID_TIME}
     */
    public static String stringToSign(String method, String uri, Instant at) {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            TcAuthException.check(Bridge.LIBRARY.tc_auth_string_to_sign(arguments.string("method", method, Status.INVALID_METHOD),
                    arguments.string("uri", uri, Status.INVALID_URI_BYTE), time(at), out));
            return Arguments.ownedStringAt(out);
        }
    }

    /**
     * Replaces the token, at once and for every thread. The same token with another expiry only changes the expiry.
     *
     * @param token as in {@link #token(String, Instant)}
     * @param expires as there: null or the Unix epoch for none
     * @throws TcAuthException {@link Status#WRONG_KIND}, {@link Status#INVALID_TOKEN}, {@link Status#INVALID_TIME}; the old
     *         token then stays
     */
    public void updateToken(String token, Instant expires) {
        long seconds = expiry(expires);
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("token", token, Status.INVALID_TOKEN);
            handle.check(auth -> Bridge.LIBRARY.tc_auth_update_token(auth, encoded, seconds));
        }
    }

    /**
     * The current token and its expiry, both of the same moment: to hand them on to another process, not to log them.
     *
     * @return a copy
     * @throws TcAuthException {@link Status#WRONG_KIND}
     */
    public Token token() {
        try (Arguments arguments = new Arguments()) {
            long token = arguments.output();
            long expires = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_token(auth, token, expires));
            long seconds = Arguments.longAt(expires);
            return new Token(Arguments.ownedStringAt(token), seconds == NO_EXPIRY ? null : Instant.ofEpochSecond(seconds));
        }
    }

    /**
     * Tells where the platform's API is. It can be set once; set it before this is shared. From then on a URL of another
     * scheme, host or port is refused, {@link #url} can join paths to it, and a token can be renewed there.
     *
     * @param apiPath such as {@code https://company.example/api}
     * @throws TcAuthException {@link Status#INVALID_URI_FORM} (no absolute http or https URL, or one with a user, query or
     *         fragment), {@link Status#INVALID_URI_BYTE}, {@link Status#ALREADY_SET}
     */
    public void setApiPath(String apiPath) {
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("apiPath", apiPath, Status.INVALID_URI_BYTE);
            handle.check(auth -> Bridge.LIBRARY.tc_auth_set_api_path(auth, encoded));
        }
    }

    /**
     * Sets how long before its expiry a token is due to be renewed; one minute at first. It is never due in the first half
     * of the life that it had left when it was set.
     *
     * @param window up to a day
     * @throws TcAuthException {@link Status#WRONG_KIND}, {@link Status#INVALID_ARGUMENT}
     */
    public void setRenewalWindow(Duration window) {
        long seconds = window.getSeconds();
        handle.check(auth -> Bridge.LIBRARY.tc_auth_set_renewal_window(auth, seconds));
    }

    /**
     * Sets what has to be added to this machine's clock to get the server's time; used where no time is given.
     *
     * @param offset up to a day in either direction; zero at first
     * @throws TcAuthException {@link Status#INVALID_ARGUMENT}
     */
    public void setClockOffset(Duration offset) {
        long seconds = offset.getSeconds();
        handle.check(auth -> Bridge.LIBRARY.tc_auth_set_clock_offset(auth, seconds));
    }

    /**
     * What has to be added to this machine's clock: as it was set, or as {@link #review} has corrected it.
     *
     * @return whole seconds
     */
    public Duration clockOffset() {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_clock_offset(auth, out));
            return Duration.ofSeconds(Arguments.longAt(out));
        }
    }

    /**
     * To be called before each request is signed: says whether to go ahead, or to renew the token first. Whatever comes of
     * the renewal, go on to sign: that says whether the token serves.
     *
     * <p>The wait can't be interrupted, and holds a virtual thread's carrier: to do better, pass {@link Duration#ZERO} and poll
     * again after {@link Status#RENEWAL_TIMEOUT}.
     *
     * @param maxWait how long to wait for another thread's renewal, in whole milliseconds; otherwise nobody waits
     * @return null to go ahead; or a ticket: this caller, and nobody else, renews
     * @throws TcAuthException {@link Status#RENEWAL_TIMEOUT}: another thread's renewal is still under way, so do not send the
     *         old token, but poll again or give up; {@link Status#INVALID_ARGUMENT}: a negative wait
     */
    public Renewal poll(Duration maxWait) {
        Renewal[] ticket = new Renewal[1];
        TcAuthException.check(poll(millis(maxWait), ticket));
        return ticket[0];
    }

    /** Returns the status, for a caller that expects to be told to wait and needs no exception for that. */
    int poll(long maxWaitMillis, Renewal[] ticket) {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            int status = handle.call(auth -> Bridge.LIBRARY.tc_auth_renewal_poll(auth, maxWaitMillis, out));
            long renewal = Arguments.longAt(out);
            ticket[0] = renewal == 0 ? null : new Renewal(renewal);
            return status;
        }
    }

    /**
     * To be called with the answer to a signed request: says whether a retry is any use, and corrects what can be
     * corrected. A token that the server refuses is marked, so that the next poll renews it; a clock that the server's date
     * shows to be wrong is corrected by the clock offset, by at most a day.
     *
     * @param sent the headers that were sent
     * @param httpStatus of the answer; all but 400, 401 and 403 are {@link Advice#ACCEPTED}
     * @param date the Date header; null if there is none, if there is an Age header, or if the answer did not come from the
     *        signed server over TLS
     * @param body of the answer, of which the first 64 KiB are looked at
     * @return what to do; {@link Advice#RETRY}: poll, sign and send again, once
     * @throws TcAuthException {@link Status#MALFORMED_AUTHORIZATION} if this can't have made the headers,
     *         {@link Status#INVALID_TIME} if their timestamp matters and is none
     */
    public Advice review(Headers sent, int httpStatus, String date, byte[] body) {
        byte[] authorization = Arguments.utf8("authorization", sent.authorization(), Status.MALFORMED_AUTHORIZATION);
        boolean hasDate = date != null && date.indexOf('\0') < 0 && !Arguments.hasLoneSurrogate(date);
        try (Arguments arguments = new Arguments()) {
            long authorizationBytes = arguments.bytes(authorization);
            long dateString = hasDate ? arguments.string("date", date, Status.INVALID_ARGUMENT) : 0;
            int bodyLength = Math.min(body.length, REVIEWED_BYTES);
            long bodyBytes = arguments.bytes(Arrays.copyOf(body, bodyLength));
            long advice = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_review(auth, authorizationBytes, authorization.length,
                    sent.timestampNumber(), httpStatus, dateString, bodyBytes, bodyLength, advice));
            return Advice.of(Arguments.intAt(advice));
        } finally {
            Arrays.fill(authorization, (byte) 0);
        }
    }

    /**
     * The server's side, for gateways, mocks and tests: checks, now, the headers that came with a request.
     *
     * @param method of the request
     * @param uri of the request, as in {@link #headers(String, String)}
     * @param authorization the value of {@code Authorization}, or null if the request has none
     * @param timestamp the value of {@code Timestamp}, or null if the request has none; with a token it is not looked at
     * @param tolerance how far the timestamp may be off, up to a day; ThreatConnect itself allows five minutes
     * @throws TcAuthException {@link Status#MALFORMED_AUTHORIZATION}, {@link Status#SIGNATURE_MISMATCH},
     *         {@link Status#TIMESTAMP_OUT_OF_RANGE} or {@link Status#TOKEN_EXPIRED} for the headers;
     *         {@link Status#INVALID_METHOD}, {@link Status#INVALID_URI_FORM}, {@link Status#INVALID_URI_BYTE},
     *         {@link Status#OTHER_ORIGIN} or {@link Status#INVALID_ARGUMENT} (the tolerance) for the rest
     */
    public void verify(String method, String uri, String authorization, String timestamp, Duration tolerance) {
        verifyAt(method, uri, authorization, timestamp, NOW, tolerance);
    }

    /**
     * The same at a given time.
     *
     * @param method as in {@link #verify(String, String, String, String, Duration)}
     * @param uri as there
     * @param authorization as there
     * @param timestamp as there
     * @param at the time to compare with
     * @param tolerance as there
     * @throws TcAuthException as there; {@link Status#INVALID_TIME}
     */
    public void verify(String method, String uri, String authorization, String timestamp, Instant at, Duration tolerance) {
        verifyAt(method, uri, authorization, timestamp, time(at), tolerance);
    }

    private void verifyAt(String method, String uri, String authorization, String timestamp, long unixTime,
            Duration tolerance) {
        try (Arguments arguments = new Arguments()) {
            long methodString = arguments.string("method", method, Status.INVALID_METHOD);
            long uriString = arguments.string("uri", uri, Status.INVALID_URI_BYTE);
            long authorizationString = authorization == null ? 0
                    : arguments.string("authorization", authorization, Status.MALFORMED_AUTHORIZATION);
            long timestampString = timestamp == null ? 0
                    : arguments.string("timestamp", timestamp, Status.MALFORMED_AUTHORIZATION);
            handle.check(auth -> Bridge.LIBRARY.tc_auth_verify(auth, methodString, uriString, authorizationString,
                    timestampString, unixTime, tolerance.getSeconds()));
        }
    }

    /**
     * Starts a URL by joining a path to the API path: with {@code https://company.example/api}, the path {@code /v2/owners}
     * becomes {@code https://company.example/api/v2/owners}.
     *
     * @param path begins with one {@code /}, percent-encoded already
     * @return a URL to add to, which may outlive this
     * @throws TcAuthException {@link Status#API_PATH_MISSING}, {@link Status#INVALID_URI_FORM},
     *         {@link Status#INVALID_URI_BYTE}
     */
    public TcUrl url(String path) {
        return TcUrl.of(handle, path);
    }

    /**
     * Wipes and frees this, after the last call that is running. Does nothing the second time. Complete your renewals first:
     * the new token of one that is completed afterwards is dropped.
     */
    @Override
    public void close() {
        handle.close();
    }

    /**
     * The version of the C library that is running.
     *
     * @return such as {@code 0.1.0}
     */
    public static String version() {
        Library.require();
        return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_version());
    }

    /** For the library a time of -1 is "now", so it gets another one that it refuses. */
    private static long time(Instant at) {
        long seconds = at.getEpochSecond();
        return seconds == NOW ? Long.MIN_VALUE : seconds;
    }

    private static long expiry(Instant expires) {
        return expires == null ? NO_EXPIRY : expires.getEpochSecond();
    }

    /** Negative if the wait is, even by a nanosecond; and what does not fit into a long is for ever all the same. */
    private static long millis(Duration wait) {
        if (wait.isNegative()) {
            return -1;
        }
        return wait.compareTo(Duration.ofMillis(Long.MAX_VALUE)) > 0 ? Long.MAX_VALUE : wait.toMillis();
    }

    private static TcAuth create(Constructor constructor) {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            TcAuthException.check(constructor.call(arguments, out));
            return new TcAuth(Arguments.longAt(out), null);
        }
    }

    private interface Constructor {
        int call(Arguments arguments, long out);
    }

    /** A token and its expiry. */
    public static final class Token {
        private final String value;
        private final Instant expires;

        private Token(String value, Instant expires) {
            this.value = Objects.requireNonNull(value);
            this.expires = expires;
        }

        /**
         * The token itself, a secret.
         *
         * @return visible ASCII
         */
        public String value() {
            return value;
        }

        /**
         * When the token ends.
         *
         * @return whole seconds, or null if it does not, or that is not known
         */
        public Instant expires() {
            return expires;
        }

        /** Holds the expiry, and nothing of the token. */
        @Override
        public String toString() {
            return expires == null ? "Token[no expiry]" : "Token[expires " + expires + "]";
        }
    }
}
