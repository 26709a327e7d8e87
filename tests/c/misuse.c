/* Every function with every wrong argument, alone and in pairs, and all orders of calls on the same objects. Undefined
 * behaviour by the header is left out; planted_faults.c has some of it. */
#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE /* for mkdtemp */
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>

#include "check.h"
#include "directory.h"
#include "environment.h"
#include "samples.h"

#define JSON "{\"tc_token\":\"a\"}"
#define PARAMETER_FILE "tests/vectors/params/aes128"
#define PARAMETER_KEY "ajfmuyodhscwegea"
#define INVALID_ARGUMENT TC_AUTH_STATUS_INVALID_ARGUMENT
#define INVALID_TIME TC_AUTH_STATUS_INVALID_TIME
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- one argument wrong, then two */

/* All outputs. A call that fails must not change them. */
struct outputs {
    tc_auth *auth;
    tc_auth_header_list *list;
    tc_auth_url *url;
    char *string;
    tc_auth_renewal *renewal;
    int64_t number;
    size_t len;
    int32_t advice, state;
    char buffer[256];
};

static struct outputs out, untouched;

union value {
    void *p;
    size_t len;
    int64_t n;
    int32_t i;
};

static tc_auth_status call_new_hmac(const union value *a)
{
    return tc_auth_new_hmac(a[0].p, a[1].p, a[2].p);
}
static tc_auth_status call_new_token(const union value *a)
{
    return tc_auth_new_token(a[0].p, a[1].n, a[2].p);
}
static tc_auth_status call_describe(const union value *a)
{
    return tc_auth_describe(a[0].p, a[1].p);
}
static tc_auth_status call_headers(const union value *a)
{
    return tc_auth_headers(a[0].p, a[1].p, a[2].p, a[3].p);
}
static tc_auth_status call_headers_at(const union value *a)
{
    return tc_auth_headers_at(a[0].p, a[1].p, a[2].p, a[3].n, a[4].p);
}
static tc_auth_status call_headers_into(const union value *a)
{
    return tc_auth_headers_into(a[0].p, a[1].p, a[2].len, a[3].p, a[4].len, a[5].n, a[6].p, a[7].len, a[8].p, a[9].p);
}
static tc_auth_status call_header_block(const union value *a)
{
    return tc_auth_header_block(a[0].p, a[1].p, a[2].p, a[3].p, a[4].len);
}
static tc_auth_status call_string_to_sign(const union value *a)
{
    return tc_auth_string_to_sign(a[0].p, a[1].p, a[2].n, a[3].p);
}
static tc_auth_status call_verify(const union value *a)
{
    return tc_auth_verify(a[0].p, a[1].p, a[2].p, a[3].p, a[4].p, a[5].n, a[6].n);
}
static tc_auth_status call_update_token(const union value *a)
{
    return tc_auth_update_token(a[0].p, a[1].p, a[2].n);
}
static tc_auth_status call_token(const union value *a)
{
    return tc_auth_token(a[0].p, a[1].p, a[2].p);
}
static tc_auth_status call_set_renewal_window(const union value *a)
{
    return tc_auth_set_renewal_window(a[0].p, a[1].n);
}
static tc_auth_status call_renewal_window(const union value *a)
{
    return tc_auth_renewal_window(a[0].p, a[1].p);
}
static tc_auth_status call_token_state(const union value *a)
{
    return tc_auth_token_state(a[0].p, a[1].p, a[2].p);
}
static tc_auth_status call_renewal_poll(const union value *a)
{
    return tc_auth_renewal_poll(a[0].p, a[1].n, a[2].p);
}
static tc_auth_status call_renewal_complete(const union value *a)
{
    return tc_auth_renewal_complete(a[0].p, a[1].i, a[2].p, a[3].len, a[4].p);
}
static tc_auth_status call_renewal_needed(const union value *a)
{
    tc_auth_status status = tc_auth_renewal_needed(a[0].p, a[1].p);
    tc_auth_renewal_cancel(a[0].p);
    return status;
}
static tc_auth_status call_family(const union value *a)
{
    return tc_auth_family(a[0].p, a[1].p);
}
static tc_auth_status call_seal(const union value *a)
{
    return tc_auth_seal(a[0].p, a[1].p, a[2].p);
}
static tc_auth_status call_unseal(const union value *a)
{
    return tc_auth_unseal(a[0].p, a[1].p, a[2].len, a[3].p, a[4].p);
}
static tc_auth_status call_share_in(const union value *a)
{
    return tc_auth_share_in(a[0].p, a[1].p, a[2].p);
}
static tc_auth_status call_review(const union value *a)
{
    return tc_auth_review(a[0].p, a[1].p, a[2].len, a[3].n, a[4].i, a[5].p, a[6].p, a[7].len, a[8].p);
}
static tc_auth_status call_set_api_path(const union value *a)
{
    return tc_auth_set_api_path(a[0].p, a[1].p);
}
static tc_auth_status call_set_clock_offset(const union value *a)
{
    return tc_auth_set_clock_offset(a[0].p, a[1].n);
}
static tc_auth_status call_clock_offset(const union value *a)
{
    return tc_auth_clock_offset(a[0].p, a[1].p);
}
static tc_auth_status call_from_json(const union value *a)
{
    return tc_auth_from_json(a[0].p, a[1].len, a[2].p);
}
static tc_auth_status call_from_args(const union value *a)
{
    return tc_auth_from_args(a[0].i, a[1].p, a[2].p);
}
static tc_auth_status call_from_env(const union value *a)
{
    return tc_auth_from_env(a[0].p);
}
static tc_auth_status call_from_param_file(const union value *a)
{
    return tc_auth_from_param_file(a[0].p, a[1].p, a[2].p);
}
static tc_auth_status call_discover(const union value *a)
{
    return tc_auth_discover(a[0].i, a[1].p, a[2].p, a[3].p);
}
static tc_auth_status call_url_new(const union value *a)
{
    return tc_auth_url_new(a[0].p, a[1].p);
}
static tc_auth_status call_url_new_for(const union value *a)
{
    return tc_auth_url_new_for(a[0].p, a[1].p, a[2].p);
}
static tc_auth_status call_url_add_segment(const union value *a)
{
    return tc_auth_url_add_segment(a[0].p, a[1].p);
}
static tc_auth_status call_url_add_query(const union value *a)
{
    return tc_auth_url_add_query(a[0].p, a[1].p, a[2].p);
}

