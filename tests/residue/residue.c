/* Makes every call of the library with secrets, in success and in failure; scan.c searches the process after each call.
 *
 * usage: residue list | needs | SCENARIO used-thread|new-thread, in a directory with the parameter files 1 to 5 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <tc_auth.h>

#include "call.h"

#define W1(a) (uint64_t)(a)
#define W2(a, ...) (uint64_t)(a), W1(__VA_ARGS__)
#define W3(a, ...) (uint64_t)(a), W2(__VA_ARGS__)
#define W4(a, ...) (uint64_t)(a), W3(__VA_ARGS__)
#define W5(a, ...) (uint64_t)(a), W4(__VA_ARGS__)
#define W6(a, ...) (uint64_t)(a), W5(__VA_ARGS__)
#define W7(a, ...) (uint64_t)(a), W6(__VA_ARGS__)
#define W8(a, ...) (uint64_t)(a), W7(__VA_ARGS__)
#define W9(a, ...) (uint64_t)(a), W8(__VA_ARGS__)
#define W10(a, ...) (uint64_t)(a), W9(__VA_ARGS__)
#define PICK(a, b, c, d, e, f, g, h, i, j, name, ...) name
#define WORDS(...) PICK(__VA_ARGS__, W10, W9, W8, W7, W6, W5, W4, W3, W2, W1, )(__VA_ARGS__)

/* A call that must return this status, and overwrites its whole stack. */
#define CALL(status, function, ...) \
    checked(#function, #status, TC_AUTH_STATUS_##status, \
            call((const void *)function, (const uint64_t[12]){WORDS(__VA_ARGS__)}), STACK_WIPED)
/* The same for a call that is made for each request, and wipes only what it has used. */
#define QUICK(status, function, ...) \
    checked(#function, #status, TC_AUTH_STATUS_##status, \
            call((const void *)function, (const uint64_t[12]){WORDS(__VA_ARGS__)}), REGISTERS_CLEARED)
