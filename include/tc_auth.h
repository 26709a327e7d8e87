/**
 * @file tc_auth.h
 * Authorization headers for the ThreatConnect API: HMAC-SHA256 signatures, or an API token.
 *
 * @mainpage
 *
 * The library makes headers and checks them. It opens no connection, starts no thread, prints nothing, and keeps its
 * state in the objects that it gives you. You send the request, with any HTTP client.
 *
 * tc_auth.h is for C99 or later, and C++11 or later; with C++17, tc_auth.hpp wraps it.
 *
 * A complete program (link with -ltc_auth):
 *
 *     #include <stdio.h>
 *     #include <tc_auth.h>
 *
 *     int main(void)
 *     {
 *         tc_auth *auth = NULL;
 *         tc_auth_header_list *headers = NULL;
 *         tc_auth_status status = tc_auth_new_hmac("12345678901234567890", "my secret key", &auth);
 *         if (status == TC_AUTH_STATUS_OK)
 *             status = tc_auth_headers(auth, "GET", "/api/v3/indicators?resultLimit=10", &headers);
 *         if (status == TC_AUTH_STATUS_OK)
 *             for (size_t i = 0; i < tc_auth_header_list_len(headers); i++)
 *                 puts(tc_auth_header_list_line(headers, i));
 *         else
 *             fprintf(stderr, "%s\n", tc_auth_status_message(status));
 *         tc_auth_header_list_free(headers);
 *         tc_auth_free(auth);
 *         return status == TC_AUTH_STATUS_OK ? 0 : 1;
 *     }
 *
 * **What is signed must be what is sent.** Sign the URL as your client puts it on the wire, send it unchanged, with
 * the method in upper case, and follow no redirect with these headers: a new target needs new headers, and another
 * server must never see them. The body and other headers are not signed.
 *
 * **Results.** A function that can fail returns a tc_auth_status, 0 for success. Output parameters come last and, unless
 * stated otherwise, are unchanged on failure. Initialise them to NULL, and reset them to NULL after freeing. Each cause
 * has its own status, and tc_auth_status_message() says in one sentence what to do. There is no "last error".
 *
 * In the header's comments the errors of a function go without their prefix, TC_AUTH_STATUS_. PANIC, which any function
 * can return, is nowhere listed: it means that a bug in the library was stopped before it could do harm; only then,
 * and when there is no memory, something is printed, on standard error.
 *
 * **Ownership.** A function whose output is a handle, list, URL or string gives it to you, and names the function that
 * frees it: never free(). Arguments stay yours and are copied where the library keeps them. A `const char *` that is
 * returned belongs to the object that it was asked of.
 *
 * **NULL.** Every pointer is checked: NULL gives NULL_ARGUMENT where a function does not give it a meaning. A function
 * that frees does nothing for NULL; one that returns no status answers NULL, 0 or NONE. An input of length 0 is empty,
 * whatever its pointer. What no library can check: a pointer to freed memory, a string without its NUL, a second free
 * of the same object. Outputs and buffers must not overlap each other or an input, except where a function says so.
 *
 * **Threads.** Every function on a tc_auth may run in any number of threads at once, except tc_auth_free(), which
 * comes last and alone. `const` means that the object is only read. A tc_auth_url and a tc_auth_header_list belong to
 * one thread at a time; several may read a list together. A thread's first call on a token handle sets aside 128 bytes,
 * which the library keeps and gives to the next thread when this one ends. A signal interrupts no call, and
 * pthread_cancel() takes effect after it, unless a thread has made its cancellation asynchronous. No function is for
 * signal handlers.
 *
 * **Processes.** After fork(), the child may use HMAC handles, because signing takes no lock, and everything that it
 * creates itself. It may only free token handles, because two processes that renew the same token invalidate each
 * other's copy. It must not touch tickets. Other calls on them may fail with RENEWAL_TIMEOUT, if a thread of the parent
 * was in the middle of a call. dlclose() leaves the library where it is.
 *
 * **Strings** are bytes and end in NUL where no length is passed with them. Times are Unix seconds: 0 to 99999999999.
 *
 * **Secrets.** No message, description or status holds a secret key or a token. The library's own copies are wiped
 * when they are freed or replaced, and no call leaves any on the stack or in registers. A call needs 12 KiB of stack.
 *
 * **Memory.** If an allocation fails, the library prints one line on standard error, with the number of bytes, and
 * aborts the program (SIGABRT). No call returns an error for it. tc_auth_headers_into() keeps working: it allocates
 * nothing but the 128 bytes above.
 *
 * **Compatibility.** The numbers of the enumerations never change. Later versions can add some, so expect numbers that
 * this header does not name.
 */


#ifndef TC_AUTH_H
#define TC_AUTH_H

