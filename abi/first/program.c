/* A program of the first version: it calls each of its functions, and must run with every later library of that SONAME.
   So it stays as it is. */
#include <stdlib.h>
#include <string.h>
#include "tc_auth.h"

#include "check.h"

#define OK TC_AUTH_STATUS_OK
#define TIME 1513703787
#define VALUE "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks="

static int same(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

static void signing(void)
{
    tc_auth *auth = NULL;
    tc_auth_header_list *list = NULL;
    char *text = NULL, buffer[128];
    size_t len = 0;
    int64_t number = 0;

    CHECK(tc_auth_new_hmac("12345678901234567890", "", &auth) == TC_AUTH_STATUS_INVALID_SECRET_KEY && !auth);
    CHECK(tc_auth_new_hmac("12345678901234567890", "tc_auth-example-secret", &auth) == OK);
    CHECK(tc_auth_get_kind(auth) == TC_AUTH_KIND_HMAC && tc_auth_get_kind(NULL) == TC_AUTH_KIND_NONE);
    CHECK(tc_auth_describe(auth, &text) == OK && text && *text && !strstr(text, "example-secret"));
    tc_auth_string_free(text);

    CHECK(tc_auth_headers_at(auth, "GET", "/api/v3/indicators", TIME, &list) == OK);
    CHECK(tc_auth_header_list_len(list) == 2 && tc_auth_header_list_timestamp(list) == TIME);
    CHECK(same(tc_auth_header_list_name(list, 0), "Authorization") && same(tc_auth_header_list_value(list, 0), VALUE));
    CHECK(same(tc_auth_header_list_line(list, 1), "Timestamp: 1513703787") && !tc_auth_header_list_line(list, 2));
    tc_auth_header_list_free(list);

    CHECK(tc_auth_headers_into(auth, "get", 3, "/api/v3/indicators", 18, TIME, buffer, sizeof buffer, &len,
                               &number) == OK);
    CHECK(same(buffer, VALUE) && len == strlen(VALUE) && number == TIME);
    CHECK(tc_auth_headers_into(auth, "GET", 3, "/", 1, TIME, buffer, 8, &len, &number) ==
          TC_AUTH_STATUS_BUFFER_TOO_SMALL);
    CHECK(tc_auth_string_to_sign("GET", "/api/v3/indicators", TIME, &text) == OK);
    CHECK(same(text, "/api/v3/indicators:GET:1513703787"));
    tc_auth_string_free(text);

    CHECK(tc_auth_verify(auth, "GET", "/api/v3/indicators", VALUE, "1513703787", TIME + 300, 300) == OK);
    CHECK(tc_auth_verify(auth, "GET", "/api/v3/indicators", VALUE, "1513703787", TIME + 301, 300) ==
          TC_AUTH_STATUS_TIMESTAMP_OUT_OF_RANGE);

    CHECK(tc_auth_set_clock_offset(auth, -7) == OK && tc_auth_clock_offset(auth, &number) == OK && number == -7);
    CHECK(tc_auth_headers(auth, "GET", "/", &list) == OK && tc_auth_header_list_timestamp(list) > TIME);
    tc_auth_header_list_free(list);
    CHECK(tc_auth_update_token(auth, "token", 0) == TC_AUTH_STATUS_WRONG_KIND);
    tc_auth_free(auth);
}

static void tokens(void)
{
    tc_auth *auth = NULL;
    tc_auth_header_list *list = NULL;
    char *token = NULL;
    int64_t expires = 0;

    CHECK(tc_auth_new_token("first+token", TIME, &auth) == OK && tc_auth_get_kind(auth) == TC_AUTH_KIND_TOKEN);
    CHECK(tc_auth_headers_at(auth, "GET", "/", TIME, &list) == TC_AUTH_STATUS_TOKEN_EXPIRED && !list);
    CHECK(tc_auth_update_token(auth, "second+token", TC_AUTH_NO_EXPIRY) == OK);
    CHECK(tc_auth_headers(auth, "GET", "/", &list) == OK);
    CHECK(same(tc_auth_header_list_value(list, 0), "TC-Token second+token"));
    CHECK(tc_auth_header_list_len(list) == 1 && tc_auth_header_list_timestamp(list) == TC_AUTH_NO_TIMESTAMP);
    tc_auth_header_list_free(list);
    CHECK(tc_auth_token(auth, &token, &expires) == OK && same(token, "second+token") && expires == TC_AUTH_NO_EXPIRY);
    tc_auth_string_free(token);
    tc_auth_free(auth);
}

static void urls(void)
{
    tc_auth *auth = NULL;
    tc_auth_header_list *list = NULL;
    tc_auth_url *url = NULL;

    CHECK(tc_auth_new_hmac("id", "key", &auth) == OK);
    CHECK(tc_auth_url_new_for(auth, "/v3", &url) == TC_AUTH_STATUS_API_PATH_MISSING && !url);
    CHECK(tc_auth_set_api_path(auth, "https://company.example/api") == OK);
    CHECK(tc_auth_url_new_for(auth, "/v3/indicators", &url) == OK);
    CHECK(tc_auth_url_add_segment(url, "a/b") == OK && tc_auth_url_add_query(url, "tql", "x = \"1\"") == OK);
    CHECK(same(tc_auth_url_string(url), "https://company.example/api/v3/indicators/a%2Fb?tql=x%20%3D%20%221%22"));
    CHECK(tc_auth_headers(auth, "GET", tc_auth_url_string(url), &list) == OK);
    tc_auth_header_list_free(list);
    list = NULL;
    tc_auth_url_free(url);
    CHECK(tc_auth_url_new("https://other.example/", &url) == OK);
    CHECK(tc_auth_headers(auth, "GET", tc_auth_url_string(url), &list) == TC_AUTH_STATUS_OTHER_ORIGIN && !list);
    tc_auth_url_free(url);
    tc_auth_free(auth);
}

int main(void)
{
    signing();
    tokens();
    urls();
    CHECK(tc_auth_version() && *tc_auth_version());
    CHECK(tc_auth_status_message(OK) && *tc_auth_status_message(-1));
    return check_summary("the first program");
}