/* The kind of an argument, which decides what can be wrong with it. */
enum kind {
    NONE,
    HMAC,
    BEARER,
    BARE, /* HMAC, without an API path */
    URL,
    TICKET,
    STRING,
    BYTES,
    LENGTH, /* of the BYTES before it */
    CAPACITY,
    NUMBER,
    NUMBER32,
    ARGC,
    ARGV,
    OUTPUT
};

/* `status` is that of a wrong value. With ANY, other tests check the status, and here only PANIC is wrong. */
#define ANY ((tc_auth_status)1000)

struct argument {
    enum kind kind;
    const void *text;       /* of a STRING or BYTES */
    int64_t good, low, high; /* of a number, and the accepted range */
    tc_auth_status status;
    int may_be_null;
};

#define HANDLE(kind, with_the_other) {kind, NULL, 0, 0, 0, with_the_other, 0}
#define GIVEN(text) {STRING, text, 0, 0, 0, ANY, 0}
#define GIVEN_OR_NULL(text, without) {STRING, text, 0, 0, 0, without, 1}
#define GIVEN_WITH_LENGTH(text) \
    {BYTES, text, 0, 0, 0, ANY, 0}, {LENGTH, NULL, sizeof(text) - 1, 0, 0, INVALID_ARGUMENT, 0}
#define WHOLE(good, low, high, status) {NUMBER, NULL, good, low, high, status, 0}
#define TIME(good, low) WHOLE(good, low, 99999999999, INVALID_TIME)
#define RESULT(member) {OUTPUT, &out.member, 0, 0, 0, OK, 0}
#define RESULT_OR_NULL(member) {OUTPUT, &out.member, 0, 0, 0, OK, 1}

/* What a handle with TOKEN seals; filled at the start. */
static char sealed[385];

static char *arguments[] = {"program", "--tc_token", "a", NULL};

#define FUNCTION(name) #name, call_##name