/* Generated from src/ffi by `make header`: edit there. */

#include <stddef.h>
#include <stdint.h>

/** The version of this header; tc_auth_version() is that of the library that is running. */
#define TC_AUTH_VERSION_MAJOR 0
/** Grows with each addition. */
#define TC_AUTH_VERSION_MINOR 1
/** Grows with each correction. */
#define TC_AUTH_VERSION_PATCH 0

/**
 * As a time: read the clock of this machine, once, and add the handle's clock offset.
 */
#define TC_AUTH_NOW (-1)

/**
 * Instead of a timestamp: there is none, so send no Timestamp header.
 */
#define TC_AUTH_NO_TIMESTAMP (-1)

/**
 * As an expiry: not known, or never.
 */
#define TC_AUTH_NO_EXPIRY 0

/**
 * The outcome of a call. Values are fixed: a later version may add some, and never changes one.
 */
typedef enum {
  /**
   * It worked.
   */
  TC_AUTH_STATUS_OK = 0,
  /**
   * A pointer that must not be NULL is NULL.
   */
  TC_AUTH_STATUS_NULL_ARGUMENT = 1,
  /**
   * The method is not an HTTP token of 1 to 64 characters.
   */
  TC_AUTH_STATUS_INVALID_METHOD = 2,
  /**
   * The URI is neither a path that begins with one / nor an absolute http or https URL, or it has a part that this
   * function does not take.
   */
  TC_AUTH_STATUS_INVALID_URI_FORM = 3,
  /**
   * The URI contains a control character, a space or a byte above 0x7e.
   */
  TC_AUTH_STATUS_INVALID_URI_BYTE = 4,
  /**
   * The access id is empty or contains a character that is not visible ASCII.
   */
  TC_AUTH_STATUS_INVALID_ACCESS_ID = 5,
  /**
   * The secret key is empty or contains a control character, such as a line break.
   */
  TC_AUTH_STATUS_INVALID_SECRET_KEY = 6,
  /**
   * The token is empty or contains a character that is not visible ASCII.
   */
  TC_AUTH_STATUS_INVALID_TOKEN = 7,
  /**
   * The time is negative, or 10^11 and more (milliseconds?).
   */
  TC_AUTH_STATUS_INVALID_TIME = 8,
  /**
   * The buffer is too small; the length that is needed was stored.
   */
  TC_AUTH_STATUS_BUFFER_TOO_SMALL = 9,
  /**
   * The function needs a token handle, and this is an HMAC handle.
   */
  TC_AUTH_STATUS_WRONG_KIND = 10,
  /**
   * The token has expired.
   */
  TC_AUTH_STATUS_TOKEN_EXPIRED = 11,
  /**
   * The server refused to renew the token.
   */
  TC_AUTH_STATUS_RENEWAL_REFUSED = 12,
  /**
   * The response to the renewal request is not one that the platform sends.
   */
  TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE = 13,
  /**
   * Another thread's renewal took longer than the caller was ready to wait.
   */
  TC_AUTH_STATUS_RENEWAL_TIMEOUT = 14,
  /**
   * The value can be set only once, and it is already set.
   */
  TC_AUTH_STATUS_ALREADY_SET = 15,
  /**
   * The source contains no complete credentials.
   */
  TC_AUTH_STATUS_NO_CREDENTIALS = 16,
  /**
   * The configuration is not well formed.
   */
  TC_AUTH_STATUS_CONFIG_SYNTAX = 17,
  /**
   * The configuration file can't be read.
   */
  TC_AUTH_STATUS_CONFIG_IO = 18,
  /**
   * The configuration file can't be decrypted.
   */
  TC_AUTH_STATUS_CONFIG_DECRYPT = 19,
  /**
   * The handle has no API path.
   */
  TC_AUTH_STATUS_API_PATH_MISSING = 20,
  /**
   * The access id, the signature or the token is not the one expected.
   */
  TC_AUTH_STATUS_SIGNATURE_MISMATCH = 21,
  /**
   * The request's timestamp is too far from the given time.
   */
  TC_AUTH_STATUS_TIMESTAMP_OUT_OF_RANGE = 22,
  /**
   * The Authorization or the Timestamp header is missing or not well formed.
   */
  TC_AUTH_STATUS_MALFORMED_AUTHORIZATION = 23,
  /**
   * A number or a string is outside the range that the function documents.
   */
  TC_AUTH_STATUS_INVALID_ARGUMENT = 24,
  /**
   * The URL points to another scheme, host or port than the handle's API path.
   */
  TC_AUTH_STATUS_OTHER_ORIGIN = 25,
  /**
   * A bug in this library stopped the call.
   */
  TC_AUTH_STATUS_PANIC = 99,
} tc_auth_status;

