/* What session_get() of examples-c/curl_session.c leaves in the caller's response when it fails after a renewal: nothing, so
 * that a caller who logs it logs no token. Called with an API path whose token is due, and a URL of another server. */
#define main example
#include "../../examples-c/curl_session.c"
#undef main

int main(int argc, char **argv)
{
    tc_auth *auth = NULL;
    struct response response = {0};
    CURL *curl = curl_easy_init();
    int failed = argc != 2 || !curl || tc_auth_from_env(&auth) != TC_AUTH_STATUS_OK;
    failed = failed || session_get(auth, curl, argv[1], &response) != 0;
    printf("%ld %zu %s\n", response.status, response.len, response.body ? "a body" : "no body");
    clear(&response);
    curl_easy_cleanup(curl);
    tc_auth_free(auth);
    return failed;
}
