package io.github.tcauth;

/**
 * A ticket: you were chosen to renew the token, and others wait for you. GET its {@link #url()} and hand the answer to
 * {@link #complete}, or {@link #cancel} it if there is none. It lapses after 120 seconds.
 *
 * <p>It is given back exactly once; closing one that was not completed cancels it. It may outlive its {@link TcAuth},
 * whose token is then not replaced. It may be used by any thread, and does one thing at a time.
 */
public final class Renewal implements AutoCloseable {
    private final Handle handle;

    Renewal(long address) {
        handle = new Handle(Renewal.class, address, Bridge.LIBRARY::tc_auth_renewal_cancel);
    }

    /**
     * The URL to GET, without an Authorization header.
     *
     * <p>It contains the token: do not log it, and follow no redirect. Send it once, on a new connection: many clients repeat
     * a GET when a connection turns out to be dead, and the second would renew a token that is gone.
     *
     * @return an absolute URL
     * @throws IllegalStateException if the ticket was given back
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
     * Hands in the server's answer, whatever it is. Whoever waits goes on. The ticket is then given back, also if this
     * throws.
     *
     * @param httpStatus of the answer
     * @param body of the answer, the whole of it
     * @return the message of the answer, fit for a log (at most 512 bytes, {@code ***} for the token), or null
     * @throws TcAuthException {@link Status#RENEWAL_REFUSED}: the server will not renew this token, so nobody tries again
     *         until another one is set; {@link Status#RENEWAL_BAD_RESPONSE}: anything else, the token stays in use while it
     *         is valid, and the next attempt comes after a pause. The server's message is the {@link TcAuthException#detail}.
     * @throws IllegalStateException if the ticket was given back before
     */
    public synchronized String complete(int httpStatus, byte[] body) {
        try (Arguments arguments = new Arguments()) {
            long bytes = arguments.bytes(body);
            long message = arguments.output();
            int status = Bridge.LIBRARY.tc_auth_renewal_complete(handle.take(), httpStatus, bytes, body.length, message);
            String serverMessage = Arguments.ownedStringAt(message);
            if (status != Status.OK.value()) {
                throw new TcAuthException(status, serverMessage);
            }
            return serverMessage;
        }
    }

    /**
     * Gives the ticket back without an answer: the connection failed, or it took too long. The token stays in use while
     * it is valid, and the next attempt comes after a pause of 5 to 60 seconds. Does nothing for a ticket that was given back.
     */
    public synchronized void cancel() {
        handle.close();
    }

    /** The same as {@link #cancel()}. */
    @Override
    public void close() {
        cancel();
    }
}