/**
 * What a handle proves its identity with.
 */
typedef enum {
  /**
   * No handle: NULL was passed.
   */
  TC_AUTH_KIND_NONE = 0,
  /**
   * An access id and a secret key, which sign every request.
   */
  TC_AUTH_KIND_HMAC = 1,
  /**
   * An API token.
   */
  TC_AUTH_KIND_TOKEN = 2,
} tc_auth_kind;

/**
 * What to do about an answer. Values are fixed: a later version may add some, and never changes one.
 */
typedef enum {
  /**
   * The server had no objection to the authorization.
   */
  TC_AUTH_ADVICE_ACCEPTED = 0,
  /**
   * Poll, sign and send again, once.
   */
  TC_AUTH_ADVICE_RETRY = 1,
  /**
   * What was signed differs from what arrived, or the secret key is wrong.
   */
  TC_AUTH_ADVICE_BAD_SIGNATURE = 2,
  /**
   * The clocks are too far apart, and the answer gave no way to correct that.
   */
  TC_AUTH_ADVICE_CLOCK_SKEW = 3,
  /**
   * The server does not take the token, and it can't be renewed now.
   */
  TC_AUTH_ADVICE_TOKEN_REJECTED = 4,
  /**
   * The access id is unknown, or has no right to what was asked for.
   */
  TC_AUTH_ADVICE_ACCESS_DENIED = 5,
  /**
   * The instance has no license for its API.
   */
  TC_AUTH_ADVICE_NOT_LICENSED = 6,
  /**
   * The server refused the request and gave no known reason.
   */
  TC_AUTH_ADVICE_UNKNOWN = 7,
} tc_auth_advice;

/**
 * One identity at one ThreatConnect instance: an access id with its secret key, or an API token.
 *
 * Make it once and share it: every function on it may be called from any number of threads at once, but
 * tc_auth_free(), which comes last and alone. After fork() the child may use an HMAC handle at once; a token handle it
 * may only free.
 */
typedef struct tc_auth tc_auth;

/**
 * The headers to add to one request: Authorization, and for a signed request Timestamp.
 *
 * It owns its strings, depends on no handle, and may move between threads.
 */
typedef struct tc_auth_header_list tc_auth_header_list;

/**
 * A ticket: you were chosen to renew the token, and others wait for you. It lapses after 120 seconds.
 *
 * It belongs to one thread at a time, and may outlive its handle.
 */
typedef struct tc_auth_renewal tc_auth_renewal;

/**
 * A URL that is being built. It belongs to one thread at a time.
 *
 * Sign and send the same string. In the parts that you add, everything is encoded that HTTP clients are known to change
 * on the way; the base is yours to keep plain.
 */
typedef struct tc_auth_url tc_auth_url;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes a handle that signs requests with HMAC-SHA256.
 *
 * Both strings are only read; of the secret key nothing but the state of a keyed hash is kept, so you can wipe yours.
 * On success *out owns the handle: free it with tc_auth_free().
 *
 * @param access_id visible ASCII (0x21 to 0x7e), not empty.
 * @param secret_key not empty, any bytes but control characters.
 * Errors: NULL_ARGUMENT; INVALID_ACCESS_ID; INVALID_SECRET_KEY.
 * Threads: any.
 */
tc_auth_status tc_auth_new_hmac(const char *access_id,
                                const char *secret_key,
                                tc_auth **out);

/**
 * Makes a handle that shows an API token.
 *
 * The token is copied. On success *out owns the handle: free it with tc_auth_free().
 *
 * @param token visible ASCII (0x21 to 0x7e), not empty.
 * @param expires the Unix second at which it ends (not how long it lives), or TC_AUTH_NO_EXPIRY.
 * Errors: NULL_ARGUMENT; INVALID_TOKEN; INVALID_TIME (negative, or milliseconds).
 * Threads: any.
 */
tc_auth_status tc_auth_new_token(const char *token, int64_t expires, tc_auth **out);

/**
 * Wipes and frees a handle; does nothing for NULL. Afterwards it must not be used.
 *
 * Header lists, URLs and strings that were made with it live on. Complete or cancel all tickets first: a later response
 * is discarded and the new token lost, and an open ticket keeps the old token in memory.
 *
 * Threads: no other call on the handle may be running.
 */
void tc_auth_free(tc_auth *auth);

/**
 * The kind of a handle; TC_AUTH_KIND_NONE for NULL.
 *
 * Threads: any.
 */
tc_auth_kind tc_auth_get_kind(const tc_auth *auth);