/* A call that returns no status. */
#define GET(function, ...) \
    seen(#function, REGISTERS_CLEARED, call((const void *)function, (const uint64_t[12]){WORDS(__VA_ARGS__)}))
/* A call that returns no status and reads no secret. */
#define ASK(function, ...) \
    seen(#function, NOTHING, call((const void *)function, (const uint64_t[12]){WORDS(__VA_ARGS__)}))

static void checked(const char *function, const char *status, tc_auth_status wanted, uint64_t result,
                    enum promise promise)
{
    if ((tc_auth_status)(uint32_t)result != wanted) {
        printf("%s returned %u, not %s\n", function, (unsigned)result, status);
        exit(4);
    }
    look(function, status, promise);
}

static uint64_t seen(const char *function, enum promise promise, uint64_t result)
{
    look(function, "-", promise);
    return result;
}

/* ---- outputs, in the caller's memory ---- */

static struct {
    tc_auth *hmac, *token, *made;
    tc_auth_header_list *list;
    tc_auth_renewal *renewal;
    tc_auth_url *url;
    char *text;
    int64_t number, timestamp;
    size_t len;
    int32_t advice;
    char buffer[8192];
} *o;

static const char *const id = "12345678901234567890", *const path = SIGNED_TARGET,
                         *const api = "https://company.example/api";

static void freed(void)
{
    puts("freed");
}

static void free_string(void)
{
    GET(tc_auth_string_free, o->text);
    o->text = NULL;
}

static void free_made(void)
{
    GET(tc_auth_free, o->made);
    o->made = NULL;
}

static void read_list(void)
{
    ASK(tc_auth_header_list_len, o->list);
    for (uint64_t index = 0; index < 3; index++) {
        GET(tc_auth_header_list_name, o->list, index);
        GET(tc_auth_header_list_value, o->list, index);
        GET(tc_auth_header_list_line, o->list, index);
    }
    ASK(tc_auth_header_list_timestamp, o->list);
    GET(tc_auth_header_list_free, o->list);
    o->list = NULL;
}

/* All ways to get headers, in success and in failure. */
static void sign(tc_auth *auth)
{
    QUICK(OK, tc_auth_headers, auth, "GET", path, &o->list);
    read_list();
    QUICK(OK, tc_auth_headers_at, auth, "post", path, (int64_t)SIGNED_TIME, &o->list);
    read_list();
    QUICK(OK, tc_auth_headers_at, auth, "GET", LONG_TARGET, (int64_t)SIGNED_TIME, &o->list);
    read_list();
    QUICK(OK, tc_auth_headers_into, auth, "GET", 3, path, strlen(path), TC_AUTH_NOW, o->buffer, sizeof o->buffer,
          &o->len, &o->timestamp);
    QUICK(OK, tc_auth_headers_into, auth, "POST", 4, path, strlen(path), (int64_t)SIGNED_TIME, o->buffer,
          sizeof o->buffer, &o->len, &o->timestamp);
    QUICK(BUFFER_TOO_SMALL, tc_auth_headers_into, auth, "GET", 3, path, strlen(path), TC_AUTH_NOW, NULL, 0, &o->len,
          &o->timestamp);
    QUICK(BUFFER_TOO_SMALL, tc_auth_headers_into, auth, "GET", 3, path, strlen(path), TC_AUTH_NOW, o->buffer, 12,
          &o->len, &o->timestamp);
    QUICK(NULL_ARGUMENT, tc_auth_headers_into, auth, "GET", 3, path, strlen(path), TC_AUTH_NOW, o->buffer, 99, &o->len,
          NULL);
    QUICK(INVALID_ARGUMENT, tc_auth_headers_into, auth, "GET", 3, path, SIZE_MAX, TC_AUTH_NOW, o->buffer, 99, &o->len,
          &o->timestamp);
    QUICK(INVALID_METHOD, tc_auth_headers_into, auth, "G T", 3, path, strlen(path), TC_AUTH_NOW, o->buffer, 99, &o->len,
          &o->timestamp);
    QUICK(INVALID_URI_FORM, tc_auth_headers_into, auth, "GET", 3, "x", 1, TC_AUTH_NOW, o->buffer, 99, &o->len,
          &o->timestamp);
    QUICK(INVALID_URI_BYTE, tc_auth_headers_into, auth, "GET", 3, "/ ", 2, TC_AUTH_NOW, o->buffer, 99, &o->len,
          &o->timestamp);
    QUICK(INVALID_TIME, tc_auth_headers_into, auth, "GET", 3, path, strlen(path), INT64_C(-2), o->buffer, 99, &o->len,
          &o->timestamp);
    QUICK(OTHER_ORIGIN, tc_auth_headers_into, auth, "GET", 3, "https://other.example/", 22, TC_AUTH_NOW, o->buffer, 99,
          &o->len, &o->timestamp);
    QUICK(OK, tc_auth_header_block, auth, "GET", path, o->buffer, sizeof o->buffer);
    QUICK(OK, tc_auth_header_block, auth, "GET", LONG_TARGET, o->buffer, sizeof o->buffer);
    QUICK(BUFFER_TOO_SMALL, tc_auth_header_block, auth, "GET", path, NULL, 0);
    QUICK(BUFFER_TOO_SMALL, tc_auth_header_block, auth, "GET", path, o->buffer, 12);
    QUICK(NULL_ARGUMENT, tc_auth_header_block, auth, "GET", path, NULL, 12);
    QUICK(INVALID_METHOD, tc_auth_header_block, auth, "G T", path, o->buffer, 99);
    QUICK(INVALID_URI_FORM, tc_auth_header_block, auth, "GET", "x", o->buffer, 99);
    QUICK(INVALID_URI_BYTE, tc_auth_header_block, auth, "GET", "/ ", o->buffer, 99);
    QUICK(OTHER_ORIGIN, tc_auth_header_block, auth, "GET", "https://other.example/", o->buffer, 99);
    QUICK(NULL_ARGUMENT, tc_auth_headers, auth, "GET", NULL, &o->list);
    QUICK(INVALID_METHOD, tc_auth_headers, auth, "G T", path, &o->list);
    QUICK(INVALID_URI_FORM, tc_auth_headers, auth, "GET", "x", &o->list);
    QUICK(INVALID_URI_BYTE, tc_auth_headers, auth, "GET", "/ ", &o->list);
    QUICK(OTHER_ORIGIN, tc_auth_headers, auth, "GET", "https://other.example/", &o->list);
    QUICK(NULL_ARGUMENT, tc_auth_headers_at, auth, "GET", path, (int64_t)SIGNED_TIME, NULL);
    QUICK(INVALID_METHOD, tc_auth_headers_at, auth, "G T", path, (int64_t)SIGNED_TIME, &o->list);
    QUICK(INVALID_URI_FORM, tc_auth_headers_at, auth, "GET", "x", (int64_t)SIGNED_TIME, &o->list);
    QUICK(INVALID_URI_BYTE, tc_auth_headers_at, auth, "GET", "/ ", (int64_t)SIGNED_TIME, &o->list);
    QUICK(INVALID_TIME, tc_auth_headers_at, auth, "GET", path, INT64_C(1513703787000), &o->list);
    QUICK(OTHER_ORIGIN, tc_auth_headers_at, auth, "GET", "https://other.example/", (int64_t)SIGNED_TIME, &o->list);
    QUICK(OK, tc_auth_describe, auth, &o->text);
    free_string();
    QUICK(NULL_ARGUMENT, tc_auth_describe, auth, NULL);
    ASK(tc_auth_get_kind, auth);
    QUICK(OK, tc_auth_clock_offset, auth, &o->number);
    QUICK(NULL_ARGUMENT, tc_auth_clock_offset, auth, NULL);
    QUICK(OK, tc_auth_set_clock_offset, auth, INT64_C(0));
    QUICK(INVALID_ARGUMENT, tc_auth_set_clock_offset, auth, INT64_C(100000));
    QUICK(NULL_ARGUMENT, tc_auth_set_clock_offset, NULL, INT64_C(0));
    QUICK(ALREADY_SET, tc_auth_set_api_path, auth, api);
    ASK(tc_auth_api_path, auth);
    QUICK(INVALID_URI_FORM, tc_auth_set_api_path, auth, "x");
    QUICK(INVALID_URI_BYTE, tc_auth_set_api_path, auth, "https://company.example/a b");
    QUICK(NULL_ARGUMENT, tc_auth_set_api_path, auth, NULL);
}

static void verify(tc_auth *auth, const char *authorization)
{
    const char *wrong = around("%x", authorization);
    QUICK(OK, tc_auth_verify, auth, "GET", path, authorization, "1513703787", TC_AUTH_NOW, INT64_C(300));
    QUICK(SIGNATURE_MISMATCH, tc_auth_verify, auth, "GET", path, wrong, "1513703787", TC_AUTH_NOW, INT64_C(300));
    QUICK(MALFORMED_AUTHORIZATION, tc_auth_verify, auth, "GET", path, authorization + 3, "1513703787", TC_AUTH_NOW,
          INT64_C(300));
    QUICK(NULL_ARGUMENT, tc_auth_verify, auth, NULL, path, authorization, "1513703787", TC_AUTH_NOW, INT64_C(300));
    QUICK(INVALID_METHOD, tc_auth_verify, auth, "G T", path, authorization, "1513703787", TC_AUTH_NOW, INT64_C(300));
    QUICK(INVALID_URI_FORM, tc_auth_verify, auth, "GET", "x", authorization, "1513703787", TC_AUTH_NOW, INT64_C(300));
    QUICK(INVALID_URI_BYTE, tc_auth_verify, auth, "GET", "/ ", authorization, "1513703787", TC_AUTH_NOW, INT64_C(300));
    QUICK(OTHER_ORIGIN, tc_auth_verify, auth, "GET", "https://other.example/", authorization, "1513703787", TC_AUTH_NOW,
          INT64_C(300));
    QUICK(INVALID_TIME, tc_auth_verify, auth, "GET", path, authorization, "1513703787", INT64_C(-2), INT64_C(300));
    QUICK(INVALID_ARGUMENT, tc_auth_verify, auth, "GET", path, authorization, "1513703787", TC_AUTH_NOW, INT64_C(-1));
}

static void review(tc_auth *auth, const char *sent, int32_t http_status, const char *body, int32_t wanted)
{
    QUICK(OK, tc_auth_review, auth, sent, strlen(sent), (int64_t)SIGNED_TIME, http_status,
          "Tue, 19 Dec 2017 17:16:27 GMT", body, strlen(body), &o->advice);
    if (o->advice != wanted) {
        printf("advice %d for %d, not %d\n", (int)o->advice, (int)http_status, (int)wanted);
        exit(4);
    }
}

static void review_all(tc_auth *auth, const char *sent)
{
    review(auth, sent, 200, "{}", TC_AUTH_ADVICE_ACCEPTED);
    review(auth, sent, 403, "{\"message\":\"Signature data did not match expected result\"}",
           TC_AUTH_ADVICE_BAD_SIGNATURE);
    review(auth, sent, 401, "<r><Message>Access Denied</Message></r>", TC_AUTH_ADVICE_ACCESS_DENIED);
    review(auth, sent, 403, "API access has not been licensed", TC_AUTH_ADVICE_NOT_LICENSED);
    review(auth, sent, 401, around("{\"message\":\"Timestamp out of acceptable time range %\"}", sent),
           TC_AUTH_ADVICE_CLOCK_SKEW);
    review(auth, sent, 403, around("{\"message\":\"no: %\"}", sent), TC_AUTH_ADVICE_UNKNOWN);
    QUICK(MALFORMED_AUTHORIZATION, tc_auth_review, auth, sent + 3, strlen(sent) - 3, (int64_t)SIGNED_TIME, 401, NULL,
          "", 0, &o->advice);
    QUICK(NULL_ARGUMENT, tc_auth_review, auth, sent, strlen(sent), (int64_t)SIGNED_TIME, 401, NULL, "", 0, NULL);
    QUICK(INVALID_ARGUMENT, tc_auth_review, auth, sent, SIZE_MAX, (int64_t)SIGNED_TIME, 401, NULL, "", 0, &o->advice);
}

/* ---- the scenarios ---- */

static void hmac_handle(enum secret which)
{
    const char *key = secret(which);
    CALL(OK, tc_auth_new_hmac, id, key, &o->hmac);
    QUICK(OK, tc_auth_set_api_path, o->hmac, api);
    sign(o->hmac);
    QUICK(OK, tc_auth_headers_into, o->hmac, "GET", 3, path, strlen(path), (int64_t)SIGNED_TIME, o->buffer,
          sizeof o->buffer, &o->len, &o->timestamp);
    verify(o->hmac, o->buffer);
    QUICK(TIMESTAMP_OUT_OF_RANGE, tc_auth_verify, o->hmac, "GET", path, o->buffer, "1513703787", INT64_C(1513700000),
          INT64_C(300));
    review_all(o->hmac, o->buffer);
    review(o->hmac, o->buffer, 401, "{\"message\":\"Unauthorized\"}", TC_AUTH_ADVICE_UNKNOWN);
    QUICK(INVALID_TIME, tc_auth_review, o->hmac, o->buffer, o->len, INT64_C(-5), 401, NULL,
          "Timestamp out of acceptable time range", 38, &o->advice);
    QUICK(OK, tc_auth_renewal_poll, o->hmac, INT64_C(0), &o->renewal);
    QUICK(WRONG_KIND, tc_auth_token, o->hmac, &o->text, NULL);
    CALL(WRONG_KIND, tc_auth_set_renewal_window, o->hmac, INT64_C(0));
    QUICK(WRONG_KIND, tc_auth_renewal_window, o->hmac, &o->number);
    CALL(WRONG_KIND, tc_auth_update_token, o->hmac, secret(TOKEN_60), INT64_C(0));
    GET(tc_auth_free, o->hmac);
    freed();
    CALL(NULL_ARGUMENT, tc_auth_new_hmac, id, key, NULL);
    CALL(NULL_ARGUMENT, tc_auth_new_hmac, NULL, key, &o->made);
    CALL(INVALID_ACCESS_ID, tc_auth_new_hmac, "a b", key, &o->made);
    CALL(INVALID_SECRET_KEY, tc_auth_new_hmac, id, around("%\n", key), &o->made);
}

static void hmac_48(void)
{
    hmac_handle(KEY_48);
}
static void hmac_20(void)
{
    hmac_handle(KEY_20);
}
static void hmac_64(void)
{
    hmac_handle(KEY_64);
}
static void hmac_100(void)
{
    hmac_handle(KEY_100);
}

static void get_ticket(void)
{
    QUICK(OK, tc_auth_renewal_poll, o->token, INT64_C(0), &o->renewal);
    if (!o->renewal)
        exit(5);
    GET(tc_auth_renewal_url, o->renewal);
}

static void complete(const char *body, int32_t http_status)
{
    get_ticket();
    CALL(OK, tc_auth_renewal_complete, o->renewal, http_status, body, strlen(body), &o->text);
    free_string();
}

static void token_handle(enum secret which)
{
    const char *token = secret(which), *next = secret(which == TOKEN_61 ? TOKEN_60 : TOKEN_61),
               *sent = around("TC-Token %", token);
    const char *good = around("{\"success\":true,\"apiToken\":\"%\",\"apiTokenExpires\":\"1513703790\"}", next);
    CALL(OK, tc_auth_new_token, token, TC_AUTH_NO_EXPIRY, &o->token);
    QUICK(OK, tc_auth_renewal_poll, o->token, INT64_C(0), &o->renewal);
    QUICK(OK, tc_auth_set_api_path, o->token, api);
    sign(o->token);
    verify(o->token, sent);
    QUICK(OK, tc_auth_token, o->token, &o->text, &o->number);
    free_string();
    QUICK(NULL_ARGUMENT, tc_auth_token, NULL, &o->text, &o->number);
    CALL(OK, tc_auth_set_renewal_window, o->token, INT64_C(10));
    CALL(INVALID_ARGUMENT, tc_auth_set_renewal_window, o->token, INT64_C(-1));
    QUICK(OK, tc_auth_renewal_window, o->token, &o->number);
    QUICK(NULL_ARGUMENT, tc_auth_renewal_window, o->token, NULL);
    CALL(NULL_ARGUMENT, tc_auth_set_renewal_window, NULL, INT64_C(0));
    review_all(o->token, sent);
    review(o->token, sent, 401, around("{\"message\":\"Unauthorized: %\"}", token), TC_AUTH_ADVICE_RETRY);
    review(o->token, around("TC-Token %", next), 401, "{\"message\":\"Unauthorized\"}", TC_AUTH_ADVICE_RETRY);
    QUICK(OK, tc_auth_token_state, o->token, &o->advice, &o->number);
    get_ticket();
    QUICK(OK, tc_auth_token_state, o->token, &o->advice, NULL);
    QUICK(NULL_ARGUMENT, tc_auth_token_state, o->token, NULL, &o->number);
    QUICK(RENEWAL_TIMEOUT, tc_auth_renewal_poll, o->token, INT64_C(0), &o->made);
    QUICK(RENEWAL_TIMEOUT, tc_auth_renewal_poll, o->token, INT64_C(2), &o->made);
    QUICK(INVALID_ARGUMENT, tc_auth_renewal_poll, o->token, INT64_C(-1), &o->made);
    QUICK(NULL_ARGUMENT, tc_auth_renewal_poll, o->token, INT64_C(0), NULL);
    review(o->token, sent, 401, "{\"message\":\"Unauthorized\"}", TC_AUTH_ADVICE_RETRY);
    CALL(OK, tc_auth_renewal_complete, o->renewal, 200, good, strlen(good), &o->text);
    free_string();
    QUICK(OK, tc_auth_headers_into, o->token, "GET", 3, path, strlen(path), TC_AUTH_NOW, o->buffer, sizeof o->buffer,
          &o->len, &o->timestamp);
    QUICK(TOKEN_EXPIRED, tc_auth_headers_into, o->token, "GET", 3, path, strlen(path), INT64_C(1513703791), o->buffer,
          sizeof o->buffer, &o->len, &o->timestamp);
    QUICK(TOKEN_EXPIRED, tc_auth_headers_at, o->token, "GET", path, INT64_C(1513703791), &o->list);
    QUICK(TOKEN_EXPIRED, tc_auth_verify, o->token, "GET", path, around("TC-Token %", next), NULL, INT64_C(1513703791),
          INT64_C(300));
    QUICK(OK, tc_auth_set_clock_offset, o->token, INT64_C(10));
    QUICK(TOKEN_EXPIRED, tc_auth_headers, o->token, "GET", path, &o->list);
    QUICK(TOKEN_EXPIRED, tc_auth_header_block, o->token, "GET", path, o->buffer, sizeof o->buffer);
    QUICK(OK, tc_auth_set_clock_offset, o->token, INT64_C(0));
    GET(tc_auth_free, o->token);
    freed();
    CALL(INVALID_TOKEN, tc_auth_new_token, around("% x", token), TC_AUTH_NO_EXPIRY, &o->made);
    CALL(INVALID_TIME, tc_auth_new_token, token, INT64_C(-1), &o->made);
    CALL(NULL_ARGUMENT, tc_auth_new_token, token, INT64_C(0), NULL);
}

static void token_12(void)
{
    token_handle(TOKEN_12);
}
static void token_60(void)
{
    token_handle(TOKEN_60);
}
static void token_300(void)
{
    token_handle(TOKEN_300);
}
static void token_5000(void)
{
    token_handle(TOKEN_5000);
}

/* Renewals, with a token that is due from the start. */
static void renewals(void)
{
    char *beginning = secret(TOKEN_60); /* this much of a token may remain in a message */
    const char *token = secret(TOKEN_60), *next = secret(TOKEN_300), *body;
    beginning[15] = '\0';
    CALL(OK, tc_auth_new_token, token, INT64_C(1513703700), &o->token);
    QUICK(OK, tc_auth_set_api_path, o->token, api);
    get_ticket();
    CALL(OK, tc_auth_update_token, o->token, token, INT64_C(1513703701));
    GET(tc_auth_renewal_cancel, o->renewal);
    CALL(OK, tc_auth_update_token, o->token, secret(TOKEN_12), INT64_C(1513703702));
    CALL(OK, tc_auth_update_token, o->token, token, INT64_C(1513703700));
    CALL(INVALID_TOKEN, tc_auth_update_token, o->token, around("% x", token), INT64_C(0));
    CALL(INVALID_TIME, tc_auth_update_token, o->token, token, INT64_C(1513703787000));
    CALL(NULL_ARGUMENT, tc_auth_update_token, NULL, token, INT64_C(0));
    complete(around("{\"success\":true,\"apiToken\":\"%\",\"apiTokenExpires\":1513703700,\"message\":\"no\"}", next),
             200);
    CALL(OK, tc_auth_update_token, o->token, next, INT64_C(1513703700));
    /* escaped as the platform does, and completely */
    complete(
        around("\xef\xbb\xbf {\"success\":true,\"apiToken\":\"\\u0041%\\u003d\\/\",\"apiTokenExpires\":\"1513703700\"}",
               token),
        201);
    for (int way = 0; way < 9; way++) {
        static const char *const forms[] = {"{\"success\":false,\"message\":\"no: % %\"}",
                                            "{\"success\":true,\"apiToken\":\"%\"",
                                            "<html>%</html>",
                                            "{\"success\":true,\"apiToken\":\"% \"}",
                                            "{\"success\":\"true\",\"apiToken\":\"%\",\"message\":\"it is %\"}",
                                            "{\"success\":true,\"message\":\"a token that begins with %.\"}",
                                            "token %",
                                            "<r><Message>\xff%</Message></r>",
                                            "[\"%\"]"};
        /* another token each time, because a pause follows a failure */
        CALL(OK, tc_auth_update_token, o->token, way % 2 ? token : next, INT64_C(1513703700));
        get_ticket();
        body = around(forms[way], way == 5 ? beginning : way % 2 ? token : next);
        if (way == 0)
            CALL(RENEWAL_REFUSED, tc_auth_renewal_complete, o->renewal, 401, body, strlen(body), &o->text);
        else
            CALL(RENEWAL_BAD_RESPONSE, tc_auth_renewal_complete, o->renewal, way % 3 ? 200 : 500, body, strlen(body),
                 &o->text);
        free_string();
    }
    CALL(OK, tc_auth_update_token, o->token, token, INT64_C(1513703700));
    get_ticket();
    CALL(NULL_ARGUMENT, tc_auth_renewal_complete, o->renewal, 200, NULL, 5, &o->text);
    CALL(OK, tc_auth_update_token, o->token, next, INT64_C(1513703700));
    get_ticket();
    CALL(INVALID_ARGUMENT, tc_auth_renewal_complete, o->renewal, 200, "", SIZE_MAX, &o->text);
    CALL(OK, tc_auth_update_token, o->token, token, INT64_C(1513703700));
    get_ticket();
    GET(tc_auth_free, o->token);
    body = around("{\"success\":true,\"apiToken\":\"%\"}", token);
    CALL(OK, tc_auth_renewal_complete, o->renewal, 200, body, strlen(body), &o->text);
    free_string();
    freed();
    /* the last search follows a call that does nothing */
    GET(tc_auth_free, NULL);
}

/* A token goes to another process of its family, and a newer one comes back. */
static void seal(enum secret which)
{
    const char *first = secret(TOKEN_60), *token = secret(which), *key = secret(KEY_48), *other = secret(KEY_20);
    const char *both = add_text(around("%\n", other), key), *sealed[3], *changed;
    CALL(OK, tc_auth_new_token, first, INT64_C(1513703700), &o->token);
    CALL(OK, tc_auth_new_token, first, INT64_C(1513703700), &o->made);
    QUICK(OK, tc_auth_family, o->token, &o->text);
    free_string();
    QUICK(NULL_ARGUMENT, tc_auth_family, o->token, NULL);
    CALL(OK, tc_auth_seal, o->token, key, &o->text);
    sealed[0] = add_text(room(8192), o->text);
    free_string();
    CALL(OK, tc_auth_update_token, o->token, token, TC_AUTH_NO_EXPIRY);
    CALL(OK, tc_auth_seal, o->token, key, &o->text);
    sealed[1] = add_text(room(8192), o->text);
    free_string();
    CALL(OK, tc_auth_seal, o->token, NULL, &o->text);
    sealed[2] = add_text(room(8192), o->text);
    free_string();
    CALL(INVALID_ARGUMENT, tc_auth_seal, o->token, around("%\n\n", key), &o->text);
    CALL(INVALID_ARGUMENT, tc_auth_seal, o->token, around("%\t", key), &o->text);
    CALL(NULL_ARGUMENT, tc_auth_seal, o->token, key, NULL);
    CALL(NULL_ARGUMENT, tc_auth_seal, NULL, key, &o->text);
    CALL(OK, tc_auth_update_token, o->token, around("%%%%", around("%%%%", secret(TOKEN_5000))), TC_AUTH_NO_EXPIRY);
    CALL(SEAL_INVALID, tc_auth_seal, o->token, key, &o->text);

    QUICK(OK, tc_auth_set_api_path, o->made, api);
    QUICK(OK, tc_auth_renewal_poll, o->made, INT64_C(0), &o->renewal);
    QUICK(OK, tc_auth_renewal_needed, o->renewal, &o->advice);
    QUICK(NULL_ARGUMENT, tc_auth_renewal_needed, o->renewal, NULL);
    CALL(OK, tc_auth_unseal, o->made, sealed[0], strlen(sealed[0]), key, &o->advice);
    CALL(OK, tc_auth_unseal, o->made, sealed[1], strlen(sealed[1]), both, &o->advice);
    if (o->advice != TC_AUTH_UNSEALED_ADOPTED)
        exit(4);
    CALL(OK, tc_auth_unseal, o->made, sealed[2], strlen(sealed[2]), NULL, &o->advice);
    CALL(OK, tc_auth_unseal, o->made, sealed[0], strlen(sealed[0]), key, &o->advice);
    if (o->advice != TC_AUTH_UNSEALED_OLDER)
        exit(4);
    QUICK(OK, tc_auth_renewal_needed, o->renewal, &o->advice);
    GET(tc_auth_renewal_cancel, o->renewal);
    changed = around("%A", sealed[1]);
    CALL(SEAL_INVALID, tc_auth_unseal, o->made, changed, strlen(changed), key, &o->advice);
    CALL(SEAL_INVALID, tc_auth_unseal, o->made, changed + 1, strlen(sealed[1]), key, &o->advice);
    CALL(SEAL_INVALID, tc_auth_unseal, o->made, sealed[1], strlen(sealed[1]), other, &o->advice);
    CALL(SEAL_INVALID, tc_auth_unseal, o->made, sealed[1], strlen(sealed[1]), NULL, &o->advice);
    CALL(SEAL_VERSION, tc_auth_unseal, o->made, around("TC2.%", key), secret_lengths[KEY_48] + 4, key, &o->advice);
    CALL(INVALID_ARGUMENT, tc_auth_unseal, o->made, sealed[1], SIZE_MAX, key, &o->advice);
    CALL(INVALID_ARGUMENT, tc_auth_unseal, o->made, sealed[1], strlen(sealed[1]), around("\n%", key), &o->advice);
    CALL(NULL_ARGUMENT, tc_auth_unseal, o->made, sealed[1], strlen(sealed[1]), key, NULL);
    CALL(OK, tc_auth_new_hmac, id, key, &o->hmac);
    QUICK(WRONG_KIND, tc_auth_family, o->hmac, &o->text);
    CALL(WRONG_KIND, tc_auth_seal, o->hmac, key, &o->text);
    CALL(WRONG_KIND, tc_auth_unseal, o->hmac, sealed[1], strlen(sealed[1]), key, &o->advice);
    GET(tc_auth_free, o->hmac);
    free_made();
    GET(tc_auth_free, o->token);
    freed();
    GET(tc_auth_free, NULL);
}

static char *file_of_family(const char *directory, const char *kind)
{
    char *path = room(200);
    if (tc_auth_family(o->token, &o->text) != TC_AUTH_STATUS_OK)
        exit(4);
    snprintf(path, 200, "%s/%s.%s", directory, o->text, kind);
    tc_auth_string_free(o->text);
    return path;
}

static void replace_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600); /* a FILE would keep the text in its buffer */
    if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text) || close(file) != 0)
        exit(4);
}

