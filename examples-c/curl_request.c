/* One signed request with libcurl. Build: make examples */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <tc_auth.h>

/* Signs a GET of `url` and sends it; returns the HTTP status, or 0 if there was no answer. */
static long signed_get(const tc_auth *auth, const char *url)
{
    long http_status = 0;
    CURL *curl = curl_easy_init();
    CURLcode sent;
    struct curl_slist *lines = NULL;
    tc_auth_header_list *headers = NULL;
    tc_auth_status status = tc_auth_headers(auth, "GET", url, &headers);
    if (!curl || status != TC_AUTH_STATUS_OK) {
        fprintf(stderr, "%s\n", curl ? tc_auth_status_message(status) : "libcurl can't start");
        goto done;
    }
    for (size_t i = 0; i < tc_auth_header_list_len(headers); i++) {
        struct curl_slist *longer = curl_slist_append(lines, tc_auth_header_list_line(headers, i));
        if (!longer) {
            fprintf(stderr, "no memory\n");
            goto done;
        }
        lines = longer;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);          /* the very string that was signed ... */
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);    /* ... and no "/x/../" collapsed in it */
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L); /* another target needs other headers */
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    sent = curl_easy_perform(curl); /* writes the body to stdout */
    if (sent == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    else
        fprintf(stderr, "%s\n", curl_easy_strerror(sent));
done:
    curl_slist_free_all(lines);
    tc_auth_header_list_free(headers);
    curl_easy_cleanup(curl);
    return http_status;
}

int main(int argc, char **argv)
{
    tc_auth *auth = NULL;
    long http_status = 0;
    tc_auth_status status = tc_auth_new_hmac(getenv("TC_API_ACCESS_ID"), getenv("TC_API_SECRET_KEY"), &auth);
    if (status != TC_AUTH_STATUS_OK || argc != 2) {
        const char *problem = status == TC_AUTH_STATUS_OK ? "One URL is needed." : tc_auth_status_message(status);
        fprintf(stderr, "usage: TC_API_ACCESS_ID=... TC_API_SECRET_KEY=... %s URL\n%s\n", argv[0], problem);
        tc_auth_free(auth);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    http_status = signed_get(auth, argv[1]);
    fprintf(stderr, "HTTP status %ld\n", http_status);
    curl_global_cleanup();
    tc_auth_free(auth);
    return http_status >= 200 && http_status < 300 && fflush(stdout) == 0 ? 0 : 1;
}
