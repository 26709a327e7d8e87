/* What the tables of test_cases.c and misuse.c do not cover: buffers, clocks, lifetimes, threads and fork(). */
#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE /* for mkdtemp */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tc_auth.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "check.h"
#include "directory.h"
#include "environment.h"
#include "samples.h"

static char sentinel_object;
#define SENTINEL ((void *)&sentinel_object)

static tc_auth *token_handle(int64_t expires)
{
    tc_auth *auth = NULL;
    CHECK(tc_auth_new_token(TOKEN, expires, &auth) == OK);
    return auth;
}

static void versions(void)
{
    char expected[64];
    snprintf(expected, sizeof expected, "%d.%d.%d", TC_AUTH_VERSION_MAJOR, TC_AUTH_VERSION_MINOR,
             TC_AUTH_VERSION_PATCH);
    CHECK(strcmp(tc_auth_version(), expected) == 0);
    CHECK(strcmp(TC_AUTH_VERSION_STRING, expected) == 0);
    CHECK(tc_auth_version_number() == TC_AUTH_VERSION_NUMBER);
    CHECK(tc_auth_version_number() >> 16 == TC_AUTH_VERSION_MAJOR);
    CHECK((tc_auth_version_number() >> 8 & 255) == TC_AUTH_VERSION_MINOR);
    CHECK((tc_auth_version_number() & 255) == TC_AUTH_VERSION_PATCH);
}

/* The text is the enumerator's own name. */
#define NAME(function, TYPE, name) CHECK(strcmp(tc_auth_##function##_name(TC_AUTH_##TYPE##_##name), #name) == 0)

static void names(void)
{
    NAME(status, STATUS, OK);
    NAME(status, STATUS, NULL_ARGUMENT);
    NAME(status, STATUS, INVALID_METHOD);
    NAME(status, STATUS, INVALID_URI_FORM);
    NAME(status, STATUS, INVALID_URI_BYTE);
    NAME(status, STATUS, INVALID_ACCESS_ID);
    NAME(status, STATUS, INVALID_SECRET_KEY);
    NAME(status, STATUS, INVALID_TOKEN);
    NAME(status, STATUS, INVALID_TIME);
    NAME(status, STATUS, BUFFER_TOO_SMALL);
    NAME(status, STATUS, WRONG_KIND);
    NAME(status, STATUS, TOKEN_EXPIRED);
    NAME(status, STATUS, RENEWAL_REFUSED);
    NAME(status, STATUS, RENEWAL_BAD_RESPONSE);
    NAME(status, STATUS, RENEWAL_TIMEOUT);
    NAME(status, STATUS, ALREADY_SET);
    NAME(status, STATUS, NO_CREDENTIALS);
    NAME(status, STATUS, CONFIG_SYNTAX);
    NAME(status, STATUS, CONFIG_IO);
    NAME(status, STATUS, CONFIG_DECRYPT);
    NAME(status, STATUS, API_PATH_MISSING);
    NAME(status, STATUS, SIGNATURE_MISMATCH);
    NAME(status, STATUS, TIMESTAMP_OUT_OF_RANGE);
    NAME(status, STATUS, MALFORMED_AUTHORIZATION);
    NAME(status, STATUS, INVALID_ARGUMENT);
    NAME(status, STATUS, OTHER_ORIGIN);
    NAME(status, STATUS, SEAL_INVALID);
    NAME(status, STATUS, SEAL_VERSION);
    NAME(status, STATUS, STORE_IO);
    NAME(status, STATUS, PANIC);
    NAME(advice, ADVICE, ACCEPTED);
    NAME(advice, ADVICE, RETRY);
    NAME(advice, ADVICE, BAD_SIGNATURE);
    NAME(advice, ADVICE, CLOCK_SKEW);
    NAME(advice, ADVICE, TOKEN_REJECTED);
    NAME(advice, ADVICE, ACCESS_DENIED);
    NAME(advice, ADVICE, NOT_LICENSED);
    NAME(advice, ADVICE, UNKNOWN);
    static const int32_t unknown[] = {INT32_MIN, -1, 8, 29, 98, 100, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        int32_t number = unknown[i];
        if (number != 8)
            CHECK(strcmp(tc_auth_status_name(number), "UNKNOWN") == 0);
        CHECK(strcmp(tc_auth_advice_name(number), "UNKNOWN") == 0);
        CHECK(strncmp(tc_auth_advice_message(number), "Unknown advice: ", 16) == 0);
    }
    for (int32_t advice = 0; advice < 8; advice++) {
        const char *message = tc_auth_advice_message(advice);
        CHECK(strchr(message, ':') && message[strlen(message) - 1] == '.' && strncmp(message, "Unknown", 7) != 0);
        for (int32_t other = 0; other < advice; other++)
            CHECK(strcmp(message, tc_auth_advice_message(other)) != 0);
    }
}

static void header_lists(void)
{
    tc_auth *auth = hmac_handle(), *token = token_handle(TC_AUTH_NO_EXPIRY);
    tc_auth_header_list *list = NULL;
    CHECK(tc_auth_get_kind(auth) == TC_AUTH_KIND_HMAC);
    CHECK(tc_auth_get_kind(token) == TC_AUTH_KIND_TOKEN);

    CHECK(tc_auth_headers(token, "GET", URI, &list) == OK);
    tc_auth_free(token); /* the list owns its strings */
    CHECK(tc_auth_header_list_len(list) == 1);
    CHECK(strcmp(tc_auth_header_list_line(list, 0), "Authorization: TC-Token " TOKEN) == 0);
    CHECK(strcmp(tc_auth_header_list_value(list, 0), "TC-Token " TOKEN) == 0);
    CHECK(tc_auth_header_list_timestamp(list) == TC_AUTH_NO_TIMESTAMP);
    CHECK(tc_auth_header_list_name(list, 1) == NULL);
    CHECK(tc_auth_header_list_line(list, 1) == NULL);
    tc_auth_header_list_free(list);

    CHECK(tc_auth_headers_at(auth, "GET", URI, 1513703787, &list) == OK);
    CHECK(tc_auth_header_list_len(list) == 2);
    for (size_t i = 2; i; i = i < SIZE_MAX / 2 ? i * 2 : 0) {
        CHECK(tc_auth_header_list_name(list, i) == NULL);
        CHECK(tc_auth_header_list_value(list, i) == NULL);
        CHECK(tc_auth_header_list_line(list, i) == NULL);
    }
    CHECK(tc_auth_header_list_name(list, SIZE_MAX) == NULL);
    tc_auth_header_list_free(list);
    tc_auth_free(auth);
}