/* A token goes to another handle through a file, in both directions. */
static void share(enum secret which)
{
    static const char *const kinds[] = {"token", "renewal-lock", "write-lock", "record"};
    const char *first = secret(TOKEN_60), *token = secret(which), *key = secret(KEY_48), *other = secret(KEY_20), *body;
    char directory[] = "share-XXXXXX", *file, *blocker;
    int64_t due = INT64_C(1513703700);
    if (!mkdtemp(directory))
        exit(4);
    CALL(OK, tc_auth_new_token, first, due, &o->token);
    CALL(OK, tc_auth_new_token, first, due, &o->made);
    QUICK(OK, tc_auth_set_api_path, o->token, api);
    QUICK(OK, tc_auth_set_api_path, o->made, api);
    file = file_of_family(directory, "token");
    blocker = file_of_family(directory, "token.new");
    CALL(NULL_ARGUMENT, tc_auth_share_in, o->token, NULL, key);
    CALL(NULL_ARGUMENT, tc_auth_share_in, NULL, directory, key);
    CALL(INVALID_ARGUMENT, tc_auth_share_in, o->token, directory, around("%\n\n", key));
    CALL(STORE_IO, tc_auth_share_in, o->token, "missing", key);
    puts("shared");
    CALL(OK, tc_auth_share_in, o->token, directory, key);
    CALL(ALREADY_SET, tc_auth_share_in, o->token, directory, key);
    CALL(SEAL_INVALID, tc_auth_share_in, o->made, directory, other);
    CALL(OK, tc_auth_share_in, o->made, directory, key);

    /* A renewal is saved, and adopted. */
    QUICK(OK, tc_auth_renewal_poll, o->token, INT64_C(0), &o->renewal);
    QUICK(RENEWAL_TIMEOUT, tc_auth_renewal_poll, o->made, INT64_C(0), &o->list);
    body = around("{\"success\":true,\"apiToken\":\"%\",\"apiTokenExpires\":1513703700}", token);
    CALL(OK, tc_auth_renewal_complete, o->renewal, 200, body, strlen(body), &o->text);
    free_string();
    QUICK(OK, tc_auth_renewal_poll, o->made, INT64_C(0), &o->renewal);
    GET(tc_auth_renewal_cancel, o->renewal);
    CALL(OK, tc_auth_update_token, o->token, first, due);
    review(o->made, around("TC-Token %", token), 401, "{\"message\":\"Unauthorized\"}", TC_AUTH_ADVICE_RETRY);
    CALL(OK, tc_auth_update_token, o->made, token, TC_AUTH_NO_EXPIRY);
    QUICK(OK, tc_auth_renewal_poll, o->token, INT64_C(0), &o->renewal);

    /* What can't be unsealed is replaced; what can't be saved is kept. */
    replace_file(file, around("TC1.%", token));
    QUICK(OK, tc_auth_renewal_poll, o->token, INT64_C(0), &o->renewal);
    if (mkdir(blocker, 0700) != 0)
        exit(4);
    CALL(STORE_IO, tc_auth_update_token, o->token, first, due);
    QUICK(OK, tc_auth_renewal_poll, o->token, INT64_C(0), &o->renewal);
    if (rmdir(blocker) != 0)
        exit(4);
    free_made();
    GET(tc_auth_free, o->token);
    replace_file(file, around("TC2.%", token));
    CALL(OK, tc_auth_new_token, first, due, &o->token);
    CALL(SEAL_VERSION, tc_auth_share_in, o->token, directory, key);
    CALL(OK, tc_auth_new_hmac, id, key, &o->hmac);
    CALL(WRONG_KIND, tc_auth_share_in, o->hmac, directory, key);
    GET(tc_auth_free, o->hmac);
    for (int i = 0; i < 4; i++)
        if (unlink(file_of_family(directory, kinds[i])) != 0)
            exit(4);
    if (rmdir(directory) != 0)
        exit(4);
    GET(tc_auth_free, o->token);
    freed();
    GET(tc_auth_free, NULL);
}

