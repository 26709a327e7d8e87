/* A small client: many threads share one handle, one of them renews the token, and a refused request is sent once more if
 * that helps. Needs libcurl 7.84 or later. Build: make examples. libcurl may write to a connection that is closed: a
 * program should ignore SIGPIPE. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>

#if LIBCURL_VERSION_NUM < 0x075400
#error "libcurl 7.84 or later is needed, for curl_easy_header()"
#endif

struct response {
    long status; /* 0 if there was none */
    int is_whole; /* 0 if the transfer ended before the response did */
    char *body; /* ended by NUL; NULL if it is empty */
    size_t len;
    char date[64]; /* the Date header, if it can be trusted */
    const char *failure; /* why there is no whole response */
};

static void http_get(CURL *curl, const char *url, const tc_auth_header_list *headers, struct response *response);
static void clear(struct response *response);

/* ---- what you copy ---- */

/* Renews the token if it is this thread's turn, and waits if it is another's. */
static tc_auth_status renew_if_due(tc_auth *auth, CURL *curl)
{
    tc_auth_renewal *renewal = NULL;
    struct response response = {0}; /* not the caller's: it contains the token */
    char *message = NULL;
    /* Wait longer than the renewal itself may take (CURLOPT_TIMEOUT below). */
    tc_auth_status status = tc_auth_renewal_poll(auth, 60000, &renewal);
    if (status != TC_AUTH_STATUS_OK || !renewal)
        return status;
    http_get(curl, tc_auth_renewal_url(renewal), NULL, &response);
    /* Pass on what arrived before the transfer failed, too: it may be the whole new token, and the old one is then
     * invalid. If nothing arrived, this does the same as tc_auth_renewal_cancel(). */
    status = tc_auth_renewal_complete(renewal, (int32_t)response.status, response.body, response.len, &message);
    if (status == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE && !response.is_whole)
        fprintf(stderr, "renewal: no response: %s\n", response.failure);
    else if (status != TC_AUTH_STATUS_OK)
        fprintf(stderr, "renewal: %s %s\n", tc_auth_status_message(status), message ? message : "");
    tc_auth_string_free(message);
    clear(&response);
    return TC_AUTH_STATUS_OK; /* sign in any case: signing says whether the token is usable */
}

/* Sends a signed GET, once more if that helps. Returns the HTTP status, 0 if there was no whole response. */
static long session_get(tc_auth *auth, CURL *curl, const char *url, struct response *response)
{
    for (int attempt = 1;; attempt++) {
        tc_auth_header_list *headers = NULL;
        int32_t advice = TC_AUTH_ADVICE_ACCEPTED;
        tc_auth_status status = renew_if_due(auth, curl);
        clear(response);
        if (status == TC_AUTH_STATUS_OK)
            status = tc_auth_headers(auth, "GET", url, &headers);
        if (status == TC_AUTH_STATUS_OK)
            http_get(curl, url, headers, response);
        if (status == TC_AUTH_STATUS_OK && response->status != 0) { /* review a refusal also if its end is missing */
            const char *sent = tc_auth_header_list_value(headers, 0);
            status = tc_auth_review(auth, sent, strlen(sent), tc_auth_header_list_timestamp(headers),
                                    (int32_t)response->status, *response->date ? response->date : NULL, response->body,
                                    response->len, &advice);
        }
        tc_auth_header_list_free(headers);
        if (status != TC_AUTH_STATUS_OK)
            fprintf(stderr, "%s\n", tc_auth_status_message(status));
        else if (response->failure)
            fprintf(stderr, "%s\n", response->failure);
        if (advice != TC_AUTH_ADVICE_RETRY || attempt == 2)
            return status == TC_AUTH_STATUS_OK && response->is_whole ? response->status : 0;
    }
}

/* ---- the rest: libcurl ---- */

/* No response is longer: a server must not take all memory. */
enum { BODY_LIMIT = 16 << 20 };