/**
 * One line for a log: the kind, the access id or the token's expiry, and the API path. It holds nothing of a secret
 * key or a token, not even a length.
 *
 * On success *out owns the string: free it with tc_auth_string_free().
 *
 * Errors: NULL_ARGUMENT.
 * Threads: any.
 */
tc_auth_status tc_auth_describe(const tc_auth *auth,
                                char **out);

/**
 * Makes the headers for one request, now: tc_auth_headers_at() with TC_AUTH_NOW.
 *
 * On success *out owns the list: free it with tc_auth_header_list_free().
 *
 * @param method such as "GET"; signed in upper case.
 * @param uri path and query, or a whole URL, exactly as it will be sent: see tc_auth_headers_at().
 * Errors: those of tc_auth_headers_at().
 * Threads: any; never waits.
 */
tc_auth_status tc_auth_headers(const tc_auth *auth,
                               const char *method,
                               const char *uri,
                               tc_auth_header_list **out);

/**
 * Makes the headers for one request at a given time.
 *
 * Method and URI are only read. On success *out owns the list: free it with tc_auth_header_list_free().
 *
 * @param method such as "GET", an HTTP token of at most 64 characters; signed in upper case.
 * @param uri a path with query ("/api/v3/indicators?resultLimit=10") or an absolute http or https URL, exactly as it
 *   will be sent. What is signed is taken from it byte for byte: the path ("/" if it is empty) and the query, without
 *   the fragment. A path is signed as it stands: an API path is neither put before it nor compared with it.
 * @param unix_time Unix seconds, or TC_AUTH_NOW. A token's expiry is checked against it, too.
 * Errors: NULL_ARGUMENT; INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME (negative, or milliseconds);
 * OTHER_ORIGIN (the handle has an API path, and the URL has another scheme, host or port); TOKEN_EXPIRED.
 * Threads: any; never waits.
 */
tc_auth_status tc_auth_headers_at(const tc_auth *auth,
                                  const char *method,
                                  const char *uri,
                                  int64_t unix_time,
                                  tc_auth_header_list **out);

/**
 * The same as tc_auth_headers_at() without any allocation.
 *
 * The value of the Authorization header goes into the caller's buffer, ended by NUL; the value of the Timestamp header
 * is the number in *timestamp, in decimal ("%" PRId64).
 * Only a thread's first call on a token handle allocates: see the front page.
 * Everything stays the caller's. Buffers must not overlap.
 *
 * @param method,uri as there, with their lengths in bytes; they need no NUL.
 * @param authorization,capacity the buffer and its size, which must exceed the length of the value by one for the
 *   NUL.
 * @param authorization_len receives the length without the NUL.
 * @param timestamp receives the second to send, or TC_AUTH_NO_TIMESTAMP: then send no Timestamp header.
 * Errors: those of tc_auth_headers_at(); INVALID_ARGUMENT (a length of method or URI above PTRDIFF_MAX);
 * BUFFER_TOO_SMALL: then *authorization_len alone is written, with the length that is needed. NULL with capacity 0
 * asks for it. Between two calls another thread can set a longer token, so ask in a loop.
 * Threads: any; takes no lock.
 */
tc_auth_status tc_auth_headers_into(const tc_auth *auth,
                                    const char *method,
                                    size_t method_len,
                                    const char *uri,
                                    size_t uri_len,
                                    int64_t unix_time,
                                    char *authorization,
                                    size_t capacity,
                                    size_t *authorization_len,
                                    int64_t *timestamp);

/**
 * The string that is signed, such as "/api/v3/indicators:GET:1513703787": for support, and for comparison with what
 * another implementation signs. Making the headers does not need it.
 *
 * On success *out owns the string: free it with tc_auth_string_free().
 *
 * @param method,uri as in tc_auth_headers_at().
 * @param unix_time the second that was signed, as tc_auth_header_list_timestamp() tells it; TC_AUTH_NOW is
 *   INVALID_TIME here.
 * Errors: NULL_ARGUMENT; INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME.
 * Threads: any.
 */
tc_auth_status tc_auth_string_to_sign(const char *method,
                                      const char *uri,
                                      int64_t unix_time,
                                      char **out);

/**
 * The server's side, for gateways, mocks and tests: checks the headers that came with a request.
 *
 * Everything is only read.
 *
 * @param method,uri the request's, as in tc_auth_headers_at(). As there, origin and fragment are not what was
 *   signed: refuse a request target with a `#` before you ask.
 * @param authorization,timestamp the values of these two headers; NULL where the request has none. With a token the
 *   timestamp is not looked at.
 * @param unix_time Unix seconds, or TC_AUTH_NOW.
 * @param tolerance_seconds how far the timestamp may be off, 0 to 86400; ThreatConnect itself allows 300.
 * Errors, first for the caller's arguments: NULL_ARGUMENT; INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE;
 * OTHER_ORIGIN; INVALID_TIME; INVALID_ARGUMENT (the tolerance). Then for the headers, in this order:
 * MALFORMED_AUTHORIZATION (missing, not "TC id:signature" or "TC-Token token" as the handle's kind has it, scheme in
 * just these letters, or a timestamp that is not made of digits); SIGNATURE_MISMATCH (compared in constant time);
 * TIMESTAMP_OUT_OF_RANGE, or TOKEN_EXPIRED.
 * Threads: any; never waits.
 */