static const struct function {
    const char *name;
    tc_auth_status (*call)(const union value *);
    tc_auth_status good; /* what the call with good arguments returns */
    struct argument arguments[10];
} functions[] = {
    {FUNCTION(new_hmac), OK, {GIVEN(ID), GIVEN(SECRET), RESULT(auth)}},
    {FUNCTION(new_token), OK, {GIVEN(TOKEN), TIME(0, 0), RESULT(auth)}},
    {FUNCTION(describe), OK, {HANDLE(HMAC, OK), RESULT(string)}},
    {FUNCTION(headers), OK, {HANDLE(HMAC, OK), GIVEN("GET"), GIVEN(URI), RESULT(list)}},
    {FUNCTION(headers_at), OK, {HANDLE(HMAC, OK), GIVEN("GET"), GIVEN(URI), TIME(1, TC_AUTH_NOW), RESULT(list)}},
    {FUNCTION(headers_into),
     OK,
     {HANDLE(HMAC, OK),
      GIVEN_WITH_LENGTH("GET"),
      GIVEN_WITH_LENGTH(URI),
      TIME(1, TC_AUTH_NOW),
      RESULT(buffer),
      {CAPACITY, NULL, sizeof out.buffer, 0, 0, TC_AUTH_STATUS_BUFFER_TOO_SMALL, 0},
      RESULT(len),
      RESULT(number)}},
    {FUNCTION(header_block),
     OK,
     {HANDLE(HMAC, OK),
      GIVEN("GET"),
      GIVEN(URI),
      RESULT(buffer),
      {CAPACITY, NULL, sizeof out.buffer, 0, 0, TC_AUTH_STATUS_BUFFER_TOO_SMALL, 0}}},
    {FUNCTION(string_to_sign), OK, {GIVEN("GET"), GIVEN(URI), TIME(1, 0), RESULT(string)}},
    {FUNCTION(verify),
     TC_AUTH_STATUS_SIGNATURE_MISMATCH,
     {HANDLE(HMAC, TC_AUTH_STATUS_MALFORMED_AUTHORIZATION), GIVEN("GET"), GIVEN(URI),
      GIVEN_OR_NULL("TC " ID ":WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCkt=", TC_AUTH_STATUS_MALFORMED_AUTHORIZATION),
      GIVEN_OR_NULL("1", TC_AUTH_STATUS_MALFORMED_AUTHORIZATION), TIME(1, TC_AUTH_NOW),
      WHOLE(300, 0, 86400, INVALID_ARGUMENT)}},
    {FUNCTION(update_token), OK, {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), GIVEN("other"), TIME(0, 0)}},
    {FUNCTION(token), OK, {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), RESULT_OR_NULL(string), RESULT_OR_NULL(number)}},
    {FUNCTION(set_renewal_window),
     OK,
     {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), WHOLE(60, 0, 86400, INVALID_ARGUMENT)}},
    {FUNCTION(renewal_window), OK, {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), RESULT(number)}},
    {FUNCTION(token_state), OK, {HANDLE(BEARER, OK), RESULT(state), RESULT_OR_NULL(number)}},
    {FUNCTION(renewal_poll), OK, {HANDLE(BEARER, OK), WHOLE(0, 0, INT64_MAX, INVALID_ARGUMENT), RESULT(renewal)}},
    {FUNCTION(renewal_complete),
     OK,
     {{TICKET, NULL, 0, 0, 0, OK, 0},
      {NUMBER32, NULL, 200, 200, 299, TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE, 0},
      GIVEN_WITH_LENGTH(GOOD),
      RESULT_OR_NULL(string)}},
    {FUNCTION(renewal_needed), OK, {{TICKET, NULL, 0, 0, 0, OK, 0}, RESULT(advice)}},
    {FUNCTION(family), OK, {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), RESULT(string)}},
    {FUNCTION(seal), OK, {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), GIVEN_OR_NULL("key", OK), RESULT(string)}},
    {FUNCTION(unseal),
     OK,
     {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), GIVEN_WITH_LENGTH(sealed),
      GIVEN_OR_NULL("key", TC_AUTH_STATUS_SEAL_INVALID), RESULT(advice)}},
    {FUNCTION(share_in),
     OK,
     {HANDLE(BEARER, TC_AUTH_STATUS_WRONG_KIND), GIVEN(shared_directory),
      GIVEN_OR_NULL("key", TC_AUTH_STATUS_SEAL_INVALID)}},
    {FUNCTION(review),
     OK,
     {HANDLE(HMAC, TC_AUTH_STATUS_MALFORMED_AUTHORIZATION),
      GIVEN_WITH_LENGTH("TC a:b"),
      WHOLE(1, INT64_MIN, INT64_MAX, OK),
      {NUMBER32, NULL, 401, INT32_MIN, INT32_MAX, OK, 0},
      GIVEN_OR_NULL("Mon, 20 Nov 1995 19:12:08 GMT", OK),
      GIVEN_WITH_LENGTH("Unauthorized"),
      RESULT(advice)}},
    {FUNCTION(set_api_path), OK, {HANDLE(BARE, OK), GIVEN(API_PATH)}},
    {FUNCTION(set_clock_offset), OK, {HANDLE(HMAC, OK), WHOLE(0, -86400, 86400, INVALID_ARGUMENT)}},
    {FUNCTION(clock_offset), OK, {HANDLE(HMAC, OK), RESULT(number)}},
    {FUNCTION(from_json), OK, {GIVEN_WITH_LENGTH(JSON), RESULT(auth)}},
    {FUNCTION(from_args),
     OK,
     {{ARGC, NULL, 3, 1, 3, INVALID_ARGUMENT, 0}, {ARGV, arguments, 0, 0, 0, OK, 0}, RESULT(auth)}},
    {FUNCTION(from_env), TC_AUTH_STATUS_NO_CREDENTIALS, {RESULT(auth)}},
    {FUNCTION(from_param_file), OK, {GIVEN(PARAMETER_FILE), GIVEN(PARAMETER_KEY), RESULT(auth)}},
    {FUNCTION(discover),
     OK,
     {{ARGC, NULL, 3, 1, 3, INVALID_ARGUMENT, 0},
      {ARGV, arguments, 0, 0, 0, OK, 0},
      RESULT_OR_NULL(string),
      RESULT(auth)}},
    {FUNCTION(url_new), OK, {GIVEN("/"), RESULT(url)}},
    {FUNCTION(url_new_for), OK, {HANDLE(HMAC, OK), GIVEN("/"), RESULT(url)}},
    {FUNCTION(url_add_segment), OK, {{URL, NULL, 0, 0, 0, OK, 0}, GIVEN("x")}},
    {FUNCTION(url_add_query), OK, {{URL, NULL, 0, 0, 0, OK, 0}, GIVEN("x"), GIVEN("y")}},
};