/* A C string ends at its first NUL; with a length, the NUL is found and refused. */
static void embedded_nul(void)
{
    static const char uri[] = "/a\0b";
    tc_auth *auth = hmac_handle();
    tc_auth_header_list *cut = NULL, *whole = NULL;
    char buffer[256];
    size_t len;
    int64_t timestamp;
    CHECK(tc_auth_headers_at(auth, "GET", uri, 1, &cut) == OK);
    CHECK(tc_auth_headers_at(auth, "GET", "/a", 1, &whole) == OK);
    CHECK(strcmp(tc_auth_header_list_value(cut, 0), tc_auth_header_list_value(whole, 0)) == 0);
    CHECK(tc_auth_headers_into(auth, "GET", 3, uri, 4, 1, buffer, sizeof buffer, &len, &timestamp) ==
          TC_AUTH_STATUS_INVALID_URI_BYTE);
    tc_auth_header_list_free(whole);
    tc_auth_header_list_free(cut);
    tc_auth_free(auth);
}

static tc_auth_status into(const tc_auth *auth, char *buffer, size_t capacity, size_t *len, int64_t *timestamp)
{
    return tc_auth_headers_into(auth, "GET", 3, URI, strlen(URI), 1513703787, buffer, capacity, len, timestamp);
}

static void buffers(void)
{
    tc_auth *handles[2] = {hmac_handle(), token_handle(TC_AUTH_NO_EXPIRY)};
    for (int h = 0; h < 2; h++) {
        tc_auth *auth = handles[h];
        tc_auth_header_list *list = NULL;
        size_t needed = 0, len = 0;
        int64_t timestamp = -42;
        CHECK(tc_auth_headers_at(auth, "GET", URI, 1513703787, &list) == OK);
        CHECK(into(auth, NULL, 0, &needed, &timestamp) == TC_AUTH_STATUS_BUFFER_TOO_SMALL);
        CHECK(needed == strlen(tc_auth_header_list_value(list, 0)));
        for (size_t capacity = 0; capacity <= needed + 2; capacity++) {
            /* Of exactly this size, so that valgrind finds an extra byte. */
            char *buffer = malloc(capacity ? capacity : 1);
            tc_auth_status status;
            if (!buffer)
                abort();
            memset(buffer, '#', capacity ? capacity : 1);
            timestamp = -42;
            status = into(auth, buffer, capacity, &len, &timestamp);
            CHECK(len == needed);
            if (capacity > needed) {
                CHECK(status == OK && strcmp(buffer, tc_auth_header_list_value(list, 0)) == 0);
                CHECK(timestamp == tc_auth_header_list_timestamp(list));
            } else {
                CHECK(status == TC_AUTH_STATUS_BUFFER_TOO_SMALL && buffer[0] == '#' && timestamp == -42);
            }
            free(buffer);
        }
        CHECK(tc_auth_headers_into(auth, (const char *)(uintptr_t)1, 0, URI, 4, 1, NULL, 0, &len, &timestamp) ==
              TC_AUTH_STATUS_INVALID_METHOD);
        CHECK(tc_auth_headers_into(auth, "GET", 3, (const char *)(uintptr_t)1, 0, 1, NULL, 0, &len, &timestamp) ==
              TC_AUTH_STATUS_INVALID_URI_FORM);
        CHECK(tc_auth_headers_into(auth, "GET", 3, NULL, 0, 1, NULL, 0, &len, &timestamp) ==
              TC_AUTH_STATUS_INVALID_URI_FORM);
        CHECK(tc_auth_headers_into(auth, "GET", SIZE_MAX, URI, 4, 1, NULL, 0, &len, &timestamp) ==
              TC_AUTH_STATUS_INVALID_ARGUMENT);
        CHECK(tc_auth_headers_into(auth, "GET", 3, URI, SIZE_MAX, 1, NULL, 0, &len, &timestamp) ==
              TC_AUTH_STATUS_INVALID_ARGUMENT);
        tc_auth_header_list_free(list);
        tc_auth_free(auth);
    }
}

/* What header_block must write, by the headers of the second that it has signed. */
static int is_block(const tc_auth *auth, const char *block)
{
    const char *second = strstr(block, "\r\nTimestamp: ");
    int64_t at = second ? strtoll(second + 13, NULL, 10) : 1;
    tc_auth_header_list *list = NULL;
    char expected[256] = "";
    CHECK((second != NULL) == (tc_auth_get_kind(auth) == TC_AUTH_KIND_HMAC));
    CHECK(tc_auth_headers_at(auth, "GET", URI, at, &list) == OK);
    for (size_t i = 0; i < tc_auth_header_list_len(list); i++) {
        strcat(expected, tc_auth_header_list_line(list, i));
        strcat(expected, "\r\n");
    }
    tc_auth_header_list_free(list);
    return strcmp(block, expected) == 0;
}

