package io.github.tcauth;

import org.jspecify.annotations.Nullable;

/**
 * A ticket: you must renew the token, and others wait for you. GET its {@link #url()} and pass the response to
 * {@link #complete}, or call {@link #cancel} if there is none. It lapses after 120 seconds.
 *
 * <p>Closing a ticket that was not completed cancels it. If its {@link TcAuth} is closed first, completing it is allowed but
 * replaces no token. Any thread may use it; calls by several threads run one after the other.
 */
public final class TcAuthRenewal implements AutoCloseable {
    private final Handle handle;
    private final Changes changes;

    TcAuthRenewal(long address, Changes changes) {
        this.handle = new Handle(TcAuthRenewal.class, address, ticket -> {
            Bridge.LIBRARY.tc_auth_renewal_cancel(ticket);
            changes.waiters.wakeAll();
        });
        this.changes = changes;
    }

    /**
     * The URL to GET, without an Authorization header.
     *
     * <p>It contains the token: do not log it, and follow no redirect. Send it once, on a new connection: many clients repeat
     * a GET if a kept connection is dead, and the repetition would use a token that is already invalid.
     *
     * @return an absolute URL
     * @throws IllegalStateException if the ticket was completed or cancelled before
     */
    public synchronized String url() {
        long address = handle.enter();
        try {
            return Arguments.borrowedString(Bridge.LIBRARY.tc_auth_renewal_url(address));
        } finally {
            handle.exit();
        }
    }

    /**
     * Whether the request is still needed. Ask before you send it if other processes renew the same token, after
     * {@link TcAuth#unseal}. If it is not, cancel the ticket.
     *
     * @return false if the token was replaced or extended in the meantime, or the {@link TcAuth} was closed
     * @throws IllegalStateException if the ticket was completed or cancelled before
     */
    public synchronized boolean isNeeded() {
        try (Arguments arguments = new Arguments()) {
            long needed = arguments.output();
            handle.check(renewal -> Bridge.LIBRARY.tc_auth_renewal_needed(renewal, needed));
            return Arguments.intAt(needed) != 0;
        }
    }

    /**
     * Ends the renewal with the server's response. Pass every response, also an HTTP error. The threads that wait continue. The
     * ticket can't be used again, even if this throws.
     *
     * @param httpStatus the status of the response
     * @param body the whole body of the response
     * @return the server's message for a log (at most 512 bytes, with {@code ***} for the token), or null
     * @throws TcAuthException {@link TcAuthStatus#RENEWAL_REFUSED}: the server will not renew this token; there is no further
     *         attempt until another token is set. {@link TcAuthStatus#RENEWAL_BAD_RESPONSE}: anything else; the token stays in
     *         use while it is valid, and the next attempt comes after a pause. {@link TcAuthStatus#STORE_IO}, after
     *         {@link TcAuth#shareIn}: a success, but the new token is not saved yet; later polls try again.
     *         {@link TcAuthException#detail} is the server's message.
     * @throws IllegalStateException if the ticket was completed or cancelled before
     */
    public @Nullable String complete(int httpStatus, byte[] body) {
        try (Arguments arguments = new Arguments()) {
            long bytes = arguments.bytes(body);
            long message = arguments.output();
            int status = changes.make(() ->
                    Bridge.LIBRARY.tc_auth_renewal_complete(take(), httpStatus, bytes, body.length, message));
            String serverMessage = Arguments.optionalStringAt(message);
            if (status != TcAuthStatus.OK.value()) {
                throw new TcAuthException(status, serverMessage);
            }
            return serverMessage;
        }
    }

    /** Waits for a call that uses the ticket. */
    private synchronized long take() {
        return handle.take();
    }

    /**
     * Ends the renewal without a response, for example after a timeout. The token stays in use while it is valid, and the next
     * attempt comes after a pause of 5 to 60 seconds. Does nothing if the ticket was completed or cancelled before.
     */
    public void cancel() {
        handle.close();
    }

    /** Says whether the ticket is open, and nothing of its URL. It never throws. */
    @Override
    public String toString() {
        try {
            return isNeeded() ? "TcAuthRenewal[open]" : "TcAuthRenewal[not needed]";
        } catch (IllegalStateException e) {
            return "TcAuthRenewal[ended]";
        } catch (RuntimeException e) {
            return "TcAuthRenewal[" + e.getMessage() + "]";
        }
    }

    /** The same as {@link #cancel()}. */
    @Override
    public void close() {
        cancel();
    }
}