static void share_12(void)
{
    share(TOKEN_12);
}
static void share_300(void)
{
    share(TOKEN_300);
}
static void share_5000(void)
{
    share(TOKEN_5000);
}

static void seal_12(void)
{
    seal(TOKEN_12);
}
static void seal_300(void)
{
    seal(TOKEN_300);
}
static void seal_5000(void)
{
    seal(TOKEN_5000);
}

static void json(void)
{
    static const struct {
        const char *form;
        tc_auth_status status;
        const char *name;
    } cases[] = {
#define CASE(form, status) {form, TC_AUTH_STATUS_##status, #status}
        CASE("{\"tc_token\":\"%\",\"tc_token_expires\":\"1513703790\",\"tc_api_path\":\"https://company.example/api\"}",
             OK),
        CASE("{\"tc_token\":\"a\\u003d%\"}", OK),
        CASE("{\"apiToken\":\"%\",\"expireSeconds\":1513703790}", OK),
        CASE("{\"apiToken\":\"%\",\"tc_token\":\"%\"}", CONFIG_SYNTAX),
        CASE("{\"x\":[{\"tc_token\":\"%\"}],\"tc_token\":\"%\",\"tc_token\":\"%\"}", CONFIG_SYNTAX),
        CASE("{\"tc_token\":\"%\"", CONFIG_SYNTAX),
        CASE("{\"tc_token\":\"% x\"}", INVALID_TOKEN),
        CASE("{\"tc_token\":\"%\",\"tc_token_expires\":1513703787000}", INVALID_TIME),
        CASE("{\"tc_token\":\"%\",\"tc_api_path\":\"x\"}", INVALID_URI_FORM),
        CASE("{\"tc_token\":\"%\",\"tc_api_path\":\"https://company.example/a b\"}", INVALID_URI_BYTE),
        CASE("{\"tc_api_access_id\":\"1\",\"tc_api_secret_key\":\"%\"}", OK),
        CASE("{\"api_access_id\":\"a b\",\"api_secret_key\":\"%\"}", INVALID_ACCESS_ID),
        CASE("{\"api_access_id\":\"1\",\"api_secret_key\":\"%\\n\"}", INVALID_SECRET_KEY),
        CASE("{\"api_secret_key\":\"%\"}", NO_CREDENTIALS),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = around(cases[i].form, secret(strstr(cases[i].form, "secret_key") ? KEY_48 : TOKEN_300));
        const uint64_t arguments[12] = {WORDS(text, strlen(text), &o->made)};
        checked("tc_auth_from_json", cases[i].name, cases[i].status, call((const void *)tc_auth_from_json, arguments),
                STACK_WIPED);
        if (cases[i].status == TC_AUTH_STATUS_OK)
            free_made();
    }
    CALL(NULL_ARGUMENT, tc_auth_from_json, secret(TOKEN_60), 5, NULL);
    CALL(INVALID_ARGUMENT, tc_auth_from_json, secret(TOKEN_60), SIZE_MAX, &o->made);
    freed();
    GET(tc_auth_free, NULL);
}