tc_auth_status tc_auth_verify(const tc_auth *auth,
                              const char *method,
                              const char *uri,
                              const char *authorization,
                              const char *timestamp,
                              int64_t unix_time,
                              int64_t tolerance_seconds);

/**
 * Replaces the token of a handle, at once and for every thread.
 *
 * A new token counts at once, also while the old one is being renewed: whoever waits goes on with it, and the answer
 * to that renewal is dropped.
 * The token is copied; the old one is wiped as soon as no call is reading it any more.
 *
 * @param token,expires as in tc_auth_new_token(). The same token with another expiry only changes the expiry.
 * Errors: NULL_ARGUMENT; WRONG_KIND (an HMAC handle); INVALID_TOKEN; INVALID_TIME. The old token then stays.
 * Threads: any.
 */
tc_auth_status tc_auth_update_token(tc_auth *auth,
                                    const char *token,
                                    int64_t expires);

/**
 * The current token and its expiry, both of the same moment: to hand them on to another process, not to log them.
 *
 * On success *token owns the string: free it with tc_auth_string_free(), which wipes it.
 *
 * @param token receives a copy.
 * @param expires receives Unix seconds, or TC_AUTH_NO_EXPIRY. Either pointer may be NULL.
 * Errors: NULL_ARGUMENT (no handle); WRONG_KIND (an HMAC handle).
 * Threads: any.
 */
tc_auth_status tc_auth_token(const tc_auth *auth,
                             char **token,
                             int64_t *expires);

/**
 * Sets how long before its expiry a token is due to be renewed.
 *
 * @param seconds 0 to 86400; 60 at first. A token is due so long before its expiry, but not in the first half of the
 *   life that it had left when it was set: with 100 seconds left and a window of 60, it is due after 50.
 * Errors: NULL_ARGUMENT; WRONG_KIND (an HMAC handle); INVALID_ARGUMENT.
 * Threads: any.
 */
tc_auth_status tc_auth_set_renewal_window(tc_auth *auth,
                                          int64_t seconds);

/**
 * To be called before each request is signed: says whether to go ahead, or to renew the token first.
 *
 * - OK, and *out is NULL: go ahead and sign. Always so with an HMAC handle, with a token that is not renewed (one that
 *   begins with "APIV2:", or without an API path), and during the pause after a renewal that failed.
 * - OK, and *out is a ticket: this caller, and nobody else, renews. GET the URL of tc_auth_renewal_url(), call
 *   tc_auth_renewal_complete() or tc_auth_renewal_cancel() within 120 seconds, and whatever came of it, go on to sign:
 *   that says whether the token serves.
 * - RENEWAL_TIMEOUT: somebody else's renewal is still under way. The old token is not to be sent meanwhile, for the
 *   server kills it when it issues the new one: poll again, or give up.
 *
 * On success *out is NULL or owns a ticket, which tc_auth_renewal_complete() or tc_auth_renewal_cancel() frees.
 *
 * @param max_wait_ms how many milliseconds to wait for somebody else's renewal, longer than your HTTP client may
 *   take for it; 0 for not at all. Otherwise nobody waits.
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a negative wait); RENEWAL_TIMEOUT.
 * Threads: any; the one call that waits.
 */
tc_auth_status tc_auth_renewal_poll(tc_auth *auth,
                                    int64_t max_wait_ms,
                                    tc_auth_renewal **out);

/**
 * To be called with the answer to a signed request: says whether a retry is any use, and corrects what can be
 * corrected.
 *
 * Only the statuses 400, 401 and 403 are looked at, and of the body the first 64 KiB; any other status is
 * TC_AUTH_ADVICE_ACCEPTED. A token that the server refuses is marked, so that the next poll renews it. If a renewal
 * delivered that token less than 60 seconds ago, the next renewal comes only after a pause. During the pause the advice
 * is TC_AUTH_ADVICE_TOKEN_REJECTED. A clock that the server's Date shows to be wrong is corrected by the handle's clock
 * offset, by at most a day. Everything is only read.
 *
 * @param sent_authorization the value that was sent ("TC-Token ..."), with its length, without NUL.
 * @param sent_timestamp the second that was sent, or TC_AUTH_NO_TIMESTAMP.
 * @param http_status,body what came back.
 * @param date the Date header that came back, or NULL: also if the response carries an Age header, or did not come
 *   from the signed origin over TLS.
 * @param advice receives a number of tc_auth_advice. TC_AUTH_ADVICE_RETRY: poll, sign and send again, once. The handle
 *   keeps no memory of requests, so count the retries yourself.
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a length above PTRDIFF_MAX); MALFORMED_AUTHORIZATION (what was sent does
 * not begin with "TC " or "TC-Token ", as the handle's kind has it, or is not one line of visible ASCII); INVALID_TIME
 * (the sent timestamp matters and is none).
 * Threads: any; never waits.
 */