static void blocks(void)
{
    tc_auth *handles[2] = {hmac_handle(), token_handle((int64_t)time(NULL) + 1000)};
    for (int h = 0; h < 2; h++) {
        tc_auth *auth = handles[h];
        char block[256];
        size_t needed;
        int64_t before = (int64_t)time(NULL), at;
        CHECK(tc_auth_set_clock_offset(auth, 500) == OK); /* the current time is the corrected one */
        CHECK(tc_auth_header_block(auth, "get", URI, block, sizeof block) == OK && is_block(auth, block));
        needed = strlen(block);
        at = h == 0 ? strtoll(strstr(block, "Timestamp: ") + 11, NULL, 10) - 500 : before;
        CHECK(at >= before && at <= (int64_t)time(NULL));
        CHECK(tc_auth_header_block(auth, "GET", URI, NULL, 0) == TC_AUTH_STATUS_BUFFER_TOO_SMALL);
        CHECK(tc_auth_header_block(auth, "GET", URI, NULL, 1) == NULL_ARGUMENT);
        for (size_t capacity = 0; capacity <= needed + 2; capacity++) {
            /* Of exactly this size, so that valgrind finds an extra byte. */
            char *buffer = malloc(capacity ? capacity : 1);
            tc_auth_status status;
            size_t untouched = 0;
            if (!buffer)
                abort();
            memset(buffer, '#', capacity ? capacity : 1);
            status = tc_auth_header_block(auth, "GET", URI, buffer, capacity);
            if (capacity > needed) {
                CHECK(status == OK && strlen(buffer) == needed && is_block(auth, buffer));
            } else {
                while (untouched < capacity && buffer[untouched] == '#')
                    untouched++;
                CHECK(status == TC_AUTH_STATUS_BUFFER_TOO_SMALL && untouched == capacity);
            }
            free(buffer);
        }
        memset(block, '#', sizeof block);
        CHECK(tc_auth_header_block(auth, "G T", URI, block, sizeof block) == TC_AUTH_STATUS_INVALID_METHOD);
        CHECK(tc_auth_header_block(auth, "GET", "x", block, sizeof block) == TC_AUTH_STATUS_INVALID_URI_FORM);
        CHECK(tc_auth_header_block(auth, "GET", "/ ", block, sizeof block) == TC_AUTH_STATUS_INVALID_URI_BYTE);
        CHECK(tc_auth_set_api_path(auth, API_PATH) == OK);
        CHECK(tc_auth_header_block(auth, "GET", "https://other.example/", block, sizeof block) ==
              TC_AUTH_STATUS_OTHER_ORIGIN);
        if (h == 1) {
            CHECK(tc_auth_set_clock_offset(auth, 1000) == OK);
            CHECK(tc_auth_header_block(auth, "GET", URI, block, sizeof block) == TC_AUTH_STATUS_TOKEN_EXPIRED);
        }
        CHECK(block[0] == '#' && memcmp(block, block + 1, sizeof block - 1) == 0);
        tc_auth_free(auth);
    }
}

static void clocks(void)
{
    static const int64_t offsets[] = {0, 1000, -86400, 86400};
    tc_auth *auth = hmac_handle();
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        tc_auth_header_list *list = NULL;
        int64_t before, signed_at, after;
        char value[256];
        size_t len;
        CHECK(tc_auth_set_clock_offset(auth, offsets[i]) == OK);
        before = (int64_t)time(NULL);
        CHECK(tc_auth_headers(auth, "GET", URI, &list) == OK);
        after = (int64_t)time(NULL);
        signed_at = tc_auth_header_list_timestamp(list);
        CHECK(signed_at >= before + offsets[i] && signed_at <= after + offsets[i]);
        CHECK(tc_auth_verify(auth, "GET", URI, tc_auth_header_list_value(list, 0), tc_auth_header_list_value(list, 1),
                             TC_AUTH_NOW, 5) == OK);
        tc_auth_header_list_free(list);
        CHECK(tc_auth_headers_into(auth, "GET", 3, URI, strlen(URI), TC_AUTH_NOW, value, sizeof value, &len,
                                   &signed_at) == OK);
        CHECK(signed_at >= before + offsets[i] && signed_at <= (int64_t)time(NULL) + offsets[i]);
        /* The offset does not apply to a time that is passed in. */
        CHECK(tc_auth_headers_at(auth, "GET", URI, 1, &list) == OK);
        CHECK(tc_auth_header_list_timestamp(list) == 1);
        tc_auth_header_list_free(list);
    }
    tc_auth_free(auth);
}

static void tokens(void)
{
    tc_auth *auth = token_handle((int64_t)time(NULL) + 1000);
    tc_auth_header_list *list = NULL;
    char *token = NULL, *description = NULL;
    int64_t expires = -42;
    CHECK(tc_auth_headers(auth, "GET", URI, &list) == OK);
    tc_auth_header_list_free(list);

    CHECK(tc_auth_update_token(auth, "new=token", 7) == OK);
    CHECK(tc_auth_token(auth, &token, NULL) == OK && strcmp(token, "new=token") == 0);
    tc_auth_string_free(token);
    CHECK(tc_auth_token(auth, NULL, &expires) == OK && expires == 7);
    list = SENTINEL;
    CHECK(tc_auth_headers(auth, "GET", URI, &list) == TC_AUTH_STATUS_TOKEN_EXPIRED && list == SENTINEL);
    CHECK(tc_auth_headers_at(auth, "GET", URI, 6, &list) == OK);
    tc_auth_header_list_free(list);

    CHECK(tc_auth_update_token(auth, "new=token", TC_AUTH_NO_EXPIRY) == OK);
    CHECK(tc_auth_token(auth, &token, &expires) == OK && expires == TC_AUTH_NO_EXPIRY);
    CHECK(tc_auth_update_token(auth, "bad token", 1) == TC_AUTH_STATUS_INVALID_TOKEN);
    tc_auth_string_free(token);
    CHECK(tc_auth_token(auth, &token, &expires) == OK && expires == TC_AUTH_NO_EXPIRY);
    CHECK(strcmp(token, "new=token") == 0);
    tc_auth_string_free(token);

    CHECK(tc_auth_describe(auth, &description) == OK);
    CHECK(strcmp(description, "token; no expiry; source caller; api path not set") == 0);
    tc_auth_string_free(description);
    CHECK(tc_auth_update_token(auth, "new=token", 7) == OK && tc_auth_describe(auth, &description) == OK);
    CHECK(strcmp(description, "token; expires 7; source caller; api path not set") == 0);
    tc_auth_string_free(description);
    tc_auth_free(auth);
}