/* Arguments, the environment, and both, in that order, through discover(). */
static void sources(void)
{
    char *token = around("--tc_token=%", secret(TOKEN_60)), *key = around("--api_secret_key=%", secret(KEY_48)),
         *bad = around("--tc_token=% x", secret(TOKEN_300));
    char **lists[] = {(char *[]){"p", token},
                      (char *[]){"--api_access_id=1", key},
                      (char *[]){token, token},
                      (char *[]){key, "x"},
                      (char *[]){"p", bad},
                      (char *[]){"--api_access_id=a b", key},
                      (char *[]){token, NULL},
                      (char *[]){token, "--tc_token_expires=-7"},
                      (char *[]){token, "--tc_api_path=x"},
                      (char *[]){token, "--tc_api_path=https://company.example/a b"},
                      (char *[]){"--api_access_id=1", around("%\n", key)}};
    static const tc_auth_status statuses[] = {TC_AUTH_STATUS_OK,
                                              TC_AUTH_STATUS_OK,
                                              TC_AUTH_STATUS_CONFIG_SYNTAX,
                                              TC_AUTH_STATUS_NO_CREDENTIALS,
                                              TC_AUTH_STATUS_INVALID_TOKEN,
                                              TC_AUTH_STATUS_INVALID_ACCESS_ID,
                                              TC_AUTH_STATUS_NULL_ARGUMENT,
                                              TC_AUTH_STATUS_INVALID_TIME,
                                              TC_AUTH_STATUS_INVALID_URI_FORM,
                                              TC_AUTH_STATUS_INVALID_URI_BYTE,
                                              TC_AUTH_STATUS_INVALID_SECRET_KEY};
    static const char *const names[] = {"OK",
                                        "OK",
                                        "CONFIG_SYNTAX",
                                        "NO_CREDENTIALS",
                                        "INVALID_TOKEN",
                                        "INVALID_ACCESS_ID",
                                        "NULL_ARGUMENT",
                                        "INVALID_TIME",
                                        "INVALID_URI_FORM",
                                        "INVALID_URI_BYTE",
                                        "INVALID_SECRET_KEY"};
    static char *nothing[1];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const uint64_t arguments[12] = {WORDS(2, lists[i], &o->made)},
                       why[12] = {WORDS(2, lists[i], &o->text, &o->made)};
        checked("tc_auth_from_args", names[i], statuses[i], call((const void *)tc_auth_from_args, arguments),
                STACK_WIPED);
        if (statuses[i] == TC_AUTH_STATUS_OK)
            free_made();
        checked("tc_auth_discover", names[i], statuses[i], call((const void *)tc_auth_discover, why), STACK_WIPED);
        free_string();
        if (statuses[i] == TC_AUTH_STATUS_OK)
            free_made();
    }
    CALL(INVALID_ARGUMENT, tc_auth_from_args, -1, lists[0], &o->made);
    CALL(INVALID_ARGUMENT, tc_auth_discover, -1, lists[0], &o->text, &o->made);
    /* An environment in the caller's memory, of which the C library has no copy. */
    for (size_t i = 0; i < 9; i++) {
        static const char *const forms[] = {"TC_TOKEN=%",          "TC_API_SECRET_KEY=%", "TC_TOKEN=% x",
                                            "TC_API_SECRET_KEY=%", "TC_API_SECRET_KEY=%", "TC_API_SECRET_KEY=%\n",
                                            "TC_TOKEN=%",          "TC_TOKEN=%",          "TC_TOKEN=%"};
        static const char *const more[] = {NULL,
                                           "TC_API_ACCESS_ID=1",
                                           NULL,
                                           NULL,
                                           "TC_API_ACCESS_ID=a b",
                                           "TC_API_ACCESS_ID=1",
                                           "TC_TOKEN_EXPIRES=x",
                                           "TC_TOKEN_EXPIRES=1513703787000",
                                           "TC_API_PATH=x"};
        static const tc_auth_status results[] = {TC_AUTH_STATUS_OK,
                                                 TC_AUTH_STATUS_OK,
                                                 TC_AUTH_STATUS_INVALID_TOKEN,
                                                 TC_AUTH_STATUS_NO_CREDENTIALS,
                                                 TC_AUTH_STATUS_INVALID_ACCESS_ID,
                                                 TC_AUTH_STATUS_INVALID_SECRET_KEY,
                                                 TC_AUTH_STATUS_CONFIG_SYNTAX,
                                                 TC_AUTH_STATUS_INVALID_TIME,
                                                 TC_AUTH_STATUS_INVALID_URI_FORM};
        static const char *const titles[] = {"OK",
                                             "OK",
                                             "INVALID_TOKEN",
                                             "NO_CREDENTIALS",
                                             "INVALID_ACCESS_ID",
                                             "INVALID_SECRET_KEY",
                                             "CONFIG_SYNTAX",
                                             "INVALID_TIME",
                                             "INVALID_URI_FORM"};
        char **variables = (char **)(void *)room(4 * sizeof *variables);
        const uint64_t out[12] = {WORDS(&o->made)}, discover[12] = {WORDS(0, NULL, NULL, &o->made)};
        variables[0] = around(forms[i], secret(strstr(forms[i], "KEY") ? KEY_48 : TOKEN_300));
        variables[1] = more[i] ? around(more[i], "") : NULL;
        environ = variables;
        checked("tc_auth_from_env", titles[i], results[i], call((const void *)tc_auth_from_env, out), STACK_WIPED);
        if (results[i] == TC_AUTH_STATUS_OK)
            free_made();
        checked("tc_auth_discover", titles[i], results[i], call((const void *)tc_auth_discover, discover), STACK_WIPED);
        if (results[i] == TC_AUTH_STATUS_OK)
            free_made();
        if (i == 0)
            CALL(NULL_ARGUMENT, tc_auth_from_env, NULL);
    }
    environ = nothing;
    freed();
    GET(tc_auth_free, NULL);
}

