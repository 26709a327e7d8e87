/* The vectors, and the result of each function for each argument, through the C ABI. tests/cases.rs runs the same files
 * with the Rust API. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>

#include "check.h"
#include "environment.h"

enum from { FROM_json, FROM_args, FROM_env, FROM_param_file, FROM_discover };

enum call {
    CALL_new_hmac,
    CALL_new_token,
    CALL_headers,
    CALL_string_to_sign,
    CALL_set_api_path,
    CALL_set_clock_offset,
    CALL_update_token,
    CALL_token,
    CALL_url_new,
    CALL_url_new_for,
    CALL_url_add_segment,
    CALL_url_add_query,
    CALL_verify
};

/* A number, or a string: `text`, then `fill` repeated `times` times. */
struct argument {
    const char *text;
    size_t len;
    int fill;
    size_t times;
    int64_t number;
};

struct vector {
    const char *name, *access_id, *secret_key, *method, *uri, *string_to_sign, *authorization;
    int64_t timestamp;
};

struct fixture {
    const char *name, *access_id, *secret_key, *token, *api_path;
    int64_t expires;
};

struct test_case {
    const char *name;
    enum call call;
    const char *on;
    struct argument args[6];
    tc_auth_status status;
    const char *result;
};

struct review {
    const char *name;
    int32_t http_status;
    struct argument body;
    tc_auth_advice hmac, token;
};

struct source {
    const char *name;
    enum from from;
    struct argument json;
    int32_t argc;
    const char *argv[16], *env[8], *file, *key;
    tc_auth_status status;
    const char *describe, *why;
};

/* `expires` is TC_AUTH_NO_EXPIRY if it is unknown. */
struct sealed {
    const char *name;
    struct argument first;
    const char *family;
    struct argument key;
    int64_t generation;
    struct argument token;
    int64_t expires;
    const char *line;
};

struct refused {
    const char *name;
    struct argument first, key, line;
    tc_auth_status status;
};

#include "cases.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Initial values of outputs: a call that fails must not change them. */
static char sentinel_object;
#define SENTINEL ((void *)&sentinel_object)
#define SENTINEL_NUMBER INT64_C(-424242)

static void run_vectors(void)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const struct vector *v = &vectors[i];
        tc_auth *auth = NULL;
        tc_auth_header_list *headers = NULL;
        char *string = NULL;
        char line[4096];
        CHECK_IN(v->name, tc_auth_new_hmac(v->access_id, v->secret_key, &auth) == TC_AUTH_STATUS_OK);
        CHECK_IN(v->name, tc_auth_string_to_sign(v->method, v->uri, v->timestamp, &string) == TC_AUTH_STATUS_OK);
        CHECK_IN(v->name, string && strcmp(string, v->string_to_sign) == 0);
        CHECK_IN(v->name, tc_auth_headers_at(auth, v->method, v->uri, v->timestamp, &headers) == TC_AUTH_STATUS_OK);
        CHECK_IN(v->name, tc_auth_header_list_len(headers) == 2);
        CHECK_IN(v->name, strcmp(tc_auth_header_list_name(headers, 0), "Authorization") == 0);
        CHECK_IN(v->name, strcmp(tc_auth_header_list_value(headers, 0), v->authorization) == 0);
        snprintf(line, sizeof line, "Authorization: %s", v->authorization);
        CHECK_IN(v->name, strcmp(tc_auth_header_list_line(headers, 0), line) == 0);
        snprintf(line, sizeof line, "Timestamp: %" PRId64, v->timestamp);
        CHECK_IN(v->name, strcmp(tc_auth_header_list_line(headers, 1), line) == 0);
        CHECK_IN(v->name, strcmp(tc_auth_header_list_name(headers, 1), "Timestamp") == 0);
        CHECK_IN(v->name, strcmp(tc_auth_header_list_value(headers, 1), line + strlen("Timestamp: ")) == 0);
        CHECK_IN(v->name, tc_auth_header_list_timestamp(headers) == v->timestamp);
        /* A fragment is never sent. */
        tc_auth_status verified = strchr(v->uri, '#') ? TC_AUTH_STATUS_INVALID_URI_FORM : TC_AUTH_STATUS_OK;
        CHECK_IN(v->name, tc_auth_verify(auth, v->method, v->uri, v->authorization, line + strlen("Timestamp: "),
                                         v->timestamp, 0) == verified);
        tc_auth_header_list_free(headers);
        tc_auth_string_free(string);
        tc_auth_free(auth);
    }
}

