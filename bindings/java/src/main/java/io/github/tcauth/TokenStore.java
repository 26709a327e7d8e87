package io.github.tcauth;

import org.jspecify.annotations.Nullable;

/**
 * A place where processes on many machines share their token, such as a database. For processes of one user on one machine, a
 * directory is simpler: see {@code shareIn}.
 *
 * <p>The methods are called by several threads, and may wait. What they throw makes no request fail as long as the token is
 * valid.
 *
 * <p>What no store can repair: a process dies, or the response to a renewal is lost, after the platform has issued the new
 * token and before it was written. Then call {@link TcAuthSession#updateToken} with another one, in any process.
 */
public interface TokenStore {
    /**
     * Reads the entry of a family.
     *
     * @param family 32 hexadecimal digits: see {@link TcAuth#family}
     * @return the line that was written; null if there is none
     * @throws Exception if the store does not answer
     */
    @Nullable String read(String family) throws Exception;

    /**
     * Writes an entry if it is still the one that was read, in one atomic operation. A lock is no substitute for the
     * comparison.
     *
     * @param family as in {@link #read}
     * @param old what was read: the entry must still be equal to it; null: there must still be none
     * @param line the new entry, encrypted. Do not let it expire.
     * @return false if the entry has changed, so nothing was written
     * @throws Exception if the store does not answer
     */
    boolean write(String family, @Nullable String old, String line) throws Exception;

    /**
     * Takes the lock of a family, without waiting. Who has it renews the token. A lock that ends by itself, because its process
     * may have died, must last for two minutes.
     *
     * @param family as in {@link #read}
     * @return releases the lock when it is closed; null if another process has it
     * @throws Exception if the store does not answer
     */
    @Nullable AutoCloseable tryLock(String family) throws Exception;
}