tc_auth_status tc_auth_review(tc_auth *auth,
                              const char *sent_authorization,
                              size_t sent_authorization_len,
                              int64_t sent_timestamp,
                              int32_t http_status,
                              const char *date,
                              const char *body,
                              size_t body_len,
                              int32_t *advice);

/**
 * Tells a handle where the platform's API is, such as "https://company.example/api". It can be set once;
 * set it before the handle is shared, for until then other threads can sign for any server.
 *
 * From then on an absolute URL of another scheme, host or port is refused with OTHER_ORIGIN, so that no credentials go
 * to another server; tc_auth_url_new_for() can join paths to it; and a token can be renewed there. A `/` at the end
 * makes no difference.
 * The string is copied.
 *
 * Errors: NULL_ARGUMENT; INVALID_URI_FORM (no absolute http or https URL, or one with a user, query or fragment);
 * INVALID_URI_BYTE; ALREADY_SET.
 * Threads: any.
 */
tc_auth_status tc_auth_set_api_path(tc_auth *auth,
                                    const char *api_path);

/**
 * Sets what has to be added to this machine's clock to get the server's time; used wherever TC_AUTH_NOW is passed.
 *
 * @param seconds -86400 to 86400; 0 at first.
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT.
 * Threads: any.
 */
tc_auth_status tc_auth_set_clock_offset(tc_auth *auth,
                                        int64_t seconds);

/**
 * What tc_auth_set_clock_offset() has set, in seconds.
 *
 * Errors: NULL_ARGUMENT.
 * Threads: any.
 */
tc_auth_status tc_auth_clock_offset(const tc_auth *auth, int64_t *out);

/**
 * Makes a handle from a JSON object of the platform's parameters.
 *
 * Names: tc_token, tc_token_expires (Unix seconds, a number or a string), tc_api_path, and a key pair:
 * tc_api_access_id and tc_api_secret_key, or else api_access_id and api_secret_key. Empty strings and null count as
 * absent, other members are passed over. With both kinds of credentials the token wins. An API path that is there is
 * set on the handle.
 * The text is only read. On success *out owns the handle: free it with tc_auth_free().
 *
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a length above PTRDIFF_MAX); CONFIG_SYNTAX (no object, over 1 MiB, a member
 * of a wrong type or given twice); NO_CREDENTIALS (none, or half a key pair); for what is there but can't be used
 * INVALID_ACCESS_ID, INVALID_SECRET_KEY, INVALID_TOKEN, INVALID_TIME, INVALID_URI_FORM, INVALID_URI_BYTE.
 * Threads: any.
 */
tc_auth_status tc_auth_from_json(const char *json,
                                 size_t json_len,
                                 tc_auth **out);

/**
 * Makes a handle from command-line arguments: `--tc_token X` or `--tc_token=X`, and likewise the other names of
 * tc_auth_from_json().
 *
 * The arguments are only read. On success *out owns the handle: free it with tc_auth_free().
 *
 * @param argc,argv those of main(), or any such list; every element is read, and those that are not ours are passed
 *   over.
 * Errors: NULL_ARGUMENT (also for an element); INVALID_ARGUMENT (a negative argc); CONFIG_SYNTAX (a name without a
 * value, with a value that begins with `--`, which is written `--name=value`, or given twice); the rest as there.
 * Threads: any.
 */
tc_auth_status tc_auth_from_args(int32_t argc,
                                 char *const *argv,
                                 tc_auth **out);

/**
 * Makes a handle from environment variables: TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID,
 * TC_API_SECRET_KEY.
 *
 * In a set-user-id or set-group-id process nothing is read, for the environment there is somebody else's.
 * On success *out owns the handle: free it with tc_auth_free().
 *
 * Errors: NULL_ARGUMENT; the rest as in tc_auth_from_json().
 * Threads: while it runs no other thread may call setenv(), putenv() or the like: call it before you start threads.
 */
tc_auth_status tc_auth_from_env(tc_auth **out);