enum { MOST_ARGUMENTS = 10, MOST_VARIANTS = 24, LONG_TEXT = 1 << 20 };
static char empty[] = "", high_bytes[] = "\x80\xff\xfe", line_break[] = "a\r\nb", longest[LONG_TEXT + 1];
static tc_auth *due; /* a response to a renewal is only processed while its handle exists */

/* A value, and what the call returns if the others are good. */
struct variant {
    enum kind kind; /* the kind of handle to create */
    union value value;
    tc_auth_status status;
};

static const int64_t numbers[] = {INT64_MIN, INT32_MIN, -86401,    -86400,    -2,          -1,           0,        1,
                                  86400,     86401,     INT32_MAX, 1LL << 31, 99999999999, 100000000000, INT64_MAX};

/* The good value first. A forbidden NULL is NULL_ARGUMENT; a handle is created for each call. */
static size_t variants_of(const struct function *f, const struct argument *a, struct variant *v)
{
    size_t count = 0;
    memset(v, 0, MOST_VARIANTS * sizeof *v);
    v[count].kind = a->kind;
    v[count].status = f->good;
    switch (a->kind) {
    case HMAC:
    case BEARER:
        v[++count].kind = a->kind == HMAC ? BEARER : HMAC;
        v[count].status = a->status == OK ? f->good : a->status;
        /* fall through */
    case BARE:
    case URL:
    case TICKET:
        v[++count].kind = NONE;
        v[count].value.p = NULL;
        v[count].status = NULL_ARGUMENT;
        break;
    case STRING:
        v[++count].value.p = empty;
        v[++count].value.p = high_bytes;
        v[++count].value.p = line_break;
        v[++count].value.p = longest;
        for (size_t i = 1; i <= count; i++)
            v[i].status = ANY;
        /* fall through */
    case BYTES:
    case OUTPUT:
    case ARGV:
        v[0].value.p = (void *)(uintptr_t)a->text;
        v[++count].value.p = NULL;
        v[count].status = !a->may_be_null ? NULL_ARGUMENT : a->kind == STRING ? a->status : f->good;
        break;
    case LENGTH:
        v[0].value.len = (size_t)a->good;
        v[++count].value.len = 0;
        v[count].status = ANY;
        v[++count].value.len = (size_t)PTRDIFF_MAX + 1;
        v[count].status = INVALID_ARGUMENT;
        v[++count].value.len = SIZE_MAX;
        v[count].status = INVALID_ARGUMENT;
        break;
    case CAPACITY: /* a capacity above the buffer's size can't be detected */
        v[0].value.len = (size_t)a->good;
        v[++count].value.len = 0;
        v[count].status = a->status;
        v[++count].value.len = 1;
        v[count].status = a->status;
        v[++count].value.len = SIZE_MAX;
        v[count].status = f->good;
        break;
    case NUMBER:
        v[0].value.n = a->good;
        for (size_t i = 0; i < COUNT(numbers); i++) {
            v[++count].value.n = numbers[i];
            v[count].status = numbers[i] >= a->low && numbers[i] <= a->high ? f->good : a->status;
        }
        break;
    case NUMBER32:
    case ARGC:
        v[0].value.i = (int32_t)a->good;
        for (size_t i = 0; i < COUNT(numbers); i++) {
            /* A count above the number of arguments can't be detected. */
            if (numbers[i] < INT32_MIN || numbers[i] > (a->kind == ARGC ? 0 : INT32_MAX))
                continue;
            v[++count].value.i = (int32_t)numbers[i];
            v[count].status = numbers[i] >= a->low && numbers[i] <= a->high ? f->good : a->status;
            if (a->kind == ARGC && numbers[i] == 0)
                v[count].status = TC_AUTH_STATUS_NO_CREDENTIALS;
        }
        break;
    case NONE: break;
    }
    return count + 1;
}

