/**
 * @file tc_auth.h
 * Authorization headers for the ThreatConnect API: HMAC-SHA256 signatures, or an API token.
 *
 * @mainpage
 *
 * You send the requests, with any HTTP client: the library opens no connection and starts no thread. tc_auth.h is for
 * C99 and C++11 or later, and for C89 with a stdint.h; tc_auth.hpp wraps it for C++17.
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
 * **Sign what you send.** Sign the URL exactly as your client sends it. Send the method in upper case. Follow no
 * redirect with these headers: a new target needs new headers, and another server must not see them. The body and
 * other headers are not signed.
 *
 * **Errors.** A function that can fail returns a tc_auth_status, 0 for success, and tc_auth_status_message() says in
 * one sentence what to do. Compilers warn if you ignore it: TC_AUTH_MUST_USE. There is no "last error". Output
 * parameters come last and, unless stated otherwise, are unchanged on failure. Initialise them to NULL, and reset them
 * to NULL after freeing.
 *
 * The errors of each function are listed below without the prefix TC_AUTH_STATUS_. Two are not listed, because every
 * function can return them: NULL_ARGUMENT, and PANIC: a bug in the library stopped the call; details are on standard
 * error.
 *
 * **Ownership.** Arguments stay yours: the library copies what it keeps. What you get through an output is yours, and
 * the comment names the function that frees it; never use free(). A returned `const char *` belongs to the object that
 * it came from. Freeing NULL does nothing.
 *
 * **NULL.** If no meaning of NULL is documented, the function returns NULL_ARGUMENT, or NULL, 0 or NONE if it returns
 * no status. An input of length 0 may be NULL. The library can't detect a pointer to freed memory, a string without
 * its NUL, or a second free. Outputs and buffers must not overlap each other or an input.
 *
 * **Threads.** Any number of threads may use one tc_auth at once. tc_auth_free() must come last, when no other call is
 * running. Other objects belong to one thread at a time, except that threads may read a list at the same time. A
 * thread's first call on a token handle allocates 128 bytes, which are reused when the thread has ended.
 * pthread_cancel() takes effect only after a call, unless asynchronous cancellation is enabled. Do not call the
 * library in a signal handler.
 *
 * **Processes.** After fork(), the child may use HMAC handles and everything that it creates itself. It may only free
 * token handles, because two processes that renew the same token invalidate each other's copy; other calls on them may
 * fail with RENEWAL_TIMEOUT. It must not touch tickets. How processes share one token: tc_auth_share_in(). dlclose() does
 * not unload the library.
 *
 * **Values.** Strings are bytes that end in NUL, unless a length is passed. Times are Unix seconds, 0 to 99999999999.
 *
 * **Secrets.** No message, description or status contains a secret key or a token. The library wipes its copies when
 * they are freed or replaced, and leaves none on the stack or in registers. A call needs 12 KiB of stack.
 *
 * **Memory.** If an allocation fails, the library prints one line on standard error and aborts the program (SIGABRT).
 * Only tc_auth_headers_into() and tc_auth_header_block() keep working, on a token handle after the thread's first
 * call.
 *
 * **Compatibility.** Enumeration values never change, but later versions may add some: handle unknown values.
 */


#ifndef TC_AUTH_H
#define TC_AUTH_H

/* Generated from src/ffi by `make header`: edit there. */

#include <stddef.h>
#include <stdint.h>

/** The version of this header; tc_auth_version() is that of the library that is running. */
#define TC_AUTH_VERSION_MAJOR 0
/** Increases when something is added. */
#define TC_AUTH_VERSION_MINOR 1
/** Increases with each fix. */
#define TC_AUTH_VERSION_PATCH 0
/** All three as one number, also for the preprocessor: major << 16 | minor << 8 | patch. */
#define TC_AUTH_VERSION_NUMBER (TC_AUTH_VERSION_MAJOR << 16 | TC_AUTH_VERSION_MINOR << 8 | TC_AUTH_VERSION_PATCH)
/** All three, as tc_auth_version() writes them. */
#define TC_AUTH_VERSION_STRING "0.1.0"

/** Makes compilers warn if a result is ignored, unless you define it as nothing before you include this header. */
#ifndef TC_AUTH_MUST_USE
#if defined(__cplusplus) && __cplusplus >= 201703L || defined(_MSVC_LANG) && _MSVC_LANG >= 201703L
#define TC_AUTH_MUST_USE [[nodiscard]]
#elif defined(__GNUC__)
#define TC_AUTH_MUST_USE __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
#define TC_AUTH_MUST_USE _Check_return_
#else
#define TC_AUTH_MUST_USE
#endif
#endif

/** As a time: this machine's clock, plus the handle's clock offset. */
#define TC_AUTH_NOW (-1)

/** Instead of a timestamp: send no Timestamp header. */
#define TC_AUTH_NO_TIMESTAMP (-1)

/** As an expiry: unknown, or never. */
#define TC_AUTH_NO_EXPIRY 0