/* The files 1 to 3 are good, of each size of key; 4 has a member twice, 5 is truncated. */
static void parameter_files(void)
{
    char *variables[3] = {NULL, NULL, NULL};
    const char *keys[6];
    for (int i = 0; i < 5; i++)
        keys[i + 1] = secret(i == 0 ? FILE_KEY_16 : i == 1 ? FILE_KEY_24 : FILE_KEY_32);
    for (int i = 1; i <= 3; i++) {
        const char *file = around("%", i == 1 ? "1" : i == 2 ? "2" : "3");
        CALL(OK, tc_auth_from_param_file, file, keys[i], &o->made);
        free_made();
        variables[0] = around("TC_APP_PARAM_FILE=%", file);
        variables[1] = around("TC_APP_PARAM_KEY=%", keys[i]);
        environ = variables;
        CALL(OK, tc_auth_discover, 0, NULL, &o->text, &o->made);
        free_string();
        free_made();
    }
    CALL(CONFIG_DECRYPT, tc_auth_from_param_file, "3", secret(FILE_KEY_WRONG), &o->made);
    CALL(CONFIG_DECRYPT, tc_auth_from_param_file, "3", keys[1], &o->made);
    CALL(CONFIG_DECRYPT, tc_auth_from_param_file, "3", keys[3] + 1, &o->made);
    CALL(CONFIG_SYNTAX, tc_auth_from_param_file, "4", keys[3], &o->made);
    CALL(CONFIG_DECRYPT, tc_auth_from_param_file, "5", keys[3], &o->made);
    CALL(CONFIG_IO, tc_auth_from_param_file, "none", keys[3], &o->made);
    CALL(CONFIG_IO, tc_auth_from_param_file, ".", keys[3], &o->made);
    CALL(NULL_ARGUMENT, tc_auth_from_param_file, "3", keys[3], NULL);
    variables[0] = "TC_APP_PARAM_FILE=5";
    CALL(CONFIG_DECRYPT, tc_auth_discover, 0, NULL, &o->text, &o->made);
    free_string();
    variables[0] = "TC_APP_PARAM_FILE=none";
    CALL(CONFIG_IO, tc_auth_discover, 0, NULL, &o->text, &o->made);
    free_string();
    environ = variables + 2;
    freed();
    GET(tc_auth_free, NULL);
}