static void *made(enum kind kind)
{
    tc_auth *auth = NULL;
    tc_auth_url *url = NULL;
    tc_auth_renewal *ticket = NULL;
    switch (kind) {
    case HMAC:
        CHECK(tc_auth_new_hmac(ID, SECRET, &auth) == OK && tc_auth_set_api_path(auth, API_PATH) == OK);
        return auth;
    case BARE: CHECK(tc_auth_new_hmac(ID, SECRET, &auth) == OK); return auth;
    case BEARER:
        CHECK(tc_auth_new_token(TOKEN, TC_AUTH_NO_EXPIRY, &auth) == OK && tc_auth_set_api_path(auth, API_PATH) == OK);
        return auth;
    case URL: CHECK(tc_auth_url_new("/", &url) == OK); return url;
    default: break;
    }
    if (kind == TICKET) {
        tc_auth_free(due);
        due = NULL;
        CHECK(tc_auth_new_token(TOKEN, 1, &due) == OK && tc_auth_set_api_path(due, API_PATH) == OK);
        CHECK(tc_auth_renewal_poll(due, 0, &ticket) == OK && ticket);
    }
    return ticket;
}

static void outputs_are_as_they_should(const char *name, tc_auth_status status)
{
    /* These are also written when the call fails. */
    if (strcmp(name, "discover") == 0 || strcmp(name, "renewal_complete") == 0) {
        if (out.string != untouched.string)
            tc_auth_string_free(out.string);
        out.string = untouched.string;
    }
    if (status == TC_AUTH_STATUS_BUFFER_TOO_SMALL && strcmp(name, "headers_into") == 0) {
        CHECK_IN(name, out.len > 2 && out.len < sizeof out.buffer);
        out.len = untouched.len;
    }
    if (status != OK) {
        CHECK_IN(name, memcmp(&out, &untouched, sizeof out) == 0);
        return;
    }
    if (out.auth != untouched.auth)
        tc_auth_free(out.auth);
    if (out.list != untouched.list)
        tc_auth_header_list_free(out.list);
    if (out.url != untouched.url)
        tc_auth_url_free(out.url);
    if (out.string != untouched.string)
        tc_auth_string_free(out.string);
    if (out.renewal != untouched.renewal)
        tc_auth_renewal_cancel(out.renewal);
}

/* The call with variant v of argument i and variant w of argument j, which may be the same argument. */
static tc_auth_status call_with(const struct function *f, size_t i, const struct variant *v, size_t j,
                                const struct variant *w)
{
    union value values[MOST_ARGUMENTS];
    enum kind kinds[MOST_ARGUMENTS] = {NONE};
    struct variant good[MOST_VARIANTS];
    tc_auth_status status;
    for (size_t k = 0; k < MOST_ARGUMENTS && f->arguments[k].kind != NONE; k++) {
        const struct variant *chosen = k == i ? v : k == j ? w : good;
        if (chosen == good)
            variants_of(f, &f->arguments[k], good);
        values[k] = chosen->value;
        switch (chosen->kind) {
        case HMAC:
        case BEARER:
        case BARE:
        case URL:
        case TICKET:
            kinds[k] = chosen->kind;
            values[k].p = made(chosen->kind);
            break;
        default: break;
        }
    }
    memcpy(&out, &untouched, sizeof out);
    status = f->call(values);
    outputs_are_as_they_should(f->name, status);
    for (size_t k = 0; k < MOST_ARGUMENTS; k++)
        if (kinds[k] == URL)
            tc_auth_url_free(values[k].p);
        else if (kinds[k] != NONE && kinds[k] != TICKET)
            tc_auth_free(values[k].p);
    return status;
}

static int is_one_of(tc_auth_status status, tc_auth_status one, tc_auth_status other)
{
    return status == one || status == other || ((one == ANY || other == ANY) && status != TC_AUTH_STATUS_PANIC);
}

static void wrong_arguments(const struct function *f)
{
    struct variant v[MOST_VARIANTS], w[MOST_VARIANTS];
    long calls = 0;
    for (size_t i = 0; i < MOST_ARGUMENTS && f->arguments[i].kind != NONE; i++) {
        size_t many = variants_of(f, &f->arguments[i], v);
        for (size_t a = 0; a < many; a++) {
            tc_auth_status alone = call_with(f, i, &v[a], i, &v[a]);
            char what[64];
            snprintf(what, sizeof what, "%s, argument %d, value %d: status %d", f->name, (int)i, (int)a, (int)alone);
            CHECK_IN(what, is_one_of(alone, v[a].status, v[a].status));
            calls++;
            for (size_t j = i + 1; j < MOST_ARGUMENTS && f->arguments[j].kind != NONE; j++) {
                size_t others = variants_of(f, &f->arguments[j], w);
                for (size_t b = 0; b < others; b++) {
                    tc_auth_status both = call_with(f, i, &v[a], j, &w[b]);
                    snprintf(what, sizeof what, "%s, arguments %d and %d, values %d and %d: status %d", f->name, (int)i,
                             (int)j, (int)a, (int)b, (int)both);
                    CHECK_IN(what, is_one_of(both, v[a].status, w[b].status));
                    calls++;
                }
            }
        }
    }
    CHECK_IN(f->name, calls > 0);
}