/** The outcome of a call. */
typedef enum {
  /** It worked. */
  TC_AUTH_STATUS_OK = 0,
  /** A pointer that must not be NULL is NULL. */
  TC_AUTH_STATUS_NULL_ARGUMENT = 1,
  /** The method is not an HTTP token of 1 to 64 characters. */
  TC_AUTH_STATUS_INVALID_METHOD = 2,
  /**
   * The URI is neither a path (starting with /) nor an absolute http or https URL, or has a part that this function
   * does not accept.
   */
  TC_AUTH_STATUS_INVALID_URI_FORM = 3,
  /** The URI contains a control character, a space or a byte above 0x7e. */
  TC_AUTH_STATUS_INVALID_URI_BYTE = 4,
  /** The access id is empty or contains a character that is not visible ASCII. */
  TC_AUTH_STATUS_INVALID_ACCESS_ID = 5,
  /** The secret key is empty, contains a control character such as a line break, or begins with a byte order mark. */
  TC_AUTH_STATUS_INVALID_SECRET_KEY = 6,
  /** The token is empty or contains a character that is not visible ASCII. */
  TC_AUTH_STATUS_INVALID_TOKEN = 7,
  /** The time is negative, or 10^11 or more (perhaps milliseconds). */
  TC_AUTH_STATUS_INVALID_TIME = 8,
  /** The buffer is too small; nothing was written to it. */
  TC_AUTH_STATUS_BUFFER_TOO_SMALL = 9,
  /** The function needs a token handle, and this is an HMAC handle. */
  TC_AUTH_STATUS_WRONG_KIND = 10,
  /** The token has expired. */
  TC_AUTH_STATUS_TOKEN_EXPIRED = 11,
  /** The server refused to renew the token. */
  TC_AUTH_STATUS_RENEWAL_REFUSED = 12,
  /** The response to the renewal request is not one that the platform sends. */
  TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE = 13,
  /** Another thread's renewal took longer than the caller was ready to wait. */
  TC_AUTH_STATUS_RENEWAL_TIMEOUT = 14,
  /** The value can be set only once, and it is already set. */
  TC_AUTH_STATUS_ALREADY_SET = 15,
  /** The source contains no complete credentials. */
  TC_AUTH_STATUS_NO_CREDENTIALS = 16,
  /** The configuration is not well formed. */
  TC_AUTH_STATUS_CONFIG_SYNTAX = 17,
  /** The configuration file can't be read. */
  TC_AUTH_STATUS_CONFIG_IO = 18,
  /** The configuration file can't be decrypted. */
  TC_AUTH_STATUS_CONFIG_DECRYPT = 19,
  /** The handle has no API path. */
  TC_AUTH_STATUS_API_PATH_MISSING = 20,
  /** The access id, the signature or the token is not the one expected. */
  TC_AUTH_STATUS_SIGNATURE_MISMATCH = 21,
  /** The request's timestamp is too far from the given time. */
  TC_AUTH_STATUS_TIMESTAMP_OUT_OF_RANGE = 22,
  /** The Authorization or the Timestamp header is missing or not well formed. */
  TC_AUTH_STATUS_MALFORMED_AUTHORIZATION = 23,
  /** A number or a string is outside the range that the function documents. */
  TC_AUTH_STATUS_INVALID_ARGUMENT = 24,
  /** The URL points to another scheme, host or port than the handle's API path. */
  TC_AUTH_STATUS_OTHER_ORIGIN = 25,
  /** The sealed token can't be opened, or this token can't be sealed. */
  TC_AUTH_STATUS_SEAL_INVALID = 26,
  /** The sealed token has a version that this library does not know. */
  TC_AUTH_STATUS_SEAL_VERSION = 27,
  /** The shared directory can't be used, or the token could not be saved in it. */
  TC_AUTH_STATUS_STORE_IO = 28,
  /** A bug in this library stopped the call. */
  TC_AUTH_STATUS_PANIC = 99,
  /** No status: makes the type signed, so that it converts to int32_t without a warning. */
  TC_AUTH_STATUS_SIGNED = -1
} tc_auth_status;

/** What a handle contains. */
typedef enum {
  /** No handle: NULL was passed. */
  TC_AUTH_KIND_NONE = 0,
  /** An access id and a secret key, which sign every request. */
  TC_AUTH_KIND_HMAC = 1,
  /** An API token. */
  TC_AUTH_KIND_TOKEN = 2
} tc_auth_kind;

/** What to do about a response. */
typedef enum {
  /** The server had no objection to the authorization. */
  TC_AUTH_ADVICE_ACCEPTED = 0,
  /** Poll, sign and send again, once. */
  TC_AUTH_ADVICE_RETRY = 1,
  /** What was signed differs from what arrived, or the secret key is wrong. */
  TC_AUTH_ADVICE_BAD_SIGNATURE = 2,
  /** The clocks are too far apart, and the response did not allow a correction. */
  TC_AUTH_ADVICE_CLOCK_SKEW = 3,
  /** The server does not accept the token, and it can't be renewed now. */
  TC_AUTH_ADVICE_TOKEN_REJECTED = 4,
  /** The access id is unknown, or has no right to what was asked for. */
  TC_AUTH_ADVICE_ACCESS_DENIED = 5,
  /** The instance has no license for its API. */
  TC_AUTH_ADVICE_NOT_LICENSED = 6,
  /** The server refused the request and gave no known reason. */
  TC_AUTH_ADVICE_UNKNOWN = 7
} tc_auth_advice;