static void api_paths(void)
{
    tc_auth *handles[2] = {hmac_handle(), token_handle(TC_AUTH_NO_EXPIRY)};
    for (int h = 0; h < 2; h++) {
        tc_auth *auth = handles[h];
        char given[] = "https://company.example/api/";
        const char *path;
        CHECK(tc_auth_api_path(auth) == NULL);
        CHECK(tc_auth_set_api_path(auth, "company.example") == TC_AUTH_STATUS_INVALID_URI_FORM);
        CHECK(tc_auth_api_path(auth) == NULL);
        CHECK(tc_auth_set_api_path(auth, given) == OK);
        memset(given, '#', sizeof given - 1); /* it was copied */
        path = tc_auth_api_path(auth);
        CHECK(path && strcmp(path, "https://company.example/api") == 0);
        /* Valid until the handle is freed. */
        CHECK(tc_auth_set_api_path(auth, "https://other.example") == TC_AUTH_STATUS_ALREADY_SET);
        CHECK(tc_auth_set_clock_offset(auth, 1) == OK);
        CHECK(path == tc_auth_api_path(auth) && strcmp(path, "https://company.example/api") == 0);
        tc_auth_free(auth);
    }
}

static void windows(void)
{
    tc_auth *hmac = hmac_handle(), *auth = token_handle(TC_AUTH_NO_EXPIRY);
    int64_t seconds = -42;
    CHECK(tc_auth_renewal_window(hmac, &seconds) == TC_AUTH_STATUS_WRONG_KIND && seconds == -42);
    CHECK(tc_auth_renewal_window(auth, &seconds) == OK && seconds == 60);
    CHECK(tc_auth_set_renewal_window(auth, 86401) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(tc_auth_renewal_window(auth, &seconds) == OK && seconds == 60);
    CHECK(tc_auth_set_renewal_window(auth, 0) == OK);
    CHECK(tc_auth_renewal_window(auth, &seconds) == OK && seconds == 0);
    CHECK(tc_auth_set_renewal_window(auth, 86400) == OK && tc_auth_update_token(auth, "another", 1) == OK);
    CHECK(tc_auth_renewal_window(auth, &seconds) == OK && seconds == 86400);
    tc_auth_free(auth);
    tc_auth_free(hmac);
}

static void descriptions(void)
{
    tc_auth *auth = hmac_handle();
    char *description = NULL;
    CHECK(tc_auth_set_api_path(auth, "https://company.example/api/") == OK);
    CHECK(tc_auth_describe(auth, &description) == OK);
    CHECK(strcmp(description, "HMAC; access id " ID "; source caller; api path https://company.example/api") == 0);
    CHECK(strstr(description, SECRET) == NULL && strchr(description, '\n') == NULL);
    description[4] = '\0'; /* it belongs to the caller, who may change it */
    tc_auth_string_free(description);
    tc_auth_free(auth);
}

static void urls(void)
{
    tc_auth *auth = token_handle(TC_AUTH_NO_EXPIRY);
    tc_auth_url *url = NULL;
    char base[] = "/v2/indicators/urls";
    CHECK(tc_auth_set_api_path(auth, API_PATH) == OK);
    CHECK(tc_auth_url_new_for(auth, base, &url) == OK);
    tc_auth_free(auth);
    memset(base, '#', sizeof base - 1); /* it was copied */
    CHECK(tc_auth_url_add_segment(url, "http://evil.example/a?b") == OK);
    CHECK(tc_auth_url_add_query(url, "owner", "Common Community") == OK);
    CHECK(strcmp(tc_auth_url_string(url),
                 "https://company.example/api/v2/indicators/urls/http%3A%2F%2Fevil.example%2Fa%3Fb"
                 "?owner=Common%20Community") == 0);
    tc_auth_url_free(url);

    /* A URL's own string may be added to it, although adding may move the string. */
    CHECK(tc_auth_url_new("/a", &url) == OK);
    CHECK(tc_auth_url_add_segment(url, tc_auth_url_string(url)) == OK);
    CHECK(strcmp(tc_auth_url_string(url), "/a/%2Fa") == 0);
    for (int i = 0; i < 6; i++)
        CHECK(tc_auth_url_add_segment(url, tc_auth_url_string(url)) == OK);
    CHECK(tc_auth_url_add_query(url, "self", tc_auth_url_string(url)) == OK);
    CHECK(tc_auth_url_add_query(url, tc_auth_url_string(url), "self") == OK);
    CHECK(strlen(tc_auth_url_string(url)) > 1000);
    tc_auth_url_free(url);
}

static tc_auth *due_handle(void)
{
    tc_auth *auth = token_handle(1);
    CHECK(tc_auth_set_api_path(auth, "https://company.example/api/") == OK);
    return auth;
}

static void check_token(tc_auth *auth, const char *expected)
{
    char *token = NULL;
    CHECK(tc_auth_token(auth, &token, NULL) == OK && strcmp(token, expected) == 0);
    tc_auth_string_free(token);
}

static void renewals(void)
{
    tc_auth *auth = due_handle(), *hmac = hmac_handle(), *plain = token_handle(1);
    tc_auth_renewal *ticket = due_ticket(auth), *other = SENTINEL;
    char *message = SENTINEL;
    CHECK(strcmp(tc_auth_renewal_url(ticket), "https://company.example/api/appAuth?expiredToken="
                                              "2%3A1%3A-1%3A1474673195%3ApoZAT%3Asecret%3D") == 0);
    CHECK(tc_auth_renewal_poll(auth, 0, &other) == TC_AUTH_STATUS_RENEWAL_TIMEOUT && other == SENTINEL);
    CHECK(tc_auth_renewal_poll(auth, 50, &other) == TC_AUTH_STATUS_RENEWAL_TIMEOUT && other == SENTINEL);
    CHECK(tc_auth_renewal_poll(auth, -1, &other) == TC_AUTH_STATUS_INVALID_ARGUMENT && other == SENTINEL);
    CHECK(tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), &message) == OK && message == NULL);
    check_token(auth, "new");
    CHECK(tc_auth_renewal_poll(auth, INT64_MAX, &other) == OK && other == NULL);

    /* Nothing to renew: always go ahead, and the output says so. */
    other = SENTINEL;
    CHECK(tc_auth_renewal_poll(hmac, 0, &other) == OK && other == NULL);
    CHECK(tc_auth_renewal_poll(hmac, INT64_MIN, &other) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    other = SENTINEL;
    CHECK(tc_auth_renewal_poll(plain, 0, &other) == OK && other == NULL);
    CHECK(tc_auth_set_renewal_window(hmac, 60) == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(tc_auth_set_renewal_window(plain, 86400) == OK);
    CHECK(tc_auth_set_renewal_window(plain, 86401) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(tc_auth_set_renewal_window(plain, -1) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    tc_auth_free(plain);
    tc_auth_free(hmac);
    tc_auth_free(auth);
}

static void renewal_answers(void)
{
    static const char refused[] = "{\"success\":false,\"message\":\"no\\nway: " TOKEN "\"}";
    tc_auth *auth = due_handle();
    tc_auth_renewal *other = SENTINEL;
    char *message = SENTINEL;

    /* The ticket is freed and the message is set, whatever the status. */
    CHECK(tc_auth_renewal_complete(NULL, 200, "", 0, &message) == NULL_ARGUMENT && message == NULL);
    message = SENTINEL;
    CHECK(tc_auth_renewal_complete(due_ticket(auth), 200, NULL, 1, &message) == NULL_ARGUMENT && message == NULL);
    other = SENTINEL;
    CHECK(tc_auth_renewal_poll(auth, 0, &other) == OK && other == NULL); /* no caller waits for it any more */
    tc_auth_free(auth);
    auth = due_handle();
    CHECK(tc_auth_renewal_complete(due_ticket(auth), 200, "", SIZE_MAX, NULL) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    tc_auth_free(auth);

    auth = due_handle();
    CHECK(tc_auth_renewal_complete(due_ticket(auth), 401, refused, strlen(refused), &message) ==
          TC_AUTH_STATUS_RENEWAL_REFUSED);
    CHECK(message && strcmp(message, "no way: ***") == 0);
    tc_auth_string_free(message);
    tc_auth_free(auth);

    auth = due_handle();
    CHECK(tc_auth_renewal_complete(due_ticket(auth), 502, "<html>", 6, &message) ==
          TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE);
    CHECK(message == NULL);
    check_token(auth, TOKEN);
    tc_auth_free(auth);
}

static void tickets_and_handles(void)
{
    tc_auth *auth = due_handle();
    tc_auth_renewal *late = due_ticket(auth), *orphan;
    char *message = SENTINEL;
    CHECK(tc_auth_update_token(auth, "from elsewhere", 0) == TC_AUTH_STATUS_INVALID_TOKEN);
    CHECK(tc_auth_update_token(auth, "elsewhere", 1) == OK);
    CHECK(tc_auth_renewal_complete(late, 500, "x", 1, &message) == OK); /* another token was set meanwhile */
    tc_auth_string_free(message);
    check_token(auth, "elsewhere");

    orphan = due_ticket(auth);
    tc_auth_free(auth);
    CHECK(strcmp(tc_auth_renewal_url(orphan), "https://company.example/api/appAuth?expiredToken=elsewhere") == 0);
    CHECK(tc_auth_renewal_complete(orphan, 200, GOOD, strlen(GOOD), NULL) == OK);

    auth = due_handle();
    orphan = due_ticket(auth);
    tc_auth_free(auth);
    tc_auth_renewal_cancel(orphan);
}

/* What the handle seals, and what another handle then says to it. */
static char *sealed_by(const tc_auth *auth, const char *key)
{
    char *sealed = NULL;
    CHECK(tc_auth_seal(auth, key, &sealed) == OK && sealed);
    return sealed;
}

static int32_t unsealed(tc_auth *auth, const char *sealed, const char *key)
{
    int32_t outcome = -42;
    CHECK(tc_auth_unseal(auth, sealed, strlen(sealed), key, &outcome) == OK);
    return outcome;
}

static int32_t needed(const tc_auth_renewal *ticket)
{
    int32_t answer = -42;
    CHECK(tc_auth_renewal_needed(ticket, &answer) == OK);
    return answer;
}

/* Two handles as in two processes; one of them renews, the other is about to. */
static void families(void)
{
    tc_auth *one = due_handle(), *two = due_handle(), *other = NULL, *hmac = hmac_handle();
    char *family = NULL, *same = SENTINEL, *first = sealed_by(one, NULL), *again = sealed_by(two, NULL), *newer;
    tc_auth_renewal *ticket, *none = SENTINEL;
    int32_t outcome = -42;
    CHECK(tc_auth_family(one, &family) == OK && strlen(family) == 32);
    CHECK(tc_auth_family(two, &same) == OK && strcmp(family, same) == 0);
    CHECK(strcmp(first, again) == 0 && strncmp(first, "TC1.0000000000000000.", 21) == 0);
    CHECK(unsealed(two, first, NULL) == TC_AUTH_UNSEALED_SAME);
    tc_auth_string_free(again);
    tc_auth_string_free(same);

    ticket = due_ticket(two);
    CHECK(needed(ticket) == 1);
    CHECK(tc_auth_renewal_complete(due_ticket(one), 200, GOOD, strlen(GOOD), NULL) == OK);
    newer = sealed_by(one, "old");
    CHECK(strncmp(newer, "TC1.0000000000000001.", 21) == 0);
    /* The same status, whatever is wrong. */
    CHECK(tc_auth_unseal(two, newer, strlen(newer), NULL, &outcome) == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(tc_auth_unseal(two, newer, strlen(newer), "new", &outcome) == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(tc_auth_unseal(two, newer, strlen(newer) - 1, "old", &outcome) == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(tc_auth_unseal(two, newer, strlen(newer) + 1, "old", &outcome) == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(tc_auth_unseal(two, "TC2.x", 5, "old", &outcome) == TC_AUTH_STATUS_SEAL_VERSION);
    CHECK(tc_auth_unseal(hmac, newer, strlen(newer), "old", &outcome) == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(tc_auth_new_token("another", TC_AUTH_NO_EXPIRY, &other) == OK);
    CHECK(tc_auth_unseal(other, newer, strlen(newer), "old", &outcome) == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(outcome == -42 && needed(ticket) == 1);
    check_token(two, TOKEN);

    CHECK(unsealed(two, newer, "new\r\nold\r\n") == TC_AUTH_UNSEALED_ADOPTED);
    check_token(two, "new");
    CHECK(needed(ticket) == 0);
    CHECK(unsealed(two, newer, "old") == TC_AUTH_UNSEALED_SAME);
    CHECK(unsealed(two, first, NULL) == TC_AUTH_UNSEALED_OLDER);
    check_token(two, "new");
    /* Too late: the token that the ticket was made for is gone. */
    CHECK(tc_auth_renewal_complete(ticket, 401, "{\"success\":false}", 17, NULL) == OK);
    CHECK(tc_auth_renewal_poll(two, 0, &none) == OK && none == NULL);

    /* A later expiry is newer, but no other token. */
    CHECK(tc_auth_update_token(two, "new", 1000) == OK);
    again = sealed_by(two, NULL);
    CHECK(strncmp(again, "TC1.0000000000000001.", 21) == 0);
    CHECK(unsealed(one, again, NULL) == TC_AUTH_UNSEALED_OLDER);
    CHECK(unsealed(two, newer, "old") == TC_AUTH_UNSEALED_ADOPTED);
    CHECK(unsealed(two, newer, "old") == TC_AUTH_UNSEALED_SAME);
    tc_auth_string_free(again);

    CHECK(tc_auth_update_token(two, "even newer", 1) == TC_AUTH_STATUS_INVALID_TOKEN);
    CHECK(tc_auth_update_token(two, "newest", 1) == OK);
    tc_auth_string_free(newer);
    newer = sealed_by(two, NULL);
    CHECK(unsealed(one, newer, NULL) == TC_AUTH_UNSEALED_ADOPTED);
    ticket = due_ticket(one);
    CHECK(needed(ticket) == 1);
    tc_auth_free(one);
    CHECK(needed(ticket) == 0);
    tc_auth_renewal_cancel(ticket);

    CHECK(tc_auth_family(hmac, &same) == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(tc_auth_seal(hmac, NULL, &same) == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(tc_auth_seal(two, "", &same) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(tc_auth_seal(two, "a\nb\nc\nd\ne", &same) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    tc_auth_string_free(family);
    tc_auth_string_free(newer);
    tc_auth_string_free(first);
    tc_auth_free(other);
    tc_auth_free(hmac);
    tc_auth_free(two);
}

/* A handle as another process has it. */
static tc_auth *member(const char *key)
{
    tc_auth *auth = due_handle();
    CHECK(tc_auth_share_in(auth, shared_directory, key) == OK);
    return auth;
}

/* The handle goes on without a ticket, and then has this token. */
static int adopts(tc_auth *auth, const char *token)
{
    tc_auth_renewal *none = SENTINEL;
    CHECK(tc_auth_renewal_poll(auth, 0, &none) == OK && none == NULL);
    check_token(auth, token);
    return 1;
}

static void sharing(void)
{
    tc_auth *one, *two, *late = due_handle(), *hmac = hmac_handle();
    tc_auth_renewal *ticket, *none = SENTINEL;
    int32_t advice = -42;
    const char *rejected = "{\"message\":\"Unauthorized\"}";
    char blocker[400];
    const struct timespec a_second = {1, 100000000};
    begin_sharing();
    CHECK(tc_auth_share_in(NULL, shared_directory, NULL) == NULL_ARGUMENT);
    CHECK(tc_auth_share_in(late, NULL, NULL) == NULL_ARGUMENT);
    CHECK(tc_auth_share_in(hmac, shared_directory, NULL) == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(tc_auth_share_in(late, shared_directory, "a\n\nb") == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(tc_auth_share_in(late, "", NULL) == TC_AUTH_STATUS_STORE_IO);
    CHECK(tc_auth_share_in(late, "/missing/directory", NULL) == TC_AUTH_STATUS_STORE_IO);
    one = member("key");
    two = member("key\r\nnew key\r\n");
    CHECK(tc_auth_share_in(one, shared_directory, "key") == TC_AUTH_STATUS_ALREADY_SET);
    CHECK(tc_auth_share_in(late, shared_directory, NULL) == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(tc_auth_share_in(late, shared_directory, "new key") == TC_AUTH_STATUS_SEAL_INVALID);

    ticket = due_ticket(one);
    CHECK(tc_auth_renewal_poll(two, 100, &none) == TC_AUTH_STATUS_RENEWAL_TIMEOUT && none == SENTINEL);
    CHECK(tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), NULL) == OK);
    CHECK(adopts(two, "new"));
    CHECK(tc_auth_share_in(late, shared_directory, "key") == OK);
    check_token(late, "new");

    /* Before "Unauthorized" is judged, a newer token is looked for. */
    CHECK(tc_auth_update_token(two, "third", TC_AUTH_NO_EXPIRY) == OK);
    CHECK(tc_auth_review(one, "TC-Token new", 12, 0, 401, NULL, rejected, strlen(rejected), &advice) == OK);
    CHECK(advice == TC_AUTH_ADVICE_RETRY);
    check_token(one, "third");

    /* The temporary file can't be written: the token counts, and is saved later. */
    strcpy(blocker, shared_file(one, "token.new"));
    CHECK(make_directory(blocker) == 0);
    CHECK(tc_auth_update_token(one, "fourth", TC_AUTH_NO_EXPIRY) == TC_AUTH_STATUS_STORE_IO);
    check_token(one, "fourth");
    CHECK(adopts(one, "fourth") && adopts(two, "third"));
    CHECK(remove_directory(blocker) == 0);
    nanosleep(&a_second, NULL);
    CHECK(adopts(one, "fourth") && adopts(two, "fourth"));

    /* A handle that is freed while its ticket is out saves what arrives. */
    CHECK(tc_auth_update_token(one, "fifth", 1) == OK);
    ticket = due_ticket(one);
    tc_auth_free(one);
    CHECK(tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), NULL) == OK);
    CHECK(adopts(two, "new") && adopts(late, "new"));
    tc_auth_free(hmac);
    tc_auth_free(two);
    end_sharing(late);
}

/* Whether this is the state, and the seconds are within the range. */
static int is_state(const tc_auth *auth, int32_t wanted, int64_t least, int64_t most)
{
    int32_t state = -42, again = -42;
    int64_t seconds = -42;
    CHECK(tc_auth_token_state(auth, &state, &seconds) == OK && tc_auth_token_state(auth, &again, NULL) == OK);
    if (state == wanted && again == wanted && seconds >= least && seconds <= most)
        return 1;
    fprintf(stderr, "state %d, %" PRId64 " seconds\n", (int)state, seconds);
    return 0;
}

static void refuse(tc_auth *auth)
{
    static const char refused[] = "{\"success\":false}";
    CHECK(tc_auth_renewal_complete(due_ticket(auth), 401, refused, strlen(refused), NULL) ==
          TC_AUTH_STATUS_RENEWAL_REFUSED);
}

static int32_t rejected(tc_auth *auth, const char *sent)
{
    int32_t advice = -42;
    CHECK(tc_auth_review(auth, sent, strlen(sent), TC_AUTH_NO_TIMESTAMP, 401, NULL, "", 0, &advice) == OK);
    return advice;
}

static void states(void)
{
    int64_t now = (int64_t)time(NULL);
    tc_auth *hmac = hmac_handle(), *auth = token_handle(now + 1000), *fixed = NULL;
    tc_auth_renewal *ticket;
    CHECK(is_state(hmac, TC_AUTH_STATE_NONE, 0, 0));

    /* Without an API path, and with a token of the other kind. */
    CHECK(is_state(auth, TC_AUTH_STATE_NOT_RENEWABLE, 900, 1000));
    CHECK(tc_auth_update_token(auth, TOKEN, TC_AUTH_NO_EXPIRY) == OK);
    CHECK(is_state(auth, TC_AUTH_STATE_NOT_RENEWABLE, -1, -1));
    CHECK(tc_auth_update_token(auth, TOKEN, 1) == OK);
    CHECK(is_state(auth, TC_AUTH_STATE_NOT_RENEWABLE, 0, 0));
    CHECK(tc_auth_new_token("APIV2:1:2:3", now + 1000, &fixed) == OK && tc_auth_set_api_path(fixed, API_PATH) == OK);
    CHECK(is_state(fixed, TC_AUTH_STATE_NOT_RENEWABLE, 900, 1000));
    CHECK(tc_auth_set_clock_offset(fixed, 500) == OK); /* the expiry is compared with the corrected clock */
    CHECK(is_state(fixed, TC_AUTH_STATE_NOT_RENEWABLE, 400, 500));

    CHECK(tc_auth_set_api_path(auth, API_PATH) == OK && is_state(auth, TC_AUTH_STATE_DUE, 0, 0));
    CHECK(tc_auth_update_token(auth, TOKEN, TC_AUTH_NO_EXPIRY) == OK);
    CHECK(is_state(auth, TC_AUTH_STATE_VALID, -1, -1));
    CHECK(tc_auth_update_token(auth, TOKEN, now + 1000) == OK);
    CHECK(is_state(auth, TC_AUTH_STATE_VALID, 840, 940));
    CHECK(tc_auth_set_renewal_window(auth, 300) == OK && is_state(auth, TC_AUTH_STATE_VALID, 600, 700));
    CHECK(tc_auth_set_renewal_window(auth, 60) == OK && tc_auth_set_clock_offset(auth, 500) == OK);
    CHECK(is_state(auth, TC_AUTH_STATE_VALID, 340, 440)); /* so is the time when it is due */
    CHECK(tc_auth_set_clock_offset(auth, 1000) == OK && is_state(auth, TC_AUTH_STATE_DUE, 0, 0));

    ticket = due_ticket(auth);
    CHECK(is_state(auth, TC_AUTH_STATE_UNDER_WAY, 110, 120)); /* and due */
    tc_auth_renewal_cancel(ticket);
    CHECK(is_state(auth, TC_AUTH_STATE_PAUSED, 1, 10));
    CHECK(tc_auth_set_clock_offset(auth, 0) == OK && is_state(auth, TC_AUTH_STATE_VALID, 840, 940)); /* not due */

    /* Refused is refused, whatever the expiry, until the token is replaced. */
    CHECK(tc_auth_update_token(auth, "another", 1) == OK);
    refuse(auth);
    CHECK(is_state(auth, TC_AUTH_STATE_REFUSED, 0, 0));
    CHECK(tc_auth_update_token(auth, "another", now + 1000) == OK && is_state(auth, TC_AUTH_STATE_REFUSED, 900, 1000));
    CHECK(tc_auth_update_token(auth, "another", TC_AUTH_NO_EXPIRY) == OK);
    CHECK(is_state(auth, TC_AUTH_STATE_REFUSED, -1, -1));
    CHECK(tc_auth_update_token(auth, TOKEN, TC_AUTH_NO_EXPIRY) == OK && is_state(auth, TC_AUTH_STATE_VALID, -1, -1));

    /* A rejected token is due at once, and after a pause if a renewal has just delivered it. */
    CHECK(rejected(auth, "TC-Token " TOKEN) == TC_AUTH_ADVICE_RETRY && is_state(auth, TC_AUTH_STATE_DUE, 0, 0));
    CHECK(tc_auth_renewal_complete(due_ticket(auth), 200, GOOD, strlen(GOOD), NULL) == OK);
    CHECK(rejected(auth, "TC-Token new") == TC_AUTH_ADVICE_TOKEN_REJECTED);
    CHECK(is_state(auth, TC_AUTH_STATE_PAUSED, 1, 10));
    tc_auth_free(fixed);
    tc_auth_free(auth);
    tc_auth_free(hmac);
}

enum { THREADS = 8, ROUNDS = 3000 };

static void *sign_and_check(void *argument)
{
    tc_auth *auth = argument;
    intptr_t wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char value[256];
        size_t len = 0;
        int64_t timestamp = 0;
        if (into(auth, value, sizeof value, &len, &timestamp) != OK)
            wrong++;
        else if (tc_auth_get_kind(auth) == TC_AUTH_KIND_HMAC)
            wrong += strcmp(value, "TC " ID ":WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=") != 0;
        else /* one token or the other, never a mixture */
            wrong += strcmp(value, "TC-Token " TOKEN) != 0 && strcmp(value, "TC-Token another") != 0;
    }
    return (void *)wrong;
}

static void *replace_token(void *argument)
{
    intptr_t wrong = 0;
    for (int i = 0; i < ROUNDS; i++)
        wrong += tc_auth_update_token(argument, i % 2 ? TOKEN : "another", TC_AUTH_NO_EXPIRY) != OK;
    return (void *)wrong;
}

static void threads(void)
{
    tc_auth *handles[2] = {hmac_handle(), token_handle(TC_AUTH_NO_EXPIRY)};
    for (int h = 0; h < 2; h++) {
        pthread_t thread[THREADS];
        for (int i = 0; i < THREADS; i++) {
            int writer = h == 1 && i == 0;
            CHECK(pthread_create(&thread[i], NULL, writer ? replace_token : sign_and_check, handles[h]) == 0);
        }
        for (int i = 0; i < THREADS; i++) {
            void *wrong = SENTINEL;
            CHECK(pthread_join(thread[i], &wrong) == 0);
            CHECK(wrong == NULL);
        }
        tc_auth_free(handles[h]);
    }
}

#ifndef _WIN32 /* no fork() there */

static int stop;

static void *keep_busy(void *argument)
{
    tc_auth **handles = argument;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        char value[256];
        size_t len;
        int64_t timestamp;
        tc_auth_renewal *renewal = NULL;
        if (into(handles[0], value, sizeof value, &len, &timestamp) != OK ||
            into(handles[1], value, sizeof value, &len, &timestamp) != OK ||
            tc_auth_update_token(handles[1], "another", TC_AUTH_NO_EXPIRY) != OK ||
            tc_auth_renewal_poll(handles[1], 0, &renewal) != OK)
            return SENTINEL;
    }
    return NULL;
}

/* In the child, no other thread runs, so a lock that one of them held would never be released. */
static void forks(void)
{
    tc_auth *handles[2] = {hmac_handle(), token_handle(TC_AUTH_NO_EXPIRY)};
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, keep_busy, handles) == 0);
    fflush(NULL);
    for (int i = 0; i < 40; i++) {
        int state = -1;
        pid_t child = fork();
        if (child == 0) {
            char value[256];
            size_t len;
            int64_t timestamp;
            tc_auth_status status;
            alarm(10);
            status = into(handles[0], value, sizeof value, &len, &timestamp);
            tc_auth_free(handles[1]);
            tc_auth_free(handles[0]);
            /* Not _exit(): a leak checker would then report the memory of the parent's other threads. */
            execl("/bin/sh", "sh", "-c", status == OK ? "exit 0" : "exit 1", (char *)NULL);
            _exit(1);
        }
        CHECK(child > 0 && waitpid(child, &state, 0) == child);
        CHECK(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++) {
        void *wrong = SENTINEL;
        CHECK(pthread_join(thread[i], &wrong) == 0);
        CHECK(wrong == NULL);
    }
    tc_auth_free(handles[1]);
    tc_auth_free(handles[0]);
}

#endif

int main(void)
{
    unsetenv("TC_TOKEN"); /* the tests must find only what they set */
    unsetenv("TC_API_ACCESS_ID");
    unsetenv("TC_API_SECRET_KEY");
    unsetenv("TC_APP_PARAM_FILE");
    versions();
    names();
    header_lists();
    embedded_nul();
    buffers();
    blocks();
    clocks();
    tokens();
    api_paths();
    windows();
    descriptions();
    urls();
    renewals();
    renewal_answers();
    tickets_and_handles();
    families();
    sharing();
    states();
    threads();
#ifndef _WIN32
    forks();
#endif
    return check_summary("test_abi");
}