static size_t append(char *data, size_t size, size_t count, void *user)
{
    struct response *response = user;
    size_t more = size * count;
    char *longer;
    if (more > BODY_LIMIT - response->len)
        return 0; /* libcurl fails then */
    longer = realloc(response->body, response->len + more + 1);
    if (!longer)
        return 0;
    memcpy(longer + response->len, data, more);
    response->body = longer;
    response->len += more;
    response->body[response->len] = '\0';
    return more;
}

/* Wipes and frees the body: it may contain a token. */
static void clear(struct response *response)
{
    for (volatile char *byte = response->body; response->len > 0; response->len--)
        *byte++ = 0;
    free(response->body);
    memset(response, 0, sizeof *response);
}

/* Sends a GET with these headers, unchanged. */
static void http_get(CURL *curl, const char *url, const tc_auth_header_list *headers, struct response *response)
{
    struct curl_slist *lines = NULL;
    struct curl_header *date = NULL, *age = NULL;
    CURLcode code;
    clear(response);
    for (size_t i = 0; i < tc_auth_header_list_len(headers); i++) {
        struct curl_slist *longer = curl_slist_append(lines, tc_auth_header_list_line(headers, i));
        if (!longer) {
            curl_slist_free_all(lines);
            response->failure = "no memory";
            return;
        }
        lines = longer;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    /* The renewal must be sent only once: the first request invalidates the token of the second. libcurl repeats a GET
     * if a kept connection is closed, or a stream of HTTP/2 refused. So the renewal uses HTTP/1.1 on a new connection. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, headers ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, headers ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, headers ? CURL_HTTP_VERSION_NONE : CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, response);
    code = curl_easy_perform(curl);
    response->is_whole = code == CURLE_OK;
    response->failure = response->is_whole ? NULL : curl_easy_strerror(code);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response->status);
    /* Only the server itself may correct a clock: no plain HTTP, and no cache. */
    if (strncmp(url, "https://", 8) == 0 && curl_easy_header(curl, "Age", 0, CURLH_HEADER, -1, &age) != CURLHE_OK &&
        curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK && date->amount == 1)
        snprintf(response->date, sizeof response->date, "%s", date->value);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL); /* they are freed now */
    curl_slist_free_all(lines);
}

enum { THREADS = 4, REQUESTS = 5 };

struct job {
    tc_auth *auth;
    const char *url;
    int failed;
};

static void *work(void *argument)
{
    struct job *job = argument;
    struct response response = {0};
    CURL *curl = curl_easy_init(); /* one for each thread; the handle of tc_auth is shared */
    for (int i = 0; i < REQUESTS; i++)
        job->failed += !curl || session_get(job->auth, curl, job->url, &response) != 200;
    clear(&response);
    curl_easy_cleanup(curl);
    return NULL;
}

int main(int argc, char **argv)
{
    tc_auth *auth = NULL;
    tc_auth_url *base = NULL;
    char *why = NULL;
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    int failed = 0;
    /* From the arguments, a parameter file or the environment; a key pair or a token. */
    tc_auth_status status = tc_auth_discover(argc, argv, &why, &auth);
    if (status == TC_AUTH_STATUS_OK) /* without an API path it would sign for any server */
        status = tc_auth_url_new_for(auth, "/", &base);
    tc_auth_url_free(base);
    if (status != TC_AUTH_STATUS_OK || argc < 2) {
        fprintf(stderr, "usage: %s URL [--tc_token=... and the like]\n%s (%s)\n", argv[0],
                status == TC_AUTH_STATUS_OK ? "One URL is needed." : tc_auth_status_message(status), why ? why : "");
        tc_auth_string_free(why);
        tc_auth_free(auth);
        return 2;
    }
    tc_auth_string_free(why);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){auth, argv[1], 0};
        if (pthread_create(&threads[i], NULL, work, &jobs[i]) != 0)
            abort();
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failed += jobs[i].failed;
    }
    curl_global_cleanup();
    tc_auth_free(auth);
    printf("%d requests, %d failed\n", THREADS * REQUESTS, failed);
    return failed || fflush(stdout) != 0 ? 1 : 0;
}