/* Functions that return no status. */
static void nothing_for_null(void)
{
    CHECK(tc_auth_version() != NULL);
    CHECK(tc_auth_version_number() != 0);
    CHECK(tc_auth_get_kind(NULL) == TC_AUTH_KIND_NONE);
    CHECK(tc_auth_api_path(NULL) == NULL);
    CHECK(tc_auth_header_list_len(NULL) == 0);
    CHECK(tc_auth_header_list_name(NULL, 0) == NULL);
    CHECK(tc_auth_header_list_value(NULL, 0) == NULL);
    CHECK(tc_auth_header_list_line(NULL, 0) == NULL);
    CHECK(tc_auth_header_list_timestamp(NULL) == TC_AUTH_NO_TIMESTAMP);
    CHECK(tc_auth_url_string(NULL) == NULL);
    CHECK(tc_auth_renewal_url(NULL) == NULL);
    tc_auth_renewal_cancel(NULL);
    tc_auth_free(NULL);
    tc_auth_header_list_free(NULL);
    tc_auth_url_free(NULL);
    tc_auth_string_free(NULL);
}

static void messages(void)
{
    const char *unknown = tc_auth_status_message(-1);
    for (int32_t status = -2; status < 120; status++) {
        const char *message = tc_auth_status_message(status);
        int known = (status >= 0 && status <= 28) || status == 99;
        CHECK(message && *message);
        CHECK((strcmp(tc_auth_status_name(status), "UNKNOWN") != 0) == known);
        CHECK(*tc_auth_advice_name(status) && *tc_auth_advice_message(status));
        CHECK((strcmp(message, unknown) != 0) == known);
    }
    CHECK(strcmp(tc_auth_status_message(INT32_MIN), unknown) == 0);
    CHECK(strcmp(tc_auth_status_message(INT32_MAX), unknown) == 0);
}