/**
 * Makes a handle from the encrypted file in which the platform passes parameters: AES-CBC over the JSON object of
 * tc_auth_from_json(). The file is left where it is.
 *
 * Path and key are only read. On success *out owns the handle: free it with tc_auth_free().
 *
 * @param path of the file, which TC_APP_PARAM_FILE names.
 * @param key 16, 24 or 32 bytes, from TC_APP_PARAM_KEY.
 * Errors: NULL_ARGUMENT; CONFIG_IO (not there, no regular file, not readable, over 1 MiB); CONFIG_DECRYPT (the key or
 * the content is wrong, in whatever way); CONFIG_SYNTAX (an object with a wrong member); the rest as there.
 * Threads: any; it reads a file.
 */
tc_auth_status tc_auth_from_param_file(const char *path,
                                       const char *key,
                                       tc_auth **out);

/**
 * Makes a handle from wherever the platform has put its parameters: the arguments, then the file that
 * TC_APP_PARAM_FILE and TC_APP_PARAM_KEY name, then the environment.
 *
 * The first source that names any credential is used, alone, and its errors are final; so are those of a file that is
 * named and can't be read, unless the arguments have the credentials: then only its API path is missing. The API path
 * comes from the first source that names it.
 * On success *out owns the handle: free it with tc_auth_free(). Free *why with tc_auth_string_free(); it is NULL only
 * when an argument is wrong.
 *
 * @param argc,argv as in tc_auth_from_args(); 0 and NULL for none.
 * @param why receives, also when the call fails, a line on what was looked at and found, by name, without secrets.
 *   The pointer may be NULL.
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a negative argc); those of the sources; NO_CREDENTIALS.
 * Threads: as in tc_auth_from_env(); it may read a file.
 */
tc_auth_status tc_auth_discover(int32_t argc,
                                char *const *argv,
                                char **why,
                                tc_auth **out);

/**
 * The number of headers: 2 (Authorization, Timestamp) with a secret key, 1 (Authorization) with a token; 0 for NULL.
 *
 * Threads: any.
 */
size_t tc_auth_header_list_len(const tc_auth_header_list *list);

/**
 * The name of a header, such as "Authorization"; NULL for a NULL list or an index past the end.
 *
 * The string belongs to the list and is valid until tc_auth_header_list_free().
 *
 * Threads: any.
 */
const char *tc_auth_header_list_name(const tc_auth_header_list *list, size_t index);

/**
 * The value of a header, such as "TC 1234:..."; NULL for a NULL list or an index past the end.
 *
 * The string belongs to the list and is valid until tc_auth_header_list_free().
 *
 * Threads: any.
 */
const char *tc_auth_header_list_value(const tc_auth_header_list *list, size_t index);

/**
 * A whole header line without line break, such as "Authorization: TC 1234:...", ready for curl_slist_append(); NULL
 * for a NULL list or an index past the end.
 *
 * The string belongs to the list and is valid until tc_auth_header_list_free().
 *
 * Threads: any.
 */
const char *tc_auth_header_list_line(const tc_auth_header_list *list,
                                     size_t index);

/**
 * The second that was signed, which the Timestamp header holds; TC_AUTH_NO_TIMESTAMP with a token, or for NULL.
 *
 * Threads: any.
 */
int64_t tc_auth_header_list_timestamp(const tc_auth_header_list *list);

/**
 * Wipes and frees a list and its strings; does nothing for NULL. Afterwards none of them must be used.
 *
 * Threads: any.
 */
void tc_auth_header_list_free(tc_auth_header_list *list);

/**
 * The URL to GET, without an Authorization header. NULL for NULL.
 *
 * It contains the token, so do not log it, and follow no redirect. Send it once, on a new connection: many clients
 * repeat a GET when a kept connection turns out to be dead, and the second would renew a token that is gone.
 * The string belongs to the ticket and is valid until the ticket is completed or cancelled.
 *
 * Threads: any.
 */
const char *tc_auth_renewal_url(const tc_auth_renewal *renewal);

/**
 * Hands in the server's answer, whatever it is. Whoever waits goes on.
 *
 * A good one is a JSON object, {"success":true,"apiToken":"...","apiTokenExpires":"1474673195"}, with a status of 200 to
 * 299; a refusal has "success":false, with any status.
 *
 * Returns OK if the token was replaced or extended, or if that does not matter any more because another token was set
 * or the handle freed. RENEWAL_REFUSED: the server will not renew this token, so nobody tries again until another one
 * is set. RENEWAL_BAD_RESPONSE: anything else; the token stays in use while it is valid, and the next attempt comes
 * after a pause of 5 to 60 seconds.
 * The ticket is freed, whatever is returned, and a wrong argument counts as no answer: set your pointer to NULL. If
 * *server_message is not NULL, free it with tc_auth_string_free().
 *
 * @param http_status,body of the answer, the whole body. It is only read.
 * @param server_message receives the message of the answer, fit for a log (at most 512 bytes of UTF-8, no control
 *   characters, `***` for the token), or NULL if there is none; also when the call fails. The pointer may be NULL.
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a length above PTRDIFF_MAX); RENEWAL_REFUSED; RENEWAL_BAD_RESPONSE.
 * Threads: any; never waits.
 */