/** What can be done with a token. */
typedef enum {
  /** There is no token, but an access id and a secret key. */
  TC_AUTH_STATE_NONE = 0,
  /** It is not due. */
  TC_AUTH_STATE_VALID = 1,
  /** It is due: the next poll gives a ticket, unless a shared directory does not work. */
  TC_AUTH_STATE_DUE = 2,
  /** A ticket is out. */
  TC_AUTH_STATE_UNDER_WAY = 3,
  /** It is due, but the next attempt comes only after a pause. */
  TC_AUTH_STATE_PAUSED = 4,
  /** The server refused to renew it. */
  TC_AUTH_STATE_REFUSED = 5,
  /** It begins with "APIV2:", or no API path is set. */
  TC_AUTH_STATE_NOT_RENEWABLE = 6
} tc_auth_state;

/** What a sealed token was, compared with the current one. */
typedef enum {
  /** The same token, with the same expiry. */
  TC_AUTH_UNSEALED_SAME = 0,
  /** Newer: it is the current token now. Or the same token with a later expiry. */
  TC_AUTH_UNSEALED_ADOPTED = 1,
  /** Older: it was ignored. Seal the current one and store it. */
  TC_AUTH_UNSEALED_OLDER = 2
} tc_auth_unsealed;

/** One identity: an access id with its secret key, or an API token. Create it once and share it between threads. */
typedef struct tc_auth tc_auth;

/** The headers of one request: Authorization, and for HMAC handles Timestamp. It may outlive the handle. */
typedef struct tc_auth_header_list tc_auth_header_list;

/**
 * A ticket: permission to renew the token while other callers wait. It expires after 120 seconds, and may outlive its
 * handle.
 */
typedef struct tc_auth_renewal tc_auth_renewal;

/**
 * A URL that is being built: sign and send the same string. What you add is percent-encoded so that HTTP clients send
 * it unchanged.
 */