static tc_auth *make_fixture(const char *name)
{
    for (size_t i = 0; name && i < COUNT(fixtures); i++) {
        const struct fixture *f = &fixtures[i];
        tc_auth *auth = NULL;
        if (strcmp(f->name, name) != 0)
            continue;
        if (f->token)
            CHECK_IN(name, tc_auth_new_token(f->token, f->expires, &auth) == TC_AUTH_STATUS_OK);
        else
            CHECK_IN(name, tc_auth_new_hmac(f->access_id, f->secret_key, &auth) == TC_AUTH_STATUS_OK);
        if (f->api_path)
            CHECK_IN(name, tc_auth_set_api_path(auth, f->api_path) == TC_AUTH_STATUS_OK);
        return auth;
    }
    return NULL;
}

/* A copy of exactly the argument's size, so that valgrind and sanitizers find reads past its end. */
static char *expand(const struct argument *argument, size_t *len)
{
    char *copy;
    if (!argument->text)
        return NULL;
    *len = argument->len + argument->times;
    copy = malloc(*len + 1);
    if (!copy)
        abort();
    memcpy(copy, argument->text, argument->len);
    memset(copy + argument->len, argument->fill, argument->times);
    copy[*len] = '\0';
    return copy;
}

static char *without_nul(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    memcpy(copy, text, len);
    return copy;
}

/* The call that takes lengths: it must not read past a string, and must write all or nothing. */
static tc_auth_status headers_into(const char *name, const tc_auth *auth, const char *method, size_t method_len,
                                   const char *uri, size_t uri_len, int64_t time, const char *expected)
{
    static char buffer[1 << 16], before[sizeof buffer];
    char *method_bytes = without_nul(method, method_len), *uri_bytes = without_nul(uri, uri_len);
    size_t len = 424242;
    int64_t timestamp = SENTINEL_NUMBER;
    tc_auth_status status;
    memset(buffer, '#', sizeof buffer);
    memset(before, '#', sizeof before);
    status = tc_auth_headers_into(auth, method_bytes, method_len, uri_bytes, uri_len, time, buffer, sizeof buffer, &len,
                                  &timestamp);
    if (status == TC_AUTH_STATUS_OK) {
        CHECK_IN(name, len == strlen(buffer));
        CHECK_IN(name, memcmp(buffer + len + 1, before, sizeof buffer - len - 1) == 0);
        CHECK_IN(name, timestamp == (tc_auth_get_kind(auth) == TC_AUTH_KIND_HMAC ? time : TC_AUTH_NO_TIMESTAMP));
        CHECK_IN(name, !expected || strcmp(buffer, expected) == 0);
    } else {
        CHECK_IN(name, len == 424242 && timestamp == SENTINEL_NUMBER);
        CHECK_IN(name, memcmp(buffer, before, sizeof buffer) == 0);
    }
    free(uri_bytes);
    free(method_bytes);
    return status;
}

static void run_case(const struct test_case *c)
{
    const char *name = c->name;
    size_t len[6] = {0};
    char *text[6];
    tc_auth *auth = make_fixture(c->on), *made_auth = SENTINEL;
    tc_auth_header_list *list = SENTINEL;
    tc_auth_url *url = SENTINEL;
    char *string = SENTINEL;
    const char *result = NULL;
    tc_auth_status status = TC_AUTH_STATUS_PANIC;
    int good = c->status == TC_AUTH_STATUS_OK;
    for (size_t i = 0; i < 6; i++)
        text[i] = expand(&c->args[i], &len[i]);

    switch (c->call) {
    case CALL_new_hmac: status = tc_auth_new_hmac(text[0], text[1], &made_auth); break;
    case CALL_new_token: status = tc_auth_new_token(text[0], c->args[1].number, &made_auth); break;
    case CALL_headers:
        status = headers_into(name, auth, text[0], len[0], text[1], len[1], c->args[2].number, c->result);
        if (strlen(text[0]) == len[0] && strlen(text[1]) == len[1])
            CHECK_IN(name, tc_auth_headers_at(auth, text[0], text[1], c->args[2].number, &list) == status);
        if (status == TC_AUTH_STATUS_OK)
            result = tc_auth_header_list_value(list, 0);
        break;
    case CALL_string_to_sign: status = tc_auth_string_to_sign(text[0], text[1], c->args[2].number, &string); break;
    case CALL_set_api_path: status = tc_auth_set_api_path(auth, text[0]); break;
    case CALL_set_clock_offset: {
        int64_t offset = SENTINEL_NUMBER;
        status = tc_auth_set_clock_offset(auth, c->args[0].number);
        CHECK_IN(name, tc_auth_clock_offset(auth, &offset) == TC_AUTH_STATUS_OK);
        CHECK_IN(name, offset == (good ? c->args[0].number : 0));
        break;
    }
    case CALL_update_token: status = tc_auth_update_token(auth, text[0], c->args[1].number); break;
    case CALL_token: {
        int64_t expires = SENTINEL_NUMBER;
        status = tc_auth_token(auth, &string, &expires);
        CHECK_IN(name, (expires != SENTINEL_NUMBER) == good);
        break;
    }
    case CALL_url_new: status = tc_auth_url_new(text[0], &url); break;
    case CALL_url_new_for: status = tc_auth_url_new_for(auth, text[0], &url); break;
    case CALL_url_add_segment:
    case CALL_url_add_query:
        CHECK_IN(name, tc_auth_url_new(c->on, &url) == TC_AUTH_STATUS_OK);
        status = c->call == CALL_url_add_segment ? tc_auth_url_add_segment(url, text[0])
                                                 : tc_auth_url_add_query(url, text[0], text[1]);
        if (status != TC_AUTH_STATUS_OK) {
            CHECK_IN(name, strcmp(tc_auth_url_string(url), c->on) == 0);
            tc_auth_url_free(url);
            url = SENTINEL;
        }
        break;
    case CALL_verify:
        status = tc_auth_verify(auth, text[0], text[1], text[2], text[3], c->args[4].number, c->args[5].number);
        break;
    }

    CHECK_IN(name, status == c->status);
    if (status == TC_AUTH_STATUS_OK) {
        if (made_auth != SENTINEL)
            tc_auth_free(made_auth);
        if (url != SENTINEL)
            result = tc_auth_url_string(url);
        if (string != SENTINEL)
            result = string;
        CHECK_IN(name, !c->result || (result && strcmp(result, c->result) == 0));
        if (url != SENTINEL)
            tc_auth_url_free(url);
        if (string != SENTINEL)
            tc_auth_string_free(string);
        if (list != SENTINEL)
            tc_auth_header_list_free(list);
    } else {
        CHECK_IN(name, made_auth == SENTINEL && list == SENTINEL && url == SENTINEL && string == SENTINEL);
    }
    for (size_t i = 0; i < 6; i++)
        free(text[i]);
    tc_auth_free(auth);
}

