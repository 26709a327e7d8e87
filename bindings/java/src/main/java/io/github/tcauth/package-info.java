/**
 * Authorization headers for the ThreatConnect API: HMAC-SHA256 signatures, or an API token with expiry and renewal.
 *
 * <p>{@link io.github.tcauth.TcAuth} is one identity: make it once and share it between all threads. It makes headers and
 * opens no connection. {@link io.github.tcauth.TcAuthClient} wraps a {@link java.net.http.HttpClient}: it signs each request,
 * renews the token, and sends a refused request once more if that can help.
 * {@link io.github.tcauth.TcAuthSession} is for other HTTP clients.
 *
 * <p>A failed call throws {@link io.github.tcauth.TcAuthException}, whose
 * {@linkplain io.github.tcauth.TcAuthException#status() status} names the cause. A closed object throws
 * {@link IllegalStateException}. Null throws {@link NullPointerException}, unless a method documents a meaning for it.
 *
 * <p>No message and no {@code toString()} contains a secret key or a token. These contain one:
 * {@link io.github.tcauth.TcAuthRenewal#url()}, {@link io.github.tcauth.TcAuthHeaders#authorization()} and
 * {@link io.github.tcauth.TcAuth.Token#value()}.
 */
@NullMarked
package io.github.tcauth;

import org.jspecify.annotations.NullMarked;