/* Calls without secrets, after a call with one: there must be no secret left that they could spill. */
static void others(void)
{
    const char *token = secret(TOKEN_300);
    CALL(OK, tc_auth_new_token, token, TC_AUTH_NO_EXPIRY, &o->token);
    QUICK(API_PATH_MISSING, tc_auth_url_new_for, o->token, "/v2", &o->url);
    QUICK(OK, tc_auth_set_api_path, o->token, api);
    QUICK(OK, tc_auth_url_new_for, o->token, "/v2", &o->url);
    QUICK(OK, tc_auth_url_add_segment, o->url, "a b");
    QUICK(INVALID_ARGUMENT, tc_auth_url_add_segment, o->url, "..");
    QUICK(OK, tc_auth_url_add_query, o->url, "a", "b c");
    QUICK(INVALID_ARGUMENT, tc_auth_url_add_query, o->url, "", "b");
    ASK(tc_auth_url_string, o->url);
    ASK(tc_auth_url_free, o->url);
    QUICK(OK, tc_auth_url_new, "/v2", &o->url);
    ASK(tc_auth_url_free, o->url);
    QUICK(OK, tc_auth_string_to_sign, "GET", path, (int64_t)SIGNED_TIME, &o->text);
    free_string();
    QUICK(INVALID_TIME, tc_auth_string_to_sign, "GET", path, TC_AUTH_NOW, &o->text);
    ASK(tc_auth_version, 0);
    ASK(tc_auth_version_number, 0);
    ASK(tc_auth_status_message, 0);
    ASK(tc_auth_status_name, 0);
    ASK(tc_auth_advice_name, 0);
    ASK(tc_auth_advice_message, 0);
    GET(tc_auth_free, o->token);
}

/* ---- planted faults, one of each kind ---- */

static const char *planted_secret;
static char *left;

#if defined __x86_64__
static void in_vector(void)
{
    __asm__ volatile("movups (%0), %%xmm13" : : "r"(planted_secret) : "xmm13");
}
static void in_ymm(void)
{
    __asm__ volatile("vbroadcastf128 (%0), %%ymm13" : : "r"(planted_secret) : "xmm13");
}
static void in_zmm(void)
{
    __asm__ volatile("vmovups (%0), %%zmm17" : : "r"(planted_secret));
}
static void in_general(void)
{
    __asm__ volatile("mov (%0), %%rsi\nmov %%rsi, %%r9" : : "r"(planted_secret) : "rsi", "r9");
}
#else
/* One of the registers that the dynamic linker saves. */
static void in_vector(void)
{
    __asm__ volatile("ldr q5, [%0]" : : "r"(planted_secret) : "v5");
}
static void in_general(void)
{
    __asm__ volatile("ldr x17, [%0]" : : "r"(planted_secret) : "x17");
}
#endif
static void in_vector_late(void)
{
    in_vector();
}