static void run_reviews(void)
{
    for (size_t i = 0; i < COUNT(reviews); i++) {
        const struct review *r = &reviews[i];
        const char *on[2] = {"hmac", "token"}, *sent[2] = {"TC 1:x=", "TC-Token API:5:fixture+token/with=:colons:"};
        size_t len = 0;
        char *text = expand(&r->body, &len), *body = without_nul(text, len);
        for (int kind = 0; kind < 2; kind++) {
            tc_auth *auth = make_fixture(on[kind]);
            int32_t advice = -42;
            CHECK_IN(r->name, tc_auth_review(auth, sent[kind], strlen(sent[kind]), 1700000000, r->http_status, NULL,
                                             body, len, &advice) == TC_AUTH_STATUS_OK);
            CHECK_IN(r->name, advice == (int32_t)(kind == 0 ? r->hmac : r->token));
            tc_auth_free(auth);
        }
        free(body);
        free(text);
    }
}

static tc_auth *handle_of(const struct argument *first)
{
    size_t len = 0;
    char *token = expand(first, &len);
    tc_auth *auth = NULL;
    CHECK(tc_auth_new_token(token, TC_AUTH_NO_EXPIRY, &auth) == TC_AUTH_STATUS_OK);
    free(token);
    return auth;
}

static void run_sealed(void)
{
    for (size_t i = 0; i < COUNT(sealed); i++) {
        const struct sealed *s = &sealed[i];
        size_t len = 0;
        char *key = expand(&s->key, &len), *token = expand(&s->token, &len);
        char *line = without_nul(s->line, strlen(s->line)), *family = NULL, *current = NULL, *again = NULL;
        tc_auth *auth = handle_of(&s->first);
        int32_t outcome = -42;
        int64_t expires = SENTINEL_NUMBER;
        CHECK_IN(s->name, tc_auth_family(auth, &family) == TC_AUTH_STATUS_OK && strcmp(family, s->family) == 0);
        CHECK_IN(s->name, tc_auth_unseal(auth, line, strlen(s->line), key, &outcome) == TC_AUTH_STATUS_OK);
        CHECK_IN(s->name, outcome == (s->generation || s->expires ? TC_AUTH_UNSEALED_ADOPTED : TC_AUTH_UNSEALED_SAME));
        CHECK_IN(s->name, tc_auth_token(auth, &current, &expires) == TC_AUTH_STATUS_OK);
        CHECK_IN(s->name, strcmp(current, token) == 0 && expires == s->expires);
        CHECK_IN(s->name, tc_auth_seal(auth, key, &again) == TC_AUTH_STATUS_OK && strcmp(again, s->line) == 0);
        tc_auth_string_free(again);
        tc_auth_string_free(current);
        tc_auth_string_free(family);
        tc_auth_free(auth);
        free(line);
        free(token);
        free(key);
    }
}

