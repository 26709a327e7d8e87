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