typedef struct tc_auth_url tc_auth_url;

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * @defgroup handles Handles
 * @{
 */

/**
 * Creates a handle that signs with HMAC-SHA256. Free it with tc_auth_free().
 *
 * The library keeps only a keyed hash state, not the secret key: you can wipe your copy.
 *
 * @param access_id visible ASCII (0x21 to 0x7e), not empty.
 * @param secret_key not empty; any bytes except control characters.
 * Errors: INVALID_ACCESS_ID; INVALID_SECRET_KEY.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_new_hmac(const char *access_id,
                                const char *secret_key,
                                tc_auth **out);

/**
 * Creates a handle for an API token. Free it with tc_auth_free().
 *
 * @param token visible ASCII (0x21 to 0x7e), not empty; it is copied.
 * @param expires when it expires, in Unix seconds (not a lifetime), or TC_AUTH_NO_EXPIRY.
 * Errors: INVALID_TOKEN; INVALID_TIME (negative, or milliseconds).
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_new_token(const char *token,
                                 int64_t expires,
                                 tc_auth **out);

/**
 * Wipes and frees a handle. Lists, URLs and strings that were made with it stay valid.
 *
 * Complete or cancel all tickets first. A later response is discarded and the new token lost; an open ticket also
 * keeps the old token in memory.
 *
 * Threads: no other call on the handle may be running.
 */
void tc_auth_free(tc_auth *auth);

/** The kind of a handle; TC_AUTH_KIND_NONE for NULL. */
tc_auth_kind tc_auth_get_kind(const tc_auth *auth);

/**
 * One line for a log, without secrets: the kind, the access id or the token's expiry, and the API path. Free *out with
 * tc_auth_string_free().
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_describe(const tc_auth *auth,
                                char **out);

/**
 * Sets the URL of the platform's API, such as "https://company.example/api", once. Set it before you share the handle.
 *
 * From then on an absolute URL with another scheme, host or port fails with OTHER_ORIGIN, so that no credentials go to
 * another server; tc_auth_url_new_for() can join paths to it; and the token can be renewed. A `/` at the end makes no
 * difference. The string is copied.
 *
 * Errors: INVALID_URI_FORM (not an absolute http or https URL, or one with a user, query or fragment);
 * INVALID_URI_BYTE; ALREADY_SET.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_set_api_path(tc_auth *auth,
                                    const char *api_path);

/** The API path as it was set, without a `/` at its end; NULL if none is set. Valid until the handle is freed. */
const char *tc_auth_api_path(const tc_auth *auth);

/**
 * Sets how many seconds are added to this machine's clock where TC_AUTH_NOW is passed.
 *
 * @param seconds -86400 to 86400; 0 by default.
 * Errors: INVALID_ARGUMENT.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_set_clock_offset(tc_auth *auth, int64_t seconds);

/** The clock offset in seconds, as tc_auth_set_clock_offset() set it or tc_auth_review() corrected it. */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_clock_offset(const tc_auth *auth,
                                    int64_t *out);

/** @} */

/**
 * @defgroup signing Signing and checking
 * @{
 */

/** Makes the headers of a request that is sent now: tc_auth_headers_at() with TC_AUTH_NOW. */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_headers(const tc_auth *auth,
                               const char *method,
                               const char *uri,
                               tc_auth_header_list **out);

/**
 * Makes the headers of one request. Free *out with tc_auth_header_list_free().
 *
 * @param method such as "GET": an HTTP token of at most 64 characters, signed in upper case.
 * @param uri a path with query ("/api/v3/indicators?resultLimit=10") or an absolute http or https URL, exactly as it
 *   will be sent. The path ("/" if it is empty) and the query are signed byte for byte; the fragment is not. The API
 *   path is not added.
 * @param unix_time Unix seconds, or TC_AUTH_NOW. A token's expiry is compared with it.
 * Errors: INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME (negative, or milliseconds); OTHER_ORIGIN
 * (an API path is set, and the URL has another scheme, host or port); TOKEN_EXPIRED.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_headers_at(const tc_auth *auth,
                                  const char *method,
                                  const char *uri,
                                  int64_t unix_time,
                                  tc_auth_header_list **out);

/**
 * Like tc_auth_headers_at(), but writes the value of the Authorization header, ended by NUL, into your buffer, and
 * allocates nothing except in a thread's first call on a token handle.
 *
 * @param method as in tc_auth_headers_at(); it needs no NUL.
 * @param uri the same.
 * @param authorization your buffer.
 * @param capacity its size in bytes: at least the length of the value plus 1.
 * @param authorization_len receives the length of the value.
 * @param timestamp receives the second for the Timestamp header, to be written in decimal ("%" PRId64), or
 *   TC_AUTH_NO_TIMESTAMP.
 * Errors: those of tc_auth_headers_at(); INVALID_ARGUMENT (a length above PTRDIFF_MAX); BUFFER_TOO_SMALL (only
 * *authorization_len is written; pass NULL and 0 to ask for it, and do so in a loop, because another thread may set a
 * longer token).
 * Threads: takes no lock.
 */
TC_AUTH_MUST_USE
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
 * Writes the header lines of a request that is sent now into your buffer, as they go over the wire. Each line ends with
 * CR LF. A NUL follows the last one; there is no empty line. Allocates nothing except in a thread's first call on a
 * token handle.
 *
 * If you call tc_auth_review() afterwards, tc_auth_headers_into() is simpler: review needs the value of Authorization
 * alone.
 *
 * @param method as in tc_auth_headers_at().
 * @param uri the same.
 * @param block your buffer.
 * @param capacity its size in bytes.
 * Errors: those of tc_auth_headers_at(); BUFFER_TOO_SMALL (nothing is written: double the buffer).
 * Threads: takes no lock.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_header_block(const tc_auth *auth,
                                    const char *method,
                                    const char *uri,
                                    char *block,
                                    size_t capacity);

/**
 * The string that is signed, such as "/api/v3/indicators:GET:1513703787", to compare with another implementation. Free
 * *out with tc_auth_string_free().
 *
 * @param unix_time the second that was signed: see tc_auth_header_list_timestamp(). TC_AUTH_NOW is INVALID_TIME here.
 * Errors: INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_string_to_sign(const char *method,
                                      const char *uri,
                                      int64_t unix_time,
                                      char **out);

/**
 * Checks the headers of a request that was received: for gateways, mocks and tests.
 *
 * @param uri the request target. Its origin is not signed. A fragment is INVALID_URI_FORM: it is not signed, but some
 *   servers read it as a part of the path or the query.
 * @param authorization the value of this header; NULL if the request has none.
 * @param timestamp the same; ignored with a token.
 * @param unix_time Unix seconds, or TC_AUTH_NOW.
 * @param tolerance_seconds how far the timestamp may be off: 0 to 86400. ThreatConnect allows 300.
 * Errors: for your arguments INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; OTHER_ORIGIN; INVALID_TIME;
 * INVALID_ARGUMENT (the tolerance). Then, in this order, for the headers MALFORMED_AUTHORIZATION (missing, or not "TC
 * id:signature" or "TC-Token token" by the handle's kind, or a timestamp that is not decimal digits);
 * SIGNATURE_MISMATCH; TIMESTAMP_OUT_OF_RANGE, or TOKEN_EXPIRED.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_verify(const tc_auth *auth,
                              const char *method,
                              const char *uri,
                              const char *authorization,
                              const char *timestamp,
                              int64_t unix_time,
                              int64_t tolerance_seconds);

/** @} */

/**
 * @defgroup header_lists Header lists
 * @{
 */

/** The number of headers: 2 with a secret key (Authorization, Timestamp), 1 with a token; 0 for NULL. */
size_t tc_auth_header_list_len(const tc_auth_header_list *list);

/** The name of a header, such as "Authorization"; NULL for an index past the end. Valid until the list is freed. */
const char *tc_auth_header_list_name(const tc_auth_header_list *list,
                                     size_t index);

/** The value of a header; NULL for an index past the end. Valid until the list is freed. */
const char *tc_auth_header_list_value(const tc_auth_header_list *list, size_t index);

/**
 * A whole header line, such as "Authorization: TC 1234:...", without line break, ready for curl_slist_append(); NULL
 * for an index past the end. Valid until the list is freed.
 */
const char *tc_auth_header_list_line(const tc_auth_header_list *list,
                                     size_t index);

/**
 * The second that was signed, which is the value of the Timestamp header; TC_AUTH_NO_TIMESTAMP with a token, or for
 * NULL.
 */
int64_t tc_auth_header_list_timestamp(const tc_auth_header_list *list);

/** Wipes and frees a list and its strings. */
void tc_auth_header_list_free(tc_auth_header_list *list);

/** @} */

/**
 * @defgroup tokens Tokens, renewals and refusals
 * @{
 */

/**
 * Replaces the token at once, for all threads. The old token is wiped when no call reads it any more.
 *
 * If a renewal is under way, waiting callers go on with the new token, and the response to the renewal is discarded.
 * The same token with another expiry only changes the expiry.
 *
 * @param token as in tc_auth_new_token().
 * @param expires the same.
 * Errors: WRONG_KIND; INVALID_TOKEN; INVALID_TIME. The old token then stays. STORE_IO, after tc_auth_share_in(): the new
 * token counts, but is not saved yet.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_update_token(tc_auth *auth,
                                    const char *token,
                                    int64_t expires);

/**
 * Copies the current token and its expiry, to pass them to another process. Do not log them. Free *token with
 * tc_auth_string_free(), which wipes it.
 *
 * @param token may be NULL.
 * @param expires receives Unix seconds, or TC_AUTH_NO_EXPIRY; may be NULL.
 * Errors: WRONG_KIND.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_token(const tc_auth *auth,
                             char **token,
                             int64_t *expires);

/**
 * Sets how many seconds before its expiry the token is renewed.
 *
 * @param seconds 0 to 86400; 60 by default. At most half of the life that the token had left when it was set: with 100
 *   seconds left and a window of 60, it is renewed after 50.
 * Errors: WRONG_KIND; INVALID_ARGUMENT.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_set_renewal_window(tc_auth *auth,
                                          int64_t seconds);

/**
 * The renewal window in seconds, as tc_auth_set_renewal_window() set it.
 *
 * Errors: WRONG_KIND.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_renewal_window(const tc_auth *auth, int64_t *seconds);

/**
 * The state of the token, for event loops, health checks and messages. Changes nothing.
 *
 * If several states apply, it is the first of NOT_RENEWABLE, REFUSED, UNDER_WAY, PAUSED, DUE and VALID. An event loop
 * in UNDER_WAY waits until it has completed its own ticket, or tries again after at most a second. Ask again after each
 * tc_auth_review(), tc_auth_update_token() and tc_auth_unseal(), which can change the state at any time.
 *
 * @param state receives a tc_auth_state, as an int32_t: later versions may have others.
 * @param seconds receives a time, rounded up. VALID: until the token is due; -1 if that is unknown. UNDER_WAY: until the
 *   ticket expires. PAUSED: until the next attempt. REFUSED and NOT_RENEWABLE: until the token expires; -1 if that is
 *   unknown, 0 if it has expired. Otherwise 0. The pointer may be NULL.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_token_state(const tc_auth *auth,
                                   int32_t *state,
                                   int64_t *seconds);

/**
 * Call it before you sign a request: it says whether to go ahead, or to renew the token first.
 *
 * - OK, and *out is NULL: sign. This is always so with an HMAC handle, with a token that can't be renewed (it begins
 *   with "APIV2:", or no API path is set), during the pause after a failed renewal, and after a refused one.
 * - OK, and *out is a ticket: you must renew; nobody else will. GET the URL of tc_auth_renewal_url(), and within 120
 *   seconds call tc_auth_renewal_complete() or tc_auth_renewal_cancel(), which frees the ticket. Then sign, whatever
 *   the result: signing reports whether the token is usable.
 * - RENEWAL_TIMEOUT: another caller's renewal is still under way. Do not send the old token, because the server
 *   invalidates it when it issues the new one. Poll again, or give up.
 *
 * @param max_wait_ms the longest wait for another caller's renewal, in milliseconds; 0 to return at once. It should be
 *   longer than your HTTP client's timeout.
 * Errors: INVALID_ARGUMENT (a negative wait); RENEWAL_TIMEOUT.
 * Threads: the only function that waits for a renewal. After tc_auth_share_in() it also waits for another process's.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_renewal_poll(tc_auth *auth,
                                    int64_t max_wait_ms,
                                    tc_auth_renewal **out);

/**
 * The URL to GET. Valid until the ticket is completed or cancelled.
 *
 * It contains the token, so do not log it. Send no Authorization header with it, and follow no redirect. Send it once,
 * on a new connection: many clients repeat a GET if a reused connection is closed, but the first request may already
 * have invalidated the token.
 */
const char *tc_auth_renewal_url(const tc_auth_renewal *renewal);

/**
 * Whether the request is still needed. Ask before you send it if other processes renew the same token, after
 * tc_auth_unseal().
 *
 * @param needed receives 1, or 0 if the token was replaced or extended in the meantime, or the handle was freed: then
 *   cancel the ticket. It stays 1 when the ticket expires.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_renewal_needed(const tc_auth_renewal *renewal,
                                      int32_t *needed);

/**
 * Hands in the response to a renewal, whatever it is, and frees the ticket, also on failure.
 *
 * A new token is {"success":true,"apiToken":"...","apiTokenExpires":"1474673195"} with a status of 200 to 299. A
 * refusal has "success":false, with any status.
 *
 * OK: the token was replaced or extended, or the response does not matter any more, because another token was set or
 * the handle freed. RENEWAL_REFUSED: there is no further attempt until another token is set. RENEWAL_BAD_RESPONSE: any
 * other response. The token stays in use while it is valid; the next attempt is after 5 to 60 seconds. A call with an
 * invalid argument counts as tc_auth_renewal_cancel(). You may ignore the status, because signing reports whether the
 * token is usable.
 *
 * @param body the whole body, or what arrived of it: it may be the whole new token.
 * @param server_message receives, also on failure, the server's message, or NULL if there is none. It is safe to log:
 *   at most 512 bytes of UTF-8, without control characters, with `***` in place of the token. Free it with
 *   tc_auth_string_free(). The pointer may be NULL.
 * Errors: INVALID_ARGUMENT (a length above PTRDIFF_MAX); RENEWAL_REFUSED; RENEWAL_BAD_RESPONSE. STORE_IO, after
 * tc_auth_share_in(): a success, but the new token is not saved yet.
 */
tc_auth_status tc_auth_renewal_complete(tc_auth_renewal *renewal,
                                        int32_t http_status,
                                        const char *body,
                                        size_t body_len,
                                        char **server_message);

/**
 * Gives a ticket back, and frees it, because there was no response. The next attempt comes after a pause of 5 to 60
 * seconds, unless the token was replaced in the meantime.
 */
void tc_auth_renewal_cancel(tc_auth_renewal *renewal);

/**
 * Call it with the response to a signed request: it says whether to retry, and corrects what it can.
 *
 * Only the statuses 400, 401 and 403 are examined, and the first 64 KiB of the body; any other status, and a 400
 * without a known message, is TC_AUTH_ADVICE_ACCEPTED. A rejected token is renewed by the next poll, or, if a renewal
 * delivered it less than 60 seconds ago, after a pause; until then the advice is TC_AUTH_ADVICE_TOKEN_REJECTED. If the
 * server's Date shows that the clock is wrong, the handle's clock offset is corrected, by at most a day.
 *
 * @param sent_authorization the value that was sent; it needs no NUL.
 * @param sent_timestamp the second that was sent, or TC_AUTH_NO_TIMESTAMP.
 * @param date the Date header of the response, or NULL. Pass NULL also if the response has an Age header, or did not
 *   come over TLS from the origin that was signed for.
 * @param advice receives a tc_auth_advice, as an int32_t: later versions may have others. TC_AUTH_ADVICE_RETRY: poll,
 *   sign and send again, once. The handle does not count retries: you do.
 * Errors: INVALID_ARGUMENT (a length above PTRDIFF_MAX); MALFORMED_AUTHORIZATION (the sent value is not of the
 * handle's kind, or not visible ASCII); INVALID_TIME (of the sent timestamp).
 */
TC_AUTH_MUST_USE
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
 * The name of an advice, such as "RETRY", for logs. Accepts any number: "UNKNOWN" if this version does not know it. Never
 * NULL; always valid.
 */
const char *tc_auth_advice_name(int32_t advice);

/**
 * One sentence in English that says what an advice means and what to do. Accepts any number. Never NULL; always valid.
 */
const char *tc_auth_advice_message(int32_t advice);

/** @} */

/**
 * @defgroup families One token, many processes
 * @{
 */

/**
 * The name of the handle's family: all processes that started with the same token. 32 hexadecimal digits. Use it as
 * the key of an entry in a store, and as the name of its lock. Free *out with tc_auth_string_free().
 *
 * The family stays the same when the token changes. A token with 128 bits of entropy can't be found from the name.
 *
 * Start all processes with the first token, never with a later one: they would be another family, and renew the same
 * token.
 *
 * Errors: WRONG_KIND.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_family(const tc_auth *auth,
                              char **out);

/**
 * Encrypts the current token and its expiry into one line, to store it for the other processes of the family. Equal
 * inputs give equal lines. Free *out with tc_auth_string_free().
 *
 * docs/sealed-token.md has the format. After `TC1.`, 16 characters are the generation, which counts the changes of the
 * token: of two lines of a family, the greater one by these characters is newer.
 *
 * @param key NULL, or 1 to 4 keys, one per line. The first one seals, each of them unseals, so that a key can be
 *   changed in one process after the other. A key is any bytes except control characters; lines end in LF or CR LF,
 *   the last one may lack it. A byte order mark at the start of a line is not part of the key. Use at least 128 random
 *   bits, such as 32 random hexadecimal digits: this is no password.
 *   Without a key, anyone who knows the family's first token, even a dead one, can read the current token and make
 *   lines that others accept.
 * Errors: WRONG_KIND; INVALID_ARGUMENT (the key); SEAL_INVALID (a token of more than 65528 bytes, or the 2^63rd
 * change).
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_seal(const tc_auth *auth,
                            const char *key,
                            char **out);

/**
 * Reads a line that tc_auth_seal() made in this or another process, and uses its token if it is newer. Then waiting
 * callers go on. A refusal, and the pause after a failed renewal, end. A handle never goes back to an older token.
 *
 * Of two tokens with the same generation, the greater one, byte by byte, counts as newer. Of the same token, the one with
 * the later expiry does; NO_EXPIRY is the earliest.
 *
 * @param sealed the line, without a line break; it needs no NUL.
 * @param key as in tc_auth_seal().
 * @param outcome receives a tc_auth_unsealed, as an int32_t: later versions may have others.
 * Errors: WRONG_KIND; INVALID_ARGUMENT (the key, or a length above PTRDIFF_MAX); SEAL_INVALID (a wrong key, another
 * family, or any change of the line); SEAL_VERSION. Then nothing changes.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_unseal(tc_auth *auth,
                              const char *sealed,
                              size_t sealed_len,
                              const char *key,
                              int32_t *outcome);

/**
 * Shares the token with all processes of the family that use the same directory: they renew it once, and each of them
 * gets the new one. Call it once per handle, before other threads use it. It reads the family's token file in the
 * directory and uses its token if it is newer; if there is no file, it creates one.
 *
 * From then on:
 * - tc_auth_renewal_poll() uses a newer token that another process has saved, and at most one process at a time has a
 *   ticket; the others wait as threads do. As long as no file changes, it makes one system call more. If a process ends
 *   with a ticket, another one gets it within a second; if it is stopped, or had forked, after 120 seconds.
 * - tc_auth_renewal_complete() and tc_auth_update_token() save the token. They wait for the disk, and for up to 5 seconds
 *   for other processes: not for the thread of an event loop. STORE_IO: the token counts, but is not saved. Treat this as
 *   a success with a warning: later calls of tc_auth_renewal_poll() try again.
 * - tc_auth_review() looks for a newer token before it judges "Unauthorized".
 *
 * A process that dies after the server has issued a token, and before the response is completed, takes the token with
 * it. No store can prevent that; another token, set by tc_auth_update_token() in any process, reaches all.
 *
 * @param directory its path; UTF-8 on Windows. It must exist, on a local file system; best with mode 0700. It belongs to
 *   the same user, or to root. Other users, and the group, can't write to it, so /tmp itself is refused. All
 *   processes must run on one machine, as one user. Leave its files alone while processes use them, and keep tools away
 *   that delete old files.
 * @param key as in tc_auth_seal(): the same in all processes.
 * Errors: WRONG_KIND; INVALID_ARGUMENT (the key); ALREADY_SET; SEAL_INVALID (the file can't be unsealed, for example
 * because the key is wrong); SEAL_VERSION; STORE_IO. The handle then stays as it was, and you may call this again.
 * STORE_IO has one of these causes:
 * - The directory is missing, has another owner, or others can write to it.
 * - Its file system is remote or unknown, such as NFS, SMB, Ceph, 9p and FUSE.
 * - A file of the family is a link, is not a regular file, has another owner, or others may use it.
 * - The disk is full, or other processes work with the files for 5 seconds.
 *
 * On Windows, owners and permissions are not checked.
 *
 * Threads: a thread that has a ticket of one handle and waits for another handle of the family blocks itself, for at most
 * 120 seconds.
 * Fork: the child must create a handle of its own. Its calls on the parent's handles do not touch the files.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_share_in(tc_auth *auth,
                                const char *directory,
                                const char *key);

/** @} */

/**
 * @defgroup urls URLs
 * @{
 */

/**
 * Starts a URL with a base: a path such as "/api/v3/indicators", or an absolute http or https URL. Free *out with
 * tc_auth_url_free().
 *
 * The base is copied unchanged, so it must be percent-encoded already.
 *
 * Errors: INVALID_URI_FORM (also for a fragment); INVALID_URI_BYTE.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_url_new(const char *base,
                               tc_auth_url **out);

/**
 * Starts a URL by joining a path to the API path: "https://company.example/api" and "/v2/owners" give
 * "https://company.example/api/v2/owners". Free *out with tc_auth_url_free().
 *
 * The path must be percent-encoded already. The URL may outlive the handle.
 *
 * Errors: API_PATH_MISSING; INVALID_URI_FORM (the path does not begin with exactly one `/`, or has a fragment);
 * INVALID_URI_BYTE.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_url_new_for(const tc_auth *auth,
                                   const char *path,
                                   tc_auth_url **out);

/**
 * Adds one segment to the path, after exactly one `/`. Every byte except A-Z a-z 0-9 - . _ ~ is percent-encoded, so
 * "a/b?c" stays one segment. The segment may be the URL's own string.
 *
 * Errors: INVALID_ARGUMENT (empty, "." or "..", which HTTP clients remove); INVALID_URI_FORM (the URL has a query
 * already). The URL is then unchanged.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_url_add_segment(tc_auth_url *url,
                                       const char *segment);

/**
 * Adds one parameter to the query. Name and value are percent-encoded like a segment, a space as %20. Either may be
 * the URL's own string.
 *
 * Errors: INVALID_ARGUMENT (an empty name). The URL is then unchanged.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_url_add_query(tc_auth_url *url,
                                     const char *name,
                                     const char *value);

/** The URL as it is now, to sign and to send. Valid until the URL is changed or freed. */
const char *tc_auth_url_string(const tc_auth_url *url);

/** Frees a URL and its string. */
void tc_auth_url_free(tc_auth_url *url);

/** @} */

/**
 * @defgroup credentials Credentials
 * @{
 */

/**
 * Creates a handle from a JSON object with the platform's parameters, or from a message to a service App. Free it with
 * tc_auth_free().
 *
 * Members: tc_token, tc_token_expires (Unix seconds, a number or a string), tc_api_path, and a key pair:
 * tc_api_access_id and tc_api_secret_key, or else api_access_id and api_secret_key. In messages the first two are
 * called apiToken and expireSeconds. Empty strings and null count as absent, and other members are ignored. An
 * expiry may have a fraction, which is dropped, and an exponent. A token takes precedence over a key pair. The API path
 * is set on the handle. A byte order mark before the object is ignored; one in a value is not.
 *
 * Errors: INVALID_ARGUMENT (a length above PTRDIFF_MAX); CONFIG_SYNTAX (not an object, over 1 MiB, or a member of the
 * wrong type or given twice, also by both names); NO_CREDENTIALS (none, or half a key pair). For invalid values:
 * INVALID_ACCESS_ID, INVALID_SECRET_KEY, INVALID_TOKEN, INVALID_TIME, INVALID_URI_FORM, INVALID_URI_BYTE.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_from_json(const char *json,
                                 size_t json_len,
                                 tc_auth **out);

/**
 * Creates a handle from command-line arguments: `--tc_token X` or `--tc_token=X`, and the other names of
 * tc_auth_from_json() except those in messages. Free it with tc_auth_free().
 *
 * @param argv argc strings, as those of main(). Other arguments are ignored.
 * Errors: INVALID_ARGUMENT (a negative argc); CONFIG_SYNTAX (a name that is given twice or has no value; a value that
 * begins with `--` is written `--name=value`); the rest as in tc_auth_from_json().
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_from_args(int32_t argc,
                                 char *const *argv,
                                 tc_auth **out);

/**
 * Creates a handle from TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID and TC_API_SECRET_KEY. Free it with
 * tc_auth_free().
 *
 * A set-user-id or set-group-id process does not read the environment, because another user controls it.
 *
 * Errors: as in tc_auth_from_json().
 * Threads: no other thread may change the environment meanwhile: call it before you start threads.
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_from_env(tc_auth **out);

/**
 * Creates a handle from the encrypted file in which the platform passes parameters: AES-CBC over the JSON object of
 * tc_auth_from_json(), without the names in messages. The file is not deleted. Free the handle with tc_auth_free().
 *
 * @param path the value of TC_APP_PARAM_FILE.
 * @param key the value of TC_APP_PARAM_KEY: 16, 24 or 32 bytes.
 * Errors: CONFIG_IO (missing, not a regular file, not readable, or over 1 MiB); CONFIG_DECRYPT (wrong key or content);
 * CONFIG_SYNTAX (an object with a wrong member); the rest as in tc_auth_from_json().
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_from_param_file(const char *path,
                                       const char *key,
                                       tc_auth **out);

/**
 * Creates a handle from the first source that contains credentials: the arguments, the file that TC_APP_PARAM_FILE and
 * TC_APP_PARAM_KEY name, or the environment. Free it with tc_auth_free().
 *
 * The first source that contains any credential is used; if it is incomplete or invalid, the call fails. So does an
 * unreadable file, unless the arguments contain credentials. The API path comes from the first source that contains
 * one.
 *
 * @param argv as in tc_auth_from_args(); may be NULL if argc is 0.
 * @param why receives, also on failure, one line that says what was found where, without secrets; NULL only if an
 *   argument is invalid. Free it with tc_auth_string_free(). The pointer may be NULL.
 * Errors: INVALID_ARGUMENT (a negative argc); those of the sources; NO_CREDENTIALS.
 * Threads: as in tc_auth_from_env().
 */
TC_AUTH_MUST_USE
tc_auth_status tc_auth_discover(int32_t argc,
                                char *const *argv,
                                char **why,
                                tc_auth **out);

/** @} */

/**
 * @defgroup library Strings, statuses and version
 * @{
 */

/**
 * Wipes and frees a string that the library gave you through a `char **`. Do not use free(): it belongs to another
 * allocator.
 */
void tc_auth_string_free(char *string);

/**
 * The name of a status, such as "TOKEN_EXPIRED", for logs. Accepts any number: "UNKNOWN" if this version does not know it.
 * Never NULL; always valid.
 */
const char *tc_auth_status_name(int32_t status);

/**
 * One sentence in English that says what is wrong and what to do about it. Accepts any number. Never NULL; always
 * valid.
 */
const char *tc_auth_status_message(int32_t status);

/**
 * The version of the library that is running, such as "0.1.0"; TC_AUTH_VERSION_* is that of the header. Never NULL;
 * valid as long as the program runs.
 */
const char *tc_auth_version(void);

/**
 * The version of the library that is running, to compare with TC_AUTH_VERSION_NUMBER: major << 16 | minor << 8 | patch.
 */
uint32_t tc_auth_version_number(void);

/** @} */

#ifdef __cplusplus
}  /* extern "C" */
#endif  /* __cplusplus */

#endif  /* TC_AUTH_H */
