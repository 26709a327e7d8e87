/* Signing without allocation: for hot loops, and for languages that bring their own buffers. Build: make examples */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tc_auth.h>

int main(void)
{
    static const char *const uris[] = {"/api/v3/indicators?resultLimit=10", "/api/v3/groups", "/api/v3/tags/%C3%A9"};
    tc_auth *auth = NULL;
    tc_auth_status status = tc_auth_new_hmac("12345678901234567890", "tc_auth-example-secret", &auth);

    for (size_t i = 0; i < sizeof uris / sizeof *uris && status == TC_AUTH_STATUS_OK; i++) {
        char authorization[128]; /* "TC ", the access id, ":", 44 characters and a NUL; a token can be longer */
        size_t len;
        int64_t timestamp;
        status = tc_auth_headers_into(auth, "GET", strlen("GET"), uris[i], strlen(uris[i]), TC_AUTH_NOW, authorization,
                                      sizeof authorization, &len, &timestamp);
        if (status == TC_AUTH_STATUS_OK) {
            printf("Authorization: %s\n", authorization);
            if (timestamp != TC_AUTH_NO_TIMESTAMP)
                printf("Timestamp: %" PRId64 "\n", timestamp);
        } else if (status == TC_AUTH_STATUS_BUFFER_TOO_SMALL) {
            fprintf(stderr, "the buffer must hold %zu bytes\n", len + 1);
        }
    }
    if (status != TC_AUTH_STATUS_OK)
        fprintf(stderr, "%s\n", tc_auth_status_message(status));
    tc_auth_free(auth);
    return status == TC_AUTH_STATUS_OK && fflush(stdout) == 0 ? 0 : 1;
}
