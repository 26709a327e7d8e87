/**
 * Authorization headers for the ThreatConnect API: HMAC-SHA256 signatures, or an API token with expiry and renewal.
 *
 * <p>{@link io.github.tcauth.TcAuth} is one identity: make it once and share it between all threads. It makes headers and
 * does no networking. {@link io.github.tcauth.TcAuthClient} does that, around a {@link java.net.http.HttpClient}: it signs
 * each request, renews the token, and sends a refused request once more where that helps.
 *
 * <p>Everything that fails throws {@link io.github.tcauth.TcAuthException}, whose
 * {@linkplain io.github.tcauth.TcAuthException#status() status} tells the cause; a closed object throws
 * {@link IllegalStateException}, and null {@link NullPointerException} where a method does not give it a meaning.
 * No message and no {@code toString()} holds a secret key or a token; only the URL of a {@link io.github.tcauth.Renewal}
 * and what {@link io.github.tcauth.Headers} and {@link io.github.tcauth.TcAuth.Token} hand out on request do.
 */
package io.github.tcauth;
