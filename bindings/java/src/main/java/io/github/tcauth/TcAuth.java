package io.github.tcauth;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One identity at one ThreatConnect instance: an access id with its secret key, or an API token.
 *
 * <p>Make it once and share it: any number of threads may call its methods at the same time, including {@link #close()}.
 * Running calls then finish, and new ones throw {@link IllegalStateException}. Signing takes no lock; only
 * {@link #poll(Duration)} waits, and {@link #close()} ends the wait. A TcAuth that is never closed is freed after a garbage
 * collection.
 *
 * <p>Times are whole seconds: an {@link Instant} or a {@link Duration} with a fraction is rounded down, also a negative one.
 * A string with a NUL or an unpaired surrogate is refused like a string with any other invalid character.
 */
public final class TcAuth implements AutoCloseable {
    private static final long NOW = -1;
    private static final long NO_EXPIRY = 0;
    private static final long UNKNOWN_TIME = -1;
    private static final int REVIEWED_BYTES = 64 * 1024;
    /** Enough for most header blocks. */
    private static final int BLOCK_BYTES = 512;
    private static final Duration LONGEST_WAIT = Duration.ofNanos(Long.MAX_VALUE);

    private final Handle handle;
    private final @Nullable String discovery;
    private final Changes changes = new Changes();
    /** The size of the buffer for an Authorization value. A race between threads only costs a second call. */
    private int capacity = 128;

    private TcAuth(long address, @Nullable String discovery) {
        this.handle = new Handle(TcAuth.class, address, Bridge.LIBRARY::tc_auth_free);
        this.discovery = discovery;
    }

    /**
     * Makes an identity that signs requests with HMAC-SHA256.
     *
     * @param accessId visible ASCII, not empty
     * @param secretKey not empty, without control characters
     * @return the identity
     * @throws TcAuthException {@link TcAuthStatus#INVALID_ACCESS_ID}, {@link TcAuthStatus#INVALID_SECRET_KEY}
     */
    public static TcAuth ofHmac(String accessId, String secretKey) {
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_new_hmac(
                arguments.string("accessId", accessId, TcAuthStatus.INVALID_ACCESS_ID),
                arguments.string("secretKey", secretKey, TcAuthStatus.INVALID_SECRET_KEY), out));
    }

    /**
     * Makes an identity that uses an API token that does not expire, or whose expiry is unknown.
     *
     * @param token visible ASCII, not empty
     * @return the identity
     * @throws TcAuthException {@link TcAuthStatus#INVALID_TOKEN}
     */
    public static TcAuth ofToken(String token) {
        return ofToken(token, null);
    }

    /**
     * Makes an identity that uses an API token.
     *
     * @param token visible ASCII, not empty
     * @param expires the time at which it expires; null or {@link Instant#EPOCH} if it does not expire or that is unknown
     * @return the identity
     * @throws TcAuthException {@link TcAuthStatus#INVALID_TOKEN}, {@link TcAuthStatus#INVALID_TIME}
     */
    public static TcAuth ofToken(String token, @Nullable Instant expires) {
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_new_token(
                arguments.string("token", token, TcAuthStatus.INVALID_TOKEN), expiry(expires), out));
    }

    /**
     * Makes an identity from the platform's parameters in a JSON object: {@code tc_token}, {@code tc_token_expires},
     * {@code tc_api_path}, and the key pair {@code tc_api_access_id} and {@code tc_api_secret_key} (or the older
     * {@code api_access_id} and {@code api_secret_key}). If there is a token and a key pair, the token is used. The API path is
     * set if it is there.
     *
     * @param json at most 1 MiB
     * @return the identity
     * @throws TcAuthException {@link TcAuthStatus#CONFIG_SYNTAX} (not an object, or a member has a wrong type or is there
     *         twice), {@link TcAuthStatus#NO_CREDENTIALS} (none, or half a key pair), or the status for an invalid value
     */
    public static TcAuth fromJson(String json) {
        byte[] bytes = Arguments.utf8("json", json, TcAuthStatus.INVALID_ARGUMENT);
        try {
            return create((arguments, out) -> Bridge.LIBRARY.tc_auth_from_json(arguments.bytes(bytes), bytes.length, out));
        } finally {
            Arrays.fill(bytes, (byte) 0);
        }
    }

    /**
     * Makes an identity from command-line arguments: {@code --tc_token X} or {@code --tc_token=X}, and the other names of
     * {@link #fromJson} in the same form. Other arguments are ignored.
     *
     * @param args such as those of main
     * @return the identity
     * @throws TcAuthException {@link TcAuthStatus#CONFIG_SYNTAX} (a name that is there twice, has no value, or has a value that
     *         begins with {@code --}); the rest as in {@link #fromJson}
     */
    public static TcAuth fromArgs(String... args) {
        Objects.requireNonNull(args, "args");
        return create((arguments, out) ->
                Bridge.LIBRARY.tc_auth_from_args(args.length, arguments.strings("args", args), out));
    }

    /**
     * Makes an identity from the environment variables {@code TC_TOKEN}, {@code TC_TOKEN_EXPIRES}, {@code TC_API_PATH},
     * {@code TC_API_ACCESS_ID} and {@code TC_API_SECRET_KEY} of the process.
     *
     * @return the identity
     * @throws TcAuthException as in {@link #fromJson}
     */
    public static TcAuth fromEnvironment() {
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_from_env(out));
    }

    /**
     * Makes an identity from the encrypted file in which the platform passes parameters. The file is not deleted.
     *
     * @param path the path of the file, from the environment variable {@code TC_APP_PARAM_FILE}
     * @param key 16, 24 or 32 bytes, from {@code TC_APP_PARAM_KEY}
     * @return the identity
     * @throws TcAuthException {@link TcAuthStatus#CONFIG_IO}, {@link TcAuthStatus#CONFIG_DECRYPT} (the key or the content is
     *         wrong); the rest as in {@link #fromJson}
     */
    public static TcAuth fromParamFile(Path path, String key) {
        Objects.requireNonNull(path, "path");
        return create((arguments, out) -> Bridge.LIBRARY.tc_auth_from_param_file(
                arguments.string("path", path.toString(), TcAuthStatus.INVALID_ARGUMENT),
                arguments.string("key", key, TcAuthStatus.INVALID_ARGUMENT), out));
    }

    /**
     * Looks for the platform's parameters in the arguments, then in the file that the environment variables
     * {@code TC_APP_PARAM_FILE} and {@code TC_APP_PARAM_KEY} name, then in the environment. It uses only the first source that
     * contains credentials; if that fails, no other is tried. {@link #discovery()}, or the {@link TcAuthException#detail()} of
     * the exception, says what was found.
     *
     * @param args such as those of main
     * @return the identity
     * @throws TcAuthException as in {@link #fromArgs}, {@link #fromParamFile} and {@link #fromEnvironment}
     */
    public static TcAuth discover(String... args) {
        Objects.requireNonNull(args, "args");
        try (Arguments arguments = new Arguments()) {
            long why = arguments.output();
            long out = arguments.output();
            int status = Bridge.LIBRARY.tc_auth_discover(args.length, arguments.strings("args", args), why, out);
            @Nullable String discovery = Arguments.optionalStringAt(why);
            if (status != TcAuthStatus.OK.value()) {
                throw new TcAuthException(status, discovery);
            }
            return new TcAuth(Arguments.longAt(out), discovery);
        }
    }

    /**
     * Says which names {@link #discover} found in which source.
     *
     * @return a line for a log, without secrets; null if this was not made by {@link #discover}
     */
    public @Nullable String discovery() {
        return discovery;
    }

    /**
     * The kind of its credentials.
     *
     * @return {@link TcAuthKind#HMAC} or {@link TcAuthKind#TOKEN}
     */
    public TcAuthKind kind() {
        return TcAuthKind.of(handle.call(Bridge.LIBRARY::tc_auth_get_kind));
    }

    /**
     * One line for a log: the kind, the access id or the token's expiry, and the API path. It contains no part of a secret
     * key or a token.
     *
     * @return the line
     */
    public String describe() {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_describe(auth, out));
            return Arguments.stringAt(out);
        }
    }

    /** The line of {@link #describe()}, or that this is closed. It never throws. */
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
     * Makes the headers for a request that is sent now.
     *
     * @param method such as {@code GET}; it is signed in upper case, so send it in upper case
     * @param uri a path with query, or an absolute http or https URL, exactly as it will be sent
     * @return the headers
     * @throws TcAuthException {@link TcAuthStatus#INVALID_METHOD}, {@link TcAuthStatus#INVALID_URI_FORM},
     *         {@link TcAuthStatus#INVALID_URI_BYTE}, {@link TcAuthStatus#OTHER_ORIGIN} (there is an API path, and the URL
     *         points to another server), {@link TcAuthStatus#TOKEN_EXPIRED}
     */
    public TcAuthHeaders headers(String method, String uri) {
        return headersAt(method, uri, NOW);
    }

    /**
     * Makes the headers for a given time, which is signed, or compared with the expiry of the token.
     *
     * @param method as in {@link #headers(String, String)}
     * @param uri as there
     * @param at the time to sign
     * @return the headers
     * @throws TcAuthException as there; {@link TcAuthStatus#INVALID_TIME}
     */
    public TcAuthHeaders headers(String method, String uri, Instant at) {
        return headersAt(method, uri, time(at));
    }

    private TcAuthHeaders headersAt(String method, String uri, long unixTime) {
        byte[] methodBytes = Arguments.utf8("method", method, TcAuthStatus.INVALID_METHOD);
        byte[] uriBytes = Arguments.utf8("uri", uri, TcAuthStatus.INVALID_URI_BYTE);
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
                if (status == TcAuthStatus.BUFFER_TOO_SMALL.value()) {
                    capacity = length + 1; // for the NUL
                } else {
                    TcAuthException.check(status);
                    return new TcAuthHeaders(new String(value, 0, length, StandardCharsets.ISO_8859_1), lengthAndTimestamp[1],
                            method, uri);
                }
            } finally {
                Arrays.fill(value, (byte) 0);
            }
        }
    }

    /**
     * Makes the header lines of a request that is sent now, as they go over the wire: for programs that write HTTP themselves.
     * Each line ends with CR LF; there is no empty line. If you call {@link #review} afterwards, use {@link #headers(String,
     * String)}: review needs the value of Authorization alone.
     *
     * @param method as in {@link #headers(String, String)}
     * @param uri as there
     * @return ASCII text. It is a credential: do not log it.
     * @throws TcAuthException as there
     */
    public byte[] headerBlock(String method, String uri) {
        for (int capacity = BLOCK_BYTES;; capacity *= 2) {
            try (Arguments arguments = new Arguments()) {
                long methodString = arguments.string("method", method, TcAuthStatus.INVALID_METHOD);
                long uriString = arguments.string("uri", uri, TcAuthStatus.INVALID_URI_BYTE);
                long block = arguments.output(capacity);
                int size = capacity;
                int status = handle.call(auth ->
                        Bridge.LIBRARY.tc_auth_header_block(auth, methodString, uriString, block, size));
                if (status != TcAuthStatus.BUFFER_TOO_SMALL.value()) {
                    TcAuthException.check(status);
                    return Bridge.read(block, Bridge.stringLength(block));
                }
            }
        }
    }

    /**
     * The string that is signed, such as {@code /api/v3/indicators:GET:1513703787}. Compare it with what the server received,
     * or with what another implementation signs.
     *
     * @param method as in {@link #headers(String, String)}
     * @param uri as there
     * @param at the second that was signed
     * @return the string
     * @throws TcAuthException {@link TcAuthStatus#INVALID_METHOD}, {@link TcAuthStatus#INVALID_URI_FORM},
     *         {@link TcAuthStatus#INVALID_URI_BYTE}, {@link TcAuthStatus#INVALID_TIME}
     */
    public static String stringToSign(String method, String uri, Instant at) {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            TcAuthException.check(Bridge.LIBRARY.tc_auth_string_to_sign(
                    arguments.string("method", method, TcAuthStatus.INVALID_METHOD),
                    arguments.string("uri", uri, TcAuthStatus.INVALID_URI_BYTE), time(at), out));
            return Arguments.stringAt(out);
        }
    }

    /**
     * Replaces the token immediately for all threads. The same token with another expiry only changes the expiry.
     *
     * @param token as in {@link #ofToken(String, Instant)}
     * @param expires as there: null or the Unix epoch for none
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}, {@link TcAuthStatus#INVALID_TOKEN},
     *         {@link TcAuthStatus#INVALID_TIME}; the old token then stays in use. {@link TcAuthStatus#STORE_IO}, after
     *         {@link #shareIn}: a success, but the new token is not saved yet; later polls try again.
     */
    public void updateToken(String token, @Nullable Instant expires) {
        long seconds = expiry(expires);
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("token", token, TcAuthStatus.INVALID_TOKEN);
            TcAuthException.check(changes.make(() ->
                    handle.call(auth -> Bridge.LIBRARY.tc_auth_update_token(auth, encoded, seconds))));
        }
    }

    /**
     * The current token and its expiry, for example to pass them to another process. Do not log the token.
     *
     * @return a copy
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}
     */
    public Token token() {
        try (Arguments arguments = new Arguments()) {
            long token = arguments.output();
            long expires = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_token(auth, token, expires));
            long seconds = Arguments.longAt(expires);
            return new Token(Arguments.stringAt(token), seconds == NO_EXPIRY ? null : Instant.ofEpochSecond(seconds));
        }
    }

    /**
     * Sets the URL of the platform's API. It can be set only once; set it before this is shared. Afterwards a URL with another
     * scheme, host or port is refused, a token can be renewed, and {@link #url} can be used.
     *
     * @param apiPath such as {@code https://company.example/api}
     * @throws TcAuthException {@link TcAuthStatus#INVALID_URI_FORM} (not an absolute http or https URL, or it has a user, query
     *         or fragment), {@link TcAuthStatus#INVALID_URI_BYTE}, {@link TcAuthStatus#ALREADY_SET}
     */
    public void setApiPath(String apiPath) {
        try (Arguments arguments = new Arguments()) {
            long encoded = arguments.string("apiPath", apiPath, TcAuthStatus.INVALID_URI_BYTE);
            handle.check(auth -> Bridge.LIBRARY.tc_auth_set_api_path(auth, encoded));
        }
    }

    /**
     * The API path.
     *
     * @return as it was set, without a {@code /} at its end; null if none is set
     */
    public @Nullable String apiPath() {
        Library.require();
        long auth = handle.enter();
        try {
            long apiPath = Bridge.LIBRARY.tc_auth_api_path(auth);
            return apiPath == 0 ? null : Arguments.borrowedString(apiPath);
        } finally {
            handle.exit();
        }
    }

    /**
     * Sets how long before its expiry a token is due for renewal; by default one minute. If less than twice this time was left
     * when the token was set, it is due after half of what was left.
     *
     * @param window up to one day
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}, {@link TcAuthStatus#INVALID_ARGUMENT}
     */
    public void setRenewalWindow(Duration window) {
        long seconds = window.getSeconds();
        handle.check(auth -> Bridge.LIBRARY.tc_auth_set_renewal_window(auth, seconds));
    }

    /**
     * The time that {@link #setRenewalWindow} has set.
     *
     * @return whole seconds
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}
     */
    public Duration renewalWindow() {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_renewal_window(auth, out));
            return Duration.ofSeconds(Arguments.longAt(out));
        }
    }

    /**
     * Sets the difference that is added to this machine's clock to get the server's time.
     *
     * @param offset up to one day in either direction; by default zero
     * @throws TcAuthException {@link TcAuthStatus#INVALID_ARGUMENT}
     */
    public void setClockOffset(Duration offset) {
        long seconds = offset.getSeconds();
        handle.check(auth -> Bridge.LIBRARY.tc_auth_set_clock_offset(auth, seconds));
    }

    /**
     * The offset that {@link #setClockOffset} or {@link #review} has set.
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
     * The state of the token, for health checks and messages. It changes nothing. Each {@link #poll()}, {@link #review},
     * {@link #updateToken} and {@link #unseal} can change the state.
     *
     * @return the state, and a time
     */
    public TokenState tokenState() {
        try (Arguments arguments = new Arguments()) {
            long state = arguments.output();
            long seconds = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_token_state(auth, state, seconds));
            long left = Arguments.longAt(seconds);
            return new TokenState(TcAuthState.of(Arguments.intAt(state)),
                    left == UNKNOWN_TIME ? null : Duration.ofSeconds(left));
        }
    }

    /**
     * The name of the family: all processes that started with the same token. It stays the same when the token changes. Use it
     * as the key of an entry in a store, and as the name of its lock. Start all processes with the first token, never with a
     * later one.
     *
     * @return 32 hexadecimal digits
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}
     */
    public String family() {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_family(auth, out));
            return Arguments.stringAt(out);
        }
    }

    /**
     * Encrypts the current token and its expiry into one line, to store it for the other processes of the family. Equal inputs
     * give equal lines.
     *
     * @param key one to four keys, one per line: the first one seals, each of them unseals. Use at least 128 random bits, such
     *        as 32 random hexadecimal digits. Null for none: then anyone who knows the family's first token, even a dead one,
     *        can read the current token and make lines that others accept.
     * @return the line. Of two lines of a family, the one with the greater 16 characters after {@code TC1.} is newer.
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}, {@link TcAuthStatus#INVALID_ARGUMENT} (the key),
     *         {@link TcAuthStatus#SEAL_INVALID} (a token of more than 65528 bytes)
     */
    public String seal(@Nullable String key) {
        try (Arguments arguments = new Arguments()) {
            long keyString = arguments.optionalString("key", key, TcAuthStatus.INVALID_ARGUMENT);
            long out = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_seal(auth, keyString, out));
            return Arguments.stringAt(out);
        }
    }

    /**
     * Reads a line that {@link #seal} made in this or another process, and uses its token if it is newer. Then waiting callers
     * go on. This never goes back to an older token.
     *
     * @param sealed the line, without a line break
     * @param key as in {@link #seal}
     * @return what the token of the line was
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}, {@link TcAuthStatus#INVALID_ARGUMENT} (the key),
     *         {@link TcAuthStatus#SEAL_INVALID} (a wrong key, another family, or any change of the line),
     *         {@link TcAuthStatus#SEAL_VERSION}. Then nothing changes.
     */
    public TcAuthUnsealed unseal(String sealed, @Nullable String key) {
        byte[] bytes = Arguments.utf8("sealed", sealed, TcAuthStatus.SEAL_INVALID);
        try (Arguments arguments = new Arguments()) {
            long line = arguments.bytes(bytes);
            long keyString = arguments.optionalString("key", key, TcAuthStatus.INVALID_ARGUMENT);
            long outcome = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_unseal(auth, line, bytes.length, keyString, outcome));
            return TcAuthUnsealed.of(Arguments.intAt(outcome));
        } finally {
            changes.waiters.wakeAll();
        }
    }

    /**
     * Shares the token with all processes of the family that use the same directory: they renew it once, and each of them gets
     * the new one. Call it once, before other threads use this. It reads the family's token file in the directory and uses its
     * token if it is newer; if there is no file, it creates one. All processes must run on one machine, as one user.
     *
     * <p>From then on {@link #poll()} uses a newer token of another process, and only one process at a time has a ticket.
     * {@link TcAuthRenewal#complete} and {@link #updateToken} save the token, and wait for the disk.
     *
     * <p>A process that dies after the server has issued a token, and before the response is completed, takes the token with
     * it. Another token, set by {@link #updateToken} in any process, reaches all.
     *
     * @param directory exists on a local file system, and belongs to the same user or to root; other users must not be able to
     *        rename files in it
     * @param key as in {@link #seal}: the same in all processes; null for none
     * @throws TcAuthException {@link TcAuthStatus#WRONG_KIND}; {@link TcAuthStatus#INVALID_ARGUMENT} (the key);
     *         {@link TcAuthStatus#ALREADY_SET}; {@link TcAuthStatus#SEAL_INVALID} (the file can't be unsealed, for example
     *         because the key is wrong); {@link TcAuthStatus#SEAL_VERSION}; {@link TcAuthStatus#STORE_IO} (the directory or a
     *         file in it can't be used). Nothing changes then, and you may call this again.
     */
    public void shareIn(Path directory, @Nullable String key) {
        Objects.requireNonNull(directory, "directory");
        try (Arguments arguments = new Arguments()) {
            long directoryString = arguments.string("directory", directory.toString(), TcAuthStatus.INVALID_ARGUMENT);
            long keyString = arguments.optionalString("key", key, TcAuthStatus.INVALID_ARGUMENT);
            handle.check(auth -> Bridge.LIBRARY.tc_auth_share_in(auth, directoryString, keyString));
        }
    }

    /**
     * Must be called before each request is signed. Says whether to sign now, or to renew the token first. Sign even if the
     * renewal failed: signing fails if the token has expired.
     *
     * <p>This does not wait for another caller's renewal.
     *
     * @return null: sign now; a ticket: this caller must renew, and no other does
     * @throws TcAuthException {@link TcAuthStatus#RENEWAL_TIMEOUT}: another caller's renewal is under way; do not send the old
     *         token, but poll again or give up
     */
    public @Nullable TcAuthRenewal poll() {
        @Nullable TcAuthRenewal[] ticket = new @Nullable TcAuthRenewal[1];
        if (!pollOnce(ticket)) {
            throw new TcAuthException(TcAuthStatus.RENEWAL_TIMEOUT);
        }
        return ticket[0];
    }

    /**
     * The same as {@link #poll()}, but waits for another caller's renewal. A virtual thread that waits does not block its
     * carrier.
     *
     * @param maxWait the longest wait. It should be longer than your HTTP client's timeout.
     * @return as in {@link #poll()}
     * @throws InterruptedException if this thread is interrupted while it waits
     * @throws TcAuthException {@link TcAuthStatus#RENEWAL_TIMEOUT}: another caller's renewal is still under way; do not send
     *         the old token, but poll again or give up; {@link TcAuthStatus#INVALID_ARGUMENT}: a negative wait
     */
    public @Nullable TcAuthRenewal poll(Duration maxWait) throws InterruptedException {
        if (maxWait.isNegative()) {
            throw new TcAuthException(TcAuthStatus.INVALID_ARGUMENT);
        }
        long start = System.nanoTime();
        long wait = maxWait.compareTo(LONGEST_WAIT) > 0 ? Long.MAX_VALUE : maxWait.toNanos();
        @Nullable TcAuthRenewal[] ticket = new @Nullable TcAuthRenewal[1];
        if (pollOnce(ticket)) {
            return ticket[0];
        }
        @Nullable CompletableFuture<Void> turn = pollAgain(ticket);
        while (turn != null) {
            try {
                turn.get(wait - (System.nanoTime() - start), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                throw new TcAuthException(TcAuthStatus.RENEWAL_TIMEOUT);
            } catch (ExecutionException e) {
                throw new AssertionError(e); // a turn does not fail
            } finally {
                stopWaiting(turn);
            }
            turn = pollAgain(ticket);
        }
        return ticket[0];
    }

    /** Polls without a wait. False if another caller's renewal is under way. */
    boolean pollOnce(@Nullable TcAuthRenewal[] ticket) {
        try (Arguments arguments = new Arguments()) {
            long out = arguments.output();
            int status = handle.call(auth -> Bridge.LIBRARY.tc_auth_renewal_poll(auth, 0, out));
            if (status == TcAuthStatus.RENEWAL_TIMEOUT.value()) {
                return false;
            }
            TcAuthException.check(status);
            long renewal = Arguments.longAt(out);
            ticket[0] = renewal == 0 ? null : new TcAuthRenewal(renewal, changes);
            return true;
        }
    }

    /**
     * Polls for a caller that has to wait. Null if it has not to wait any more; otherwise what completes when it is time to
     * call this again.
     */
    @Nullable CompletableFuture<Void> pollAgain(@Nullable TcAuthRenewal[] ticket) {
        CompletableFuture<Void> turn = changes.waiters.add();
        boolean isOver = true;
        try {
            isOver = pollOnce(ticket);
        } finally {
            if (isOver) {
                stopWaiting(turn);
            }
        }
        if (isOver && ticket[0] == null) {
            changes.waiters.wakeAll(); // perhaps another process has ended it, and only this caller knows
        }
        return isOver ? null : turn;
    }

    /** What to pass to isAdopted, from before the headers are made. */
    long changes() {
        return changes.count();
    }

    /** Whether these are the first headers with a token that came from another process. */
    boolean isAdopted(TcAuthHeaders headers, long before) {
        return headers.timestamp().isEmpty() && changes.isAdopted(headers.authorization(), before);
    }

    void stopWaiting(CompletableFuture<Void> turn) {
        if (!turn.isDone()) {
            changes.waiters.remove(turn);
        }
    }

    /**
     * Must be called with the response to a signed request. Says whether to send the request once more. If the server rejected
     * the token, the next poll renews it. If the server's date shows that the clock is wrong, the clock offset is changed, by
     * at most one day.
     *
     * @param sent the headers that were sent
     * @param httpStatus the status of the response; all but 400, 401 and 403 are {@link TcAuthAdvice#ACCEPTED}
     * @param date the Date header; null if there is none, if there is an Age header, or if the response did not come from the
     *        signed server over TLS
     * @param body the body of the response; only its first 64 KiB are read
     * @return what to do; {@link TcAuthAdvice#RETRY}: poll, sign and send the request once more
     * @throws TcAuthException {@link TcAuthStatus#MALFORMED_AUTHORIZATION} if {@code sent} was not made for this kind of
     *         identity, {@link TcAuthStatus#INVALID_TIME} if its timestamp is needed and is missing or invalid
     */
    public TcAuthAdvice review(TcAuthHeaders sent, int httpStatus, @Nullable String date, byte[] body) {
        byte[] authorization = Arguments.utf8("authorization", sent.authorization(), TcAuthStatus.MALFORMED_AUTHORIZATION);
        boolean hasDate = date != null && date.indexOf('\0') < 0 && !Arguments.hasLoneSurrogate(date);
        try (Arguments arguments = new Arguments()) {
            long authorizationBytes = arguments.bytes(authorization);
            long dateString = arguments.optionalString("date", hasDate ? date : null, TcAuthStatus.INVALID_ARGUMENT);
            int bodyLength = Math.min(body.length, REVIEWED_BYTES);
            long bodyBytes = arguments.bytes(Arrays.copyOf(body, bodyLength));
            long advice = arguments.output();
            handle.check(auth -> Bridge.LIBRARY.tc_auth_review(auth, authorizationBytes, authorization.length,
                    sent.timestampNumber(), httpStatus, dateString, bodyBytes, bodyLength, advice));
            return TcAuthAdvice.of(Arguments.intAt(advice));
        } finally {
            Arrays.fill(authorization, (byte) 0);
        }
    }

    /**
     * Checks the headers of a request that was received now, for gateways, mocks and tests.
     *
     * @param method the request's method
     * @param uri the request's target as it was received; one with a fragment is refused
     * @param authorization the value of {@code Authorization}, or null if the request has none
     * @param timestamp the value of {@code Timestamp}, or null if the request has none; with a token it is ignored
     * @param tolerance the largest difference between the timestamp and the clock, up to one day; ThreatConnect allows five
     *        minutes
     * @throws TcAuthException {@link TcAuthStatus#MALFORMED_AUTHORIZATION}, {@link TcAuthStatus#SIGNATURE_MISMATCH},
     *         {@link TcAuthStatus#TIMESTAMP_OUT_OF_RANGE} or {@link TcAuthStatus#TOKEN_EXPIRED} for the headers;
     *         {@link TcAuthStatus#INVALID_METHOD}, {@link TcAuthStatus#INVALID_URI_FORM},
     *         {@link TcAuthStatus#INVALID_URI_BYTE}, {@link TcAuthStatus#OTHER_ORIGIN} or {@link TcAuthStatus#INVALID_ARGUMENT}
     *         (the tolerance) for the rest
     */
    public void verify(String method, String uri, @Nullable String authorization, @Nullable String timestamp,
            Duration tolerance) {
        verifyAt(method, uri, authorization, timestamp, NOW, tolerance);
    }

    /**
     * Checks the headers of a request that was received at a given time.
     *
     * @param method as in {@link #verify(String, String, String, String, Duration)}
     * @param uri as there
     * @param authorization as there
     * @param timestamp as there
     * @param at the time to compare with
     * @param tolerance as there
     * @throws TcAuthException as there; {@link TcAuthStatus#INVALID_TIME}
     */
    public void verify(String method, String uri, @Nullable String authorization, @Nullable String timestamp, Instant at,
            Duration tolerance) {
        verifyAt(method, uri, authorization, timestamp, time(at), tolerance);
    }

    private void verifyAt(String method, String uri, @Nullable String authorization, @Nullable String timestamp,
            long unixTime, Duration tolerance) {
        try (Arguments arguments = new Arguments()) {
            long methodString = arguments.string("method", method, TcAuthStatus.INVALID_METHOD);
            long uriString = arguments.string("uri", uri, TcAuthStatus.INVALID_URI_BYTE);
            long authorizationString =
                    arguments.optionalString("authorization", authorization, TcAuthStatus.MALFORMED_AUTHORIZATION);
            long timestampString = arguments.optionalString("timestamp", timestamp, TcAuthStatus.MALFORMED_AUTHORIZATION);
            handle.check(auth -> Bridge.LIBRARY.tc_auth_verify(auth, methodString, uriString, authorizationString,
                    timestampString, unixTime, tolerance.getSeconds()));
        }
    }

    /**
     * Starts a URL with the API path followed by a path: with {@code https://company.example/api}, the path {@code /v2/owners}
     * becomes {@code https://company.example/api/v2/owners}.
     *
     * @param path begins with exactly one {@code /}; already percent-encoded
     * @return a URL to add to; it remains valid after this is closed
     * @throws TcAuthException {@link TcAuthStatus#API_PATH_MISSING}, {@link TcAuthStatus#INVALID_URI_FORM},
     *         {@link TcAuthStatus#INVALID_URI_BYTE}
     */
    public TcUrl url(String path) {
        return TcUrl.of(handle, path);
    }

    /**
     * Wipes and frees this as soon as no call is running. Does nothing the second time. Complete or cancel your renewals first:
     * the new token of a renewal that is completed later is lost.
     */
    @Override
    public void close() {
        handle.close();
        changes.waiters.wakeAll();
    }

    /**
     * The version of the loaded C library.
     *
     * @return such as {@code 0.1.0}
     */
    public static String version() {
        Library.require();
        return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_version());
    }

    /**
     * The version of the loaded C library as a number, to compare.
     *
     * @return {@code major << 16 | minor << 8 | patch}
     */
    public static int versionNumber() {
        Library.require();
        return Bridge.LIBRARY.tc_auth_version_number();
    }

    /** C takes -1 as "now" and refuses all other negative times, so -1 is replaced by one of those. */
    private static long time(Instant at) {
        long seconds = at.getEpochSecond();
        return seconds == NOW ? Long.MIN_VALUE : seconds;
    }

    private static long expiry(@Nullable Instant expires) {
        return expires == null ? NO_EXPIRY : expires.getEpochSecond();
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

    /** The state of a token, and a time that belongs to it. */
    public static final class TokenState {
        private final TcAuthState state;
        private final @Nullable Duration left;

        private TokenState(TcAuthState state, @Nullable Duration left) {
            this.state = state;
            this.left = left;
        }

        /**
         * The state.
         *
         * @return such as {@link TcAuthState#VALID}
         */
        public TcAuthState state() {
            return state;
        }

        /**
         * How long something takes. {@link TcAuthState#VALID}: until the token is due. {@link TcAuthState#UNDER_WAY}: until the
         * ticket expires. {@link TcAuthState#PAUSED}: until the next attempt. {@link TcAuthState#REFUSED} and
         * {@link TcAuthState#NOT_RENEWABLE}: until the token expires; zero if it has expired. Otherwise zero.
         *
         * @return whole seconds, rounded up; null if it is unknown
         */
        public @Nullable Duration left() {
            return left;
        }

        /** Contains the state and the time. */
        @Override
        public String toString() {
            return "TokenState[" + state + (left == null ? "" : ", " + left) + "]";
        }
    }

    /** A token and its expiry. */
    public static final class Token {
        /** Transient: what writes all fields of an object must not write it. */
        private final transient String value;
        private final @Nullable Instant expires;

        private Token(String value, @Nullable Instant expires) {
            this.value = Objects.requireNonNull(value);
            this.expires = expires;
        }

        /**
         * The token itself. It is a secret.
         *
         * @return visible ASCII
         */
        public String value() {
            return value;
        }

        /**
         * The time at which the token expires.
         *
         * @return whole seconds, or null if it does not expire or that is unknown
         */
        public @Nullable Instant expires() {
            return expires;
        }

        /** Contains the expiry, and no part of the token. */
        @Override
        public String toString() {
            return expires == null ? "Token[no expiry]" : "Token[expires " + expires + "]";
        }
    }
}