/* What the table does not cover: empty inputs, argument lists, and outputs that are written although the call fails. */
static void what_the_table_can_not_say(void)
{
    tc_auth *auth = made(HMAC), *none = NULL;
    tc_auth_url *url = made(URL);
    char *why = high_bytes, *null_element = NULL;
    int32_t advice = -42;
    CHECK(tc_auth_new_hmac("", "", NULL) == NULL_ARGUMENT);
    CHECK(tc_auth_from_json(NULL, 0, &none) == TC_AUTH_STATUS_CONFIG_SYNTAX);
    CHECK(tc_auth_from_args(1, &null_element, &none) == NULL_ARGUMENT);
    CHECK(tc_auth_from_args(0, NULL, &none) == TC_AUTH_STATUS_NO_CREDENTIALS);
    CHECK(tc_auth_discover(-1, NULL, &why, &none) == INVALID_ARGUMENT && why == NULL);
    why = high_bytes;
    CHECK(tc_auth_discover(1, NULL, &why, &none) == NULL_ARGUMENT && why == NULL);
    why = high_bytes;
    CHECK(tc_auth_discover(0, NULL, &why, NULL) == NULL_ARGUMENT && why == NULL);
    CHECK(tc_auth_discover(0, NULL, NULL, &none) == TC_AUTH_STATUS_NO_CREDENTIALS && none == NULL);
    CHECK(tc_auth_url_add_segment(url, NULL) == NULL_ARGUMENT);
    CHECK(tc_auth_url_add_query(url, "x", NULL) == NULL_ARGUMENT && strcmp(tc_auth_url_string(url), "/") == 0);
    CHECK(tc_auth_review(auth, NULL, 0, 1, 401, NULL, "", 0, &advice) == TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
    CHECK(tc_auth_review(auth, "TC a", 4, 1, 401, NULL, NULL, 0, &advice) == OK && advice == TC_AUTH_ADVICE_UNKNOWN);
    tc_auth_url_free(url);
    tc_auth_free(auth);
}

/* ---- all orders of calls */

/* The objects of a program. Freed ones are set to NULL, as the header asks. The texts are copies of the objects'
 * strings when they were created: later calls must not change the strings. */
struct scene {
    tc_auth *hmac, *bearer;
    int has_api_path;
    tc_auth_header_list *list;
    tc_auth_url *url;
    tc_auth_renewal *ticket;
    char *string;
    char list_text[256], url_text[2048], ticket_text[256], string_text[128];
    char sealed[512]; /* empty until something is sealed */
};

static int copied(char *copy, size_t size, const char *text)
{
    return text && snprintf(copy, size, "%s", text) < (int)size;
}

/* Whether a status is possible, without knowing the calls before. */
static int fits(tc_auth_status status, const void *object, tc_auth_status one, tc_auth_status other)
{
    return object ? is_one_of(status, one, other) : status == NULL_ARGUMENT;
}

static void sign(struct scene *s, tc_auth *auth)
{
    tc_auth_header_list *made_now = s->list;
    tc_auth_status status = tc_auth_headers(auth, "GET", API_PATH "/v3", &made_now);
    CHECK(fits(status, auth, OK, auth == s->bearer ? TC_AUTH_STATUS_TOKEN_EXPIRED : OK));
    if (status == OK) {
        tc_auth_header_list_free(s->list);
        s->list = made_now;
        CHECK(copied(s->list_text, sizeof s->list_text, tc_auth_header_list_line(s->list, 0)));
    }
    CHECK(made_now == s->list);
}

static void complete(struct scene *s, int32_t http_status, const char *body)
{
    tc_auth_renewal *ticket = s->ticket;
    s->ticket = NULL;
    CHECK(fits(tc_auth_renewal_complete(ticket, http_status, body, strlen(body), NULL), ticket, OK,
               !s->bearer || http_status == 200 ? OK
               : http_status == 401             ? TC_AUTH_STATUS_RENEWAL_REFUSED
                                                : TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE));
}

enum { ORDERS = 20 };

static void do_next(struct scene *s, unsigned long what)
{
    tc_auth_status status;
    int32_t advice = -42, state = -42;
    tc_auth_renewal *ticket = NULL;
    tc_auth_url *url = NULL;
    char *string = NULL;
    switch (what) {
    case 0: sign(s, s->hmac); break;
    case 1: sign(s, s->bearer); break;
    case 2:
        tc_auth_header_list_free(s->list);
        s->list = NULL;
        break;
    case 3:
        CHECK(fits(tc_auth_token_state(s->bearer, &state, NULL), s->bearer, OK, OK));
        status = tc_auth_renewal_poll(s->bearer, 0, &ticket);
        CHECK(fits(status, s->bearer, OK, TC_AUTH_STATUS_RENEWAL_TIMEOUT));
        CHECK((status == TC_AUTH_STATUS_RENEWAL_TIMEOUT) == (state == TC_AUTH_STATE_UNDER_WAY));
        CHECK((ticket != NULL) == (state == TC_AUTH_STATE_DUE));
        CHECK(!s->bearer || (state == TC_AUTH_STATE_NOT_RENEWABLE) == !s->has_api_path);
        if (status == OK && ticket) {
            CHECK(s->has_api_path);
            /* There is a second ticket only for another token, and then the response to the first is ignored. */
            complete(s, 200, GOOD);
            CHECK(tc_auth_token(s->bearer, &string, NULL) == OK && strcmp(string, "new") != 0);
            tc_auth_string_free(string);
            s->ticket = ticket;
            CHECK(copied(s->ticket_text, sizeof s->ticket_text, tc_auth_renewal_url(ticket)));
        }
        break;
    case 4: complete(s, 200, GOOD); break;
    case 5: complete(s, 401, "{\"success\":false}"); break;
    case 6: complete(s, 500, ""); break;
    case 7:
        tc_auth_renewal_cancel(s->ticket);
        s->ticket = NULL;
        break;
    case 8:
        status = s->has_api_path ? TC_AUTH_STATUS_ALREADY_SET : OK;
        CHECK(fits(tc_auth_set_api_path(s->bearer, API_PATH), s->bearer, status, status));
        s->has_api_path = 1;
        break;
    case 9: CHECK(fits(tc_auth_update_token(s->bearer, "elsewhere", 1), s->bearer, OK, OK)); break;
    case 10:
        CHECK(fits(tc_auth_review(s->bearer, "TC-Token elsewhere", 18, TC_AUTH_NO_TIMESTAMP, 401, NULL, "", 0, &advice),
                   s->bearer, OK, OK));
        CHECK((advice == -42) == !s->bearer);
        break;
    case 11:
        status = tc_auth_url_new_for(s->bearer, "/v3", &url);
        CHECK(fits(status, s->bearer, s->has_api_path ? OK : TC_AUTH_STATUS_API_PATH_MISSING,
                   s->has_api_path ? OK : TC_AUTH_STATUS_API_PATH_MISSING));
        CHECK((url != NULL) == (status == OK));
        if (url) {
            tc_auth_url_free(s->url);
            s->url = url;
            CHECK(copied(s->url_text, sizeof s->url_text, tc_auth_url_string(url)));
        }
        break;
    case 12:
        status = tc_auth_url_add_query(s->url, "x", tc_auth_url_string(s->url) ? tc_auth_url_string(s->url) : "");
        CHECK(fits(status, s->url, OK, OK));
        CHECK(!s->url || copied(s->url_text, sizeof s->url_text, tc_auth_url_string(s->url)));
        break;
    case 13:
        tc_auth_url_free(s->url);
        s->url = NULL;
        break;
    case 14:
        tc_auth_string_free(s->string);
        s->string = NULL;
        CHECK(fits(tc_auth_token(s->bearer, &s->string, NULL), s->bearer, OK, OK));
        CHECK(!s->string || copied(s->string_text, sizeof s->string_text, s->string));
        break;
    case 15:
        tc_auth_free(s->hmac);
        s->hmac = NULL;
        break;
    case 16:
        tc_auth_free(s->bearer);
        s->bearer = NULL;
        break;
    case 17:
        CHECK(fits(tc_auth_verify(s->hmac, "GET", "/", "TC-Token elsewhere", NULL, 1, 0), s->hmac,
                   TC_AUTH_STATUS_MALFORMED_AUTHORIZATION, TC_AUTH_STATUS_MALFORMED_AUTHORIZATION));
        CHECK(fits(tc_auth_verify(s->bearer, "GET", "/", "TC 1:x", "1", 1, 0), s->bearer,
                   TC_AUTH_STATUS_MALFORMED_AUTHORIZATION, TC_AUTH_STATUS_MALFORMED_AUTHORIZATION));
        break;
    case 18:
        status = tc_auth_seal(s->bearer, NULL, &string);
        CHECK(fits(status, s->bearer, OK, OK));
        CHECK(!string || copied(s->sealed, sizeof s->sealed, string));
        tc_auth_string_free(string);
        break;
    case 19:
        /* It is of this handle, which never goes back. Only its expiry may be later than the current one. */
        status = tc_auth_unseal(s->bearer, s->sealed, strlen(s->sealed), NULL, &advice);
        CHECK(fits(status, s->bearer, *s->sealed ? OK : TC_AUTH_STATUS_SEAL_INVALID,
                   *s->sealed ? OK : TC_AUTH_STATUS_SEAL_INVALID));
        CHECK(status == OK ? advice >= TC_AUTH_UNSEALED_SAME && advice <= TC_AUTH_UNSEALED_OLDER : advice == -42);
        status = tc_auth_renewal_needed(s->ticket, &advice);
        CHECK(fits(status, s->ticket, OK, OK) && (status != OK || advice == 0 || (advice == 1 && s->bearer)));
        break;
    default: break;
    }
    CHECK(!s->list || strcmp(tc_auth_header_list_line(s->list, 0), s->list_text) == 0);
    CHECK((tc_auth_api_path(s->bearer) != NULL) == (s->bearer && s->has_api_path));
    CHECK(!s->url || strcmp(tc_auth_url_string(s->url), s->url_text) == 0);
    CHECK(!s->ticket || strcmp(tc_auth_renewal_url(s->ticket), s->ticket_text) == 0);
    CHECK(!s->string || strcmp(s->string, s->string_text) == 0);
}

static void all_orders(int length)
{
    unsigned long orders = 1;
    for (int i = 0; i < length; i++)
        orders *= ORDERS;
    for (unsigned long order = 0; order < orders; order++) {
        struct scene s;
        unsigned long rest = order;
        memset(&s, 0, sizeof s);
        CHECK(tc_auth_new_hmac(ID, SECRET, &s.hmac) == OK && tc_auth_new_token(TOKEN, 1, &s.bearer) == OK);
        /* Otherwise most orders would have nothing to renew. */
        if (order % 2) {
            do_next(&s, 8);
            do_next(&s, 3);
        }
        for (int i = 0; i < length; i++, rest /= ORDERS)
            do_next(&s, rest % ORDERS);
        tc_auth_free(s.bearer); /* before the rest, as some programs do at exit */
        tc_auth_free(s.hmac);
        tc_auth_renewal_cancel(s.ticket);
        tc_auth_header_list_free(s.list);
        tc_auth_url_free(s.url);
        tc_auth_string_free(s.string);
    }
    printf("misuse: %lu orders of %d calls\n", orders, length);
}

static void seal_the_sample(void)
{
    tc_auth *auth = made(BEARER);
    char *string = NULL;
    CHECK(tc_auth_seal(auth, "key", &string) == OK && strlen(string) + 1 == sizeof sealed);
    CHECK(copied(sealed, sizeof sealed, string));
    tc_auth_string_free(string);
    tc_auth_free(auth);
}

int main(int argc, char **argv)
{
    unsetenv("TC_TOKEN"); /* the tests must find only what they set */
    unsetenv("TC_API_ACCESS_ID");
    unsetenv("TC_API_SECRET_KEY");
    unsetenv("TC_APP_PARAM_FILE");
    memset(&untouched, 0x5a, sizeof untouched);
    memset(longest, 'a', LONG_TEXT);
    seal_the_sample();
    begin_sharing();
    nothing_for_null();
    messages();
    what_the_table_can_not_say();
    for (size_t i = 0; i < COUNT(functions); i++)
        wrong_arguments(&functions[i]);
    tc_auth_free(due);
    end_sharing(made(BEARER));
    all_orders(argc > 1 ? atoi(argv[1]) : 4);
    return check_summary("misuse");
}
