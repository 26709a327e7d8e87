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