tc_auth_status tc_auth_renewal_complete(tc_auth_renewal *renewal,
                                        int32_t http_status,
                                        const char *body,
                                        size_t body_len,
                                        char **server_message);

/**
 * Gives a ticket back without an answer: the connection failed, or it took too long. Does nothing for NULL.
 *
 * The token stays in use while it is valid, and the next attempt comes after a pause of 5 to 60 seconds.
 * The ticket is freed: set your pointer to NULL.
 *
 * Threads: any; never waits.
 */
void tc_auth_renewal_cancel(tc_auth_renewal *renewal);

/**
 * Starts a URL with a base: a path such as "/api/v3/indicators", or an absolute http or https URL such as
 * "https://company.example/api". The base is taken as it is, so it must be percent-encoded already.
 *
 * The base is copied. On success *out owns the URL: free it with tc_auth_url_free().
 *
 * Errors: NULL_ARGUMENT; INVALID_URI_FORM (also for a fragment, `#...`); INVALID_URI_BYTE.
 * Threads: any.
 */
tc_auth_status tc_auth_url_new(const char *base,
                               tc_auth_url **out);

/**
 * Starts a URL by joining a path to the handle's API path: with "https://company.example/api", the path "/v2/owners"
 * becomes "https://company.example/api/v2/owners": do not repeat the "/api". The path must be percent-encoded already.
 *
 * Everything is copied; the URL may outlive the handle. On success *out owns it: free it with tc_auth_url_free().
 *
 * Errors: NULL_ARGUMENT; API_PATH_MISSING; INVALID_URI_FORM (the path does not begin with exactly one `/`, or has a
 * fragment); INVALID_URI_BYTE.
 * Threads: any.
 */
tc_auth_status tc_auth_url_new_for(const tc_auth *auth,
                                   const char *path,
                                   tc_auth_url **out);

/**
 * Adds one segment to the path, with exactly one `/` before it. Every byte but A-Z a-z 0-9 - . _ ~ is
 * percent-encoded: "http://evil.example/a?b" becomes one segment, which no server mistakes for more.
 *
 * The segment is copied; it may be the URL's own string.
 *
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT (the segment is empty, "." or "..", which HTTP clients remove);
 * INVALID_URI_FORM (the URL has a query already: add all segments first). The URL is then as it was.
 * Threads: one at a time.
 */
tc_auth_status tc_auth_url_add_segment(tc_auth_url *url,
                                       const char *segment);

/**
 * Adds one parameter to the query. Name and value are percent-encoded like a segment, a space as %20.
 *
 * Name and value are copied; either may be the URL's own string.
 *
 * Errors: NULL_ARGUMENT; INVALID_ARGUMENT (the name is empty; the value may be). The URL is then as it was.
 * Threads: one at a time.
 */
tc_auth_status tc_auth_url_add_query(tc_auth_url *url,
                                     const char *name,
                                     const char *value);

/**
 * The URL as it is now, for signing and for sending. NULL for NULL.
 *
 * The string belongs to the URL and is valid until the URL is changed or freed.
 *
 * Threads: one at a time.
 */
const char *tc_auth_url_string(const tc_auth_url *url);

/**
 * Frees a URL and its string; does nothing for NULL. Afterwards neither must be used.
 *
 * Threads: one at a time.
 */
void tc_auth_url_free(tc_auth_url *url);

/**
 * Wipes and frees a string that a function of this library has handed out; does nothing for NULL.
 *
 * Use it for every `char *` that the library has given to you, and for no other: free() belongs to another allocator.
 * Afterwards the string must not be used.
 *
 * Threads: any.
 */
void tc_auth_string_free(char *string);

/**
 * One sentence in English for a status: what is wrong, and what to do about it.
 *
 * Any number is accepted; one that the library does not know gets a sentence that says so.
 * The string belongs to the library and lives as long as the program. Never NULL.
 *
 * Threads: any.
 */
const char *tc_auth_status_message(int32_t status);

/**
 * The version of the library that is running, such as "0.1.0". The macros TC_AUTH_VERSION_* are those of the header.
 *
 * The string belongs to the library and lives as long as the program. Never NULL.
 *
 * Threads: any.
 */
const char *tc_auth_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TC_AUTH_H */