/* Otherwise a compiler may store the bytes elsewhere, one by one. */
static void keep(volatile char *bytes)
{
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

static void put(volatile char *to)
{
    for (int i = 0; i < 8; i++)
        to[i] = planted_secret[i];
    keep(to);
}

static void on_stack(void)
{
    volatile char copy[64];
    put(copy);
}

static void words_on_stack(void)
{
    volatile char copy[64];
    for (int i = 0; i < 12; i++)
        copy[i / 4 * 16 + i % 4] = planted_secret[i];
    keep(copy);
}

static void deep_on_stack(void)
{
    volatile char copy[60000];
    put(copy);
}

static void on_heap(void)
{
    volatile char *copy = malloc(64);
    put(copy + 24);
    free((void *)copy);
}

static void kept_on_heap(void)
{
    volatile char *copy = malloc(64);
    put(copy + 24);
    left = (char *)copy;
}

static void in_static(void)
{
    static volatile char copy[64];
    put(copy);
}

static void in_thread_local(void)
{
    static __thread volatile char copy[64];
    put(copy);
}

static void plant(const char *kind, const char *place, void (*fault)(void), const char *bytes)
{
    const uint64_t none[12] = {0};
    planted_secret = bytes;
    say("planted", kind, place);
    call((const void *)fault, none);
    look("planted", "-", NOTHING);
}

static void plant_places(void)
{
    const char *key = secret(KEY_48);
    plant("secret-key", "a vector register", in_vector, key);
    plant("secret-key", "the stack, after a lazily bound call", in_vector_late, key);
    plant("secret-key", "a general register", in_general, key);
    plant("secret-key", "the stack", on_stack, key);
    plant("secret-key", "the stack", deep_on_stack, key);
#if defined __x86_64__
    if (call_features & AVX)
        plant("secret-key", "the upper half of a vector register", in_ymm, key);
    if (call_features & AVX512)
        plant("secret-key", "a vector register above 15", in_zmm, key);
#endif
    plant("secret-key", "[heap]", on_heap, key);
    plant("secret-key", "[heap]", kept_on_heap, key);
    plant("token", "anonymous memory", in_thread_local, secret(TOKEN_60));
}

/* Each kind of secret; scan sends an example of it. */
static void plant_kinds(void)
{
    static const char *const all[] = {
        "secret-key", "key-block", "message-schedule", "key-state",    "hash-in-progress", "token",   "encoded-token",
        "plaintext",  "file-key",  "round-key",        "single-words", "family",           "seal-key"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *digits = room(32), *bytes = room(16);
        size_t len = 0;
        say("want", all[i], "");
        fflush(stdout);
        while (len < 25 && read(0, digits + len, 1) == 1 && digits[len] != '\n')
            len++;
        for (size_t at = 0; at < len / 2; at++) {
            unsigned byte;
            if (sscanf(digits + 2 * at, "%2x", &byte) != 1)
                exit(6);
            bytes[at] = (char)byte;
        }
        if (len == 24)
            plant("hash-in-progress", "the stack, in single words", words_on_stack, bytes);
        else
            plant(all[i], "the stack", on_stack, bytes);
    }
}

static void plant_static(void)
{
    plant("token", "data of a program", in_static, secret(TOKEN_60));
}

/* Each function that handles a secret, with each possible result except PANIC; of the others, some. */
static void print_needs(void)
{
    static const char needs[] =
        "tc_auth_new_hmac OK NULL_ARGUMENT INVALID_ACCESS_ID INVALID_SECRET_KEY\n"
        "tc_auth_new_token OK NULL_ARGUMENT INVALID_TOKEN INVALID_TIME\n"
        "tc_auth_from_json OK NULL_ARGUMENT INVALID_ARGUMENT CONFIG_SYNTAX NO_CREDENTIALS INVALID_ACCESS_ID INVALID_SECRET_KEY"
        " INVALID_TOKEN INVALID_TIME INVALID_URI_FORM INVALID_URI_BYTE\n"
        "tc_auth_from_args OK NULL_ARGUMENT INVALID_ARGUMENT CONFIG_SYNTAX NO_CREDENTIALS INVALID_ACCESS_ID INVALID_SECRET_KEY"
        " INVALID_TOKEN INVALID_TIME INVALID_URI_FORM INVALID_URI_BYTE\n"
        "tc_auth_from_env OK NULL_ARGUMENT CONFIG_SYNTAX NO_CREDENTIALS INVALID_ACCESS_ID INVALID_SECRET_KEY INVALID_TOKEN INVALID_TIME"
        " INVALID_URI_FORM\n"
        "tc_auth_from_param_file OK NULL_ARGUMENT CONFIG_IO CONFIG_DECRYPT CONFIG_SYNTAX\n"
        "tc_auth_discover OK NULL_ARGUMENT INVALID_ARGUMENT CONFIG_IO CONFIG_DECRYPT CONFIG_SYNTAX NO_CREDENTIALS INVALID_ACCESS_ID"
        " INVALID_SECRET_KEY INVALID_TOKEN INVALID_TIME INVALID_URI_FORM INVALID_URI_BYTE\n"
        "tc_auth_free -\n"
        "tc_auth_get_kind -\n"
        "tc_auth_describe OK NULL_ARGUMENT\n"
        "tc_auth_string_free -\n"
        "tc_auth_headers OK NULL_ARGUMENT INVALID_METHOD INVALID_URI_FORM INVALID_URI_BYTE OTHER_ORIGIN TOKEN_EXPIRED\n"
        "tc_auth_headers_at OK NULL_ARGUMENT INVALID_METHOD INVALID_URI_FORM INVALID_URI_BYTE INVALID_TIME OTHER_ORIGIN TOKEN_EXPIRED\n"
        "tc_auth_headers_into OK NULL_ARGUMENT INVALID_ARGUMENT INVALID_METHOD INVALID_URI_FORM INVALID_URI_BYTE INVALID_TIME"
        " OTHER_ORIGIN TOKEN_EXPIRED BUFFER_TOO_SMALL\n"
        "tc_auth_header_block OK NULL_ARGUMENT INVALID_METHOD INVALID_URI_FORM INVALID_URI_BYTE OTHER_ORIGIN TOKEN_EXPIRED"
        " BUFFER_TOO_SMALL\n"
        "tc_auth_header_list_len -\n"
        "tc_auth_header_list_name -\n"
        "tc_auth_header_list_value -\n"
        "tc_auth_header_list_line -\n"
        "tc_auth_header_list_timestamp -\n"
        "tc_auth_header_list_free -\n"
        "tc_auth_string_to_sign OK INVALID_TIME\n"
        "tc_auth_verify OK NULL_ARGUMENT INVALID_METHOD INVALID_URI_FORM INVALID_URI_BYTE OTHER_ORIGIN INVALID_TIME INVALID_ARGUMENT"
        " MALFORMED_AUTHORIZATION SIGNATURE_MISMATCH TIMESTAMP_OUT_OF_RANGE TOKEN_EXPIRED\n"
        "tc_auth_update_token OK NULL_ARGUMENT WRONG_KIND INVALID_TOKEN INVALID_TIME STORE_IO\n"
        "tc_auth_token OK NULL_ARGUMENT WRONG_KIND\n"
        "tc_auth_set_api_path OK NULL_ARGUMENT INVALID_URI_FORM INVALID_URI_BYTE ALREADY_SET\n"
        "tc_auth_api_path -\n"
        "tc_auth_set_renewal_window OK NULL_ARGUMENT WRONG_KIND INVALID_ARGUMENT\n"
        "tc_auth_renewal_window OK NULL_ARGUMENT WRONG_KIND\n"
        "tc_auth_token_state OK NULL_ARGUMENT\n"
        "tc_auth_renewal_poll OK NULL_ARGUMENT INVALID_ARGUMENT RENEWAL_TIMEOUT\n"
        "tc_auth_renewal_url -\n"
        "tc_auth_renewal_complete OK NULL_ARGUMENT INVALID_ARGUMENT RENEWAL_REFUSED RENEWAL_BAD_RESPONSE\n"
        "tc_auth_renewal_cancel -\n"
        "tc_auth_renewal_needed OK NULL_ARGUMENT\n"
        "tc_auth_family OK NULL_ARGUMENT WRONG_KIND\n"
        "tc_auth_seal OK NULL_ARGUMENT WRONG_KIND INVALID_ARGUMENT SEAL_INVALID\n"
        "tc_auth_unseal OK NULL_ARGUMENT WRONG_KIND INVALID_ARGUMENT SEAL_INVALID SEAL_VERSION\n"
        "tc_auth_share_in OK NULL_ARGUMENT WRONG_KIND INVALID_ARGUMENT ALREADY_SET SEAL_INVALID SEAL_VERSION STORE_IO\n"
        "tc_auth_review OK NULL_ARGUMENT INVALID_ARGUMENT MALFORMED_AUTHORIZATION INVALID_TIME\n"
        "tc_auth_set_clock_offset OK NULL_ARGUMENT INVALID_ARGUMENT\n"
        "tc_auth_clock_offset OK NULL_ARGUMENT\n"
        "tc_auth_url_new OK\n"
        "tc_auth_url_new_for OK API_PATH_MISSING\n"
        "tc_auth_url_add_segment OK INVALID_ARGUMENT\n"
        "tc_auth_url_add_query OK INVALID_ARGUMENT\n"
        "tc_auth_url_string -\n"
        "tc_auth_url_free -\n"
        "tc_auth_version -\n"
        "tc_auth_version_number -\n"
        "tc_auth_status_message -\n"
        "tc_auth_status_name -\n"
        "tc_auth_advice_name -\n"
        "tc_auth_advice_message -\n";
    char line[1024], *save, *name;
    for (const char *at = needs; *at; at += strcspn(at, "\n") + 1) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        name = strtok_r(line, " ", &save);
        for (const char *status; (status = strtok_r(NULL, " ", &save));)
            say("needs", name, status);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } scenarios[] = {
        {"hmac-48", hmac_48},
        {"hmac-20", hmac_20},
        {"hmac-64", hmac_64},
        {"hmac-100", hmac_100},
        {"token-12", token_12},
        {"token-60", token_60},
        {"token-300", token_300},
        {"token-5000", token_5000},
        {"renewals", renewals},
        {"seal-12", seal_12},
        {"seal-300", seal_300},
        {"seal-5000", seal_5000},
        {"share-12", share_12},
        {"share-300", share_300},
        {"share-5000", share_5000},
        {"json", json},
        {"sources", sources},
        {"parameter-files", parameter_files},
        {"others", others},
        {"plant-places", plant_places},
        {"plant-static", plant_static},
        {"plant-kinds", plant_kinds},
    };
    size_t count = sizeof scenarios / sizeof *scenarios, at = 0;
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "needs") == 0) {
        print_needs();
        return 0;
    }
    if (strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < count; i++)
            puts(scenarios[i].name);
        return 0;
    }
    while (at < count && strcmp(scenarios[at].name, argv[1]) != 0)
        at++;
    if (at == count || argc < 3)
        return 2;
    start_arena();
    o = (void *)room(sizeof *o);
    if (strncmp(argv[1], "plant-", 6) == 0)
        mallopt(M_ARENA_MAX, 1); /* so that the location of the heap is known, also in a new thread */
    if (strcmp(argv[2], "new-thread") == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))scenarios[at].run, NULL) ||
            pthread_join(thread, NULL))
            return 2;
    } else {
        tc_auth *auth = NULL;
        tc_auth_header_list *list = NULL;
        if (tc_auth_new_token("used", 0, &auth) || tc_auth_headers(auth, "GET", "/", &list))
            return 2;
        tc_auth_header_list_free(list);
        tc_auth_free(auth);
        scenarios[at].run();
    }
    return 0;
}