static void run_refused(void)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        const struct refused *r = &refused[i];
        size_t len = 0;
        char *key = expand(&r->key, &len), *text = expand(&r->line, &len), *line = without_nul(text, len);
        tc_auth *auth = handle_of(&r->first);
        int32_t outcome = -42;
        CHECK_IN(r->name, tc_auth_unseal(auth, line, len, key, &outcome) == r->status && outcome == -42);
        tc_auth_free(auth);
        free(line);
        free(text);
        free(key);
    }
}

/* Sets the environment to exactly that of the case. */
static void set_environment(const struct source *s, const char *path)
{
    static const char *const names[] = {"TC_TOKEN",          "TC_TOKEN_EXPIRES",  "TC_API_PATH",     "TC_API_ACCESS_ID",
                                        "TC_API_SECRET_KEY", "TC_APP_PARAM_FILE", "TC_APP_PARAM_KEY"};
    for (size_t i = 0; i < COUNT(names); i++)
        unsetenv(names[i]);
    for (size_t i = 0; i < COUNT(s->env) && s->env[i]; i++) {
        char name[64];
        const char *equals = strchr(s->env[i], '=');
        snprintf(name, sizeof name, "%.*s", (int)(equals - s->env[i]), s->env[i]);
        CHECK_IN(s->name, setenv(name, equals + 1, 1) == 0);
    }
    if (s->from == FROM_discover && s->file)
        CHECK_IN(s->name, setenv("TC_APP_PARAM_FILE", path, 1) == 0);
    if (s->from == FROM_discover && s->key)
        CHECK_IN(s->name, setenv("TC_APP_PARAM_KEY", s->key, 1) == 0);
}

static void run_source(const struct source *s, const char *directory, const char *large)
{
    size_t len = 0;
    char *text = expand(&s->json, &len), *json = text ? without_nul(text, len) : NULL, path[1024] = "";
    char *argv[COUNT(s->argv)], *why = SENTINEL;
    tc_auth *auth = SENTINEL;
    tc_auth_status status = TC_AUTH_STATUS_PANIC;
    for (int32_t i = 0; i < s->argc; i++)
        argv[i] = (char *)(uintptr_t)s->argv[i];
    if (s->file && strcmp(s->file, "large") == 0)
        snprintf(path, sizeof path, "%s", large);
    else if (s->file)
        snprintf(path, sizeof path, "%s%s%s", *s->file == '/' ? "" : directory, *s->file == '/' ? "" : "/", s->file);
    set_environment(s, path);
    switch (s->from) {
    case FROM_json: status = tc_auth_from_json(json, len, &auth); break;
    case FROM_args: status = tc_auth_from_args(s->argc, argv, &auth); break;
    case FROM_env: status = tc_auth_from_env(&auth); break;
    case FROM_param_file: status = tc_auth_from_param_file(path, s->key, &auth); break;
    case FROM_discover:
        status = tc_auth_discover(s->argc, argv, &why, &auth);
        CHECK_IN(s->name, !s->why || strcmp(why, s->why) == 0);
        tc_auth_string_free(why);
        why = SENTINEL;
        break;
    }
    CHECK_IN(s->name, status == s->status);
    CHECK_IN(s->name, (auth != SENTINEL) == (status == TC_AUTH_STATUS_OK));
    if (auth != SENTINEL) {
        char *description = NULL;
        CHECK_IN(s->name, tc_auth_describe(auth, &description) == TC_AUTH_STATUS_OK);
        CHECK_IN(s->name, !s->describe || strcmp(description, s->describe) == 0);
        tc_auth_string_free(description);
        tc_auth_free(auth);
    }
    free(json);
    free(text);
}

/* directory: of the parameter files. One that is too large for the repository is created beside the program. */
static void run_sources(const char *program, const char *directory)
{
    char large[1024];
    FILE *file;
    snprintf(large, sizeof large, "%s.large", program);
    file = fopen(large, "wb");
    CHECK(file && fseek(file, 1 << 20, SEEK_SET) == 0 && fputc(0, file) == 0 && fclose(file) == 0);
    for (size_t i = 0; i < COUNT(sources); i++)
        run_source(&sources[i], directory, large);
    remove(large);
}

int main(int argc, char **argv)
{
    run_sources(argv[0], argc > 1 ? argv[1] : "tests/vectors/params");
    run_vectors();
    run_reviews();
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i]);
    run_sealed();
    run_refused();
    printf("test_cases: %zu vectors, %zu calls, %zu reviews, %zu sources, %zu sealed tokens, %zu refused\n",
           COUNT(vectors), COUNT(cases), COUNT(reviews), COUNT(sources), COUNT(sealed), COUNT(refused));
    return check_summary("test_cases");
}
