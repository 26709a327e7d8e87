/* An event loop: one thread keeps 50 requests under way with libcurl, and renews the token among them, without a call that
 * waits. docs/event-loops.md explains it. Needs libcurl 7.84 or later. Build: make examples. libcurl may write to a
 * connection that is closed: a program should ignore SIGPIPE. */
#define _POSIX_C_SOURCE 200112L /* for clock_gettime() */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>
#include <time.h>

#if LIBCURL_VERSION_NUM < 0x075400
#error "libcurl 7.84 or later is needed, for curl_easy_header()"
#endif

enum { TRANSFERS = 50, MAX_WAIT_MS = 1000, OTHERS_RENEWAL_MS = 200 };

struct transfer {
    CURL *curl;
    tc_auth_header_list *headers; /* NULL for the renewal */
    struct curl_slist *lines; /* the same, for libcurl */
    int attempt; /* 1, or 2 after TC_AUTH_ADVICE_RETRY */
    int is_parked; /* it waits for a renewal */
    char *body; /* ended by NUL; NULL if it is empty */
    size_t len;
};

struct loop {
    tc_auth *auth;
    CURLM *multi;
    const char *url;
    int64_t end; /* when no more requests are started, in milliseconds like all times here */
    tc_auth_renewal *ticket; /* of the renewal that is under way */
    struct transfer renewal;
    struct transfer transfers[TRANSFERS];
    int active, parked;
    int64_t look_again; /* at the renewal of another thread */
    long requests, failed, renewals, polls, wakeups; /* wakeups: while the renewal alone was under way */
};

static int64_t now_ms(void);
static int http_get(struct loop *loop, struct transfer *transfer, const char *url);
static const char *trusted_date(const char *url, CURL *curl);
static void clear(struct transfer *transfer);

/* ---- what you copy ---- */

/* Whether a request may be signed now. Else it waits until the renewal has ended. */
static int may_sign(struct loop *loop)
{
    int32_t state = TC_AUTH_STATE_NONE;
    tc_auth_status status;
    if (loop->ticket || now_ms() < loop->look_again)
        return 0;
    /* The state costs less than a poll. But with tc_auth_share_in() only a poll sees what other processes have done. */
    if (tc_auth_token_state(loop->auth, &state, NULL) != TC_AUTH_STATUS_OK ||
        (state != TC_AUTH_STATE_DUE && state != TC_AUTH_STATE_UNDER_WAY))
        return 1; /* signing says whether the token is usable */
    loop->polls++;
    status = tc_auth_renewal_poll(loop->auth, 0, &loop->ticket); /* never wait here: nobody else would run the loop */
    if (loop->ticket && !http_get(loop, &loop->renewal, tc_auth_renewal_url(loop->ticket))) {
        tc_auth_renewal_cancel(loop->ticket);
        loop->ticket = NULL;
    }
    if (status != TC_AUTH_STATUS_OK) /* another thread renews, whose end this loop does not see */
        loop->look_again = now_ms() + OTHERS_RENEWAL_MS;
    return status == TC_AUTH_STATUS_OK && !loop->ticket;
}

/* Signs and sends a request, or parks it. */
static void start(struct loop *loop, struct transfer *transfer)
{
    tc_auth_status status;
    transfer->is_parked = !may_sign(loop);
    loop->parked += transfer->is_parked;
    if (transfer->is_parked)
        return;
    status = tc_auth_headers(loop->auth, "GET", loop->url, &transfer->headers);
    if (status != TC_AUTH_STATUS_OK)
        fprintf(stderr, "%s\n", tc_auth_status_message(status));
    if (status != TC_AUTH_STATUS_OK || !http_get(loop, transfer, loop->url))
        loop->failed++; /* and this one ends: it would fail again at once */
}

/* After each turn of the loop: those that may go on now. */
static void start_parked(struct loop *loop)
{
    for (size_t i = 0; i < TRANSFERS && loop->parked > 0 && may_sign(loop); i++)
        if (loop->transfers[i].is_parked) {
            loop->parked--;
            start(loop, &loop->transfers[i]);
        }
}

/* The response to the renewal is here, or there is none. Nobody else wakes those that are parked. */
static void renewal_ended(struct loop *loop, CURLcode code)
{
    struct transfer *renewal = &loop->renewal;
    char *message = NULL;
    long http_status = 0;
    tc_auth_status status;
    curl_easy_getinfo(renewal->curl, CURLINFO_RESPONSE_CODE, &http_status);
    /* Pass on what arrived before the transfer failed, too: it may be the whole new token. With tc_auth_share_in() this
     * waits for the disk: let another thread do it, which then wakes the loop with curl_multi_wakeup(). */
    status = tc_auth_renewal_complete(loop->ticket, (int32_t)http_status, renewal->body, renewal->len, &message);
    loop->ticket = NULL;
    loop->renewals++;
    if (status == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE && code != CURLE_OK)
        fprintf(stderr, "renewal: no response: %s\n", curl_easy_strerror(code));
    else if (status != TC_AUTH_STATUS_OK)
        fprintf(stderr, "renewal: %s %s\n", tc_auth_status_message(status), message ? message : "");
    tc_auth_string_free(message);
    clear(renewal);
}

/* A request has ended: it is sent once more if that helps, or the next one is started. */
static void request_ended(struct loop *loop, struct transfer *transfer, CURLcode code)
{
    const char *sent = tc_auth_header_list_value(transfer->headers, 0);
    int32_t advice = TC_AUTH_ADVICE_ACCEPTED;
    long http_status = 0;
    tc_auth_status status = TC_AUTH_STATUS_OK;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &http_status);
    if (http_status != 0) /* review a refusal also if its end is missing */
        status = tc_auth_review(loop->auth, sent, strlen(sent), tc_auth_header_list_timestamp(transfer->headers),
                                (int32_t)http_status, trusted_date(loop->url, transfer->curl), transfer->body,
                                transfer->len, &advice);
    clear(transfer);
    if (status == TC_AUTH_STATUS_OK && advice == TC_AUTH_ADVICE_RETRY && transfer->attempt == 1) {
        transfer->attempt = 2;
        start(loop, transfer);
        return;
    }
    loop->requests++;
    if (status != TC_AUTH_STATUS_OK || code != CURLE_OK || http_status != 200) {
        fprintf(stderr, "%s: HTTP status %ld\n", code == CURLE_OK ? "refused" : curl_easy_strerror(code), http_status);
        loop->failed++;
        return;
    }
    transfer->attempt = 1;
    if (now_ms() < loop->end)
        start(loop, transfer);
}

static void run(struct loop *loop)
{
    for (size_t i = 0; i < TRANSFERS; i++) {
        loop->transfers[i].attempt = 1;
        start(loop, &loop->transfers[i]);
    }
    while (loop->active > 0 || loop->parked > 0) {
        int64_t wait = loop->parked > 0 && !loop->ticket ? loop->look_again - now_ms() : MAX_WAIT_MS;
        int running = 0, left = 0;
        CURLMsg *done;
        /* Sleeps until a socket is ready, or libcurl has something to do, such as a request that was added. */
        curl_multi_poll(loop->multi, NULL, 0, wait < 0 ? 0 : (int)wait, NULL);
        curl_multi_perform(loop->multi, &running);
        while ((done = curl_multi_info_read(loop->multi, &left))) {
            const CURLcode code = done->data.result; /* removing the transfer frees the message */
            CURL *const curl = done->easy_handle;
            struct transfer *transfer = NULL;
            curl_easy_getinfo(curl, CURLINFO_PRIVATE, &transfer);
            curl_multi_remove_handle(loop->multi, curl);
            loop->active--;
            if (transfer == &loop->renewal)
                renewal_ended(loop, code);
            else
                request_ended(loop, transfer, code);
        }
        start_parked(loop);
        loop->wakeups += loop->ticket && loop->active == 1;
    }
}

/* ---- the rest: libcurl ---- */

/* No response is longer: a server must not take all memory. */
enum { BODY_LIMIT = 1 << 20 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t append(char *data, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    size_t more = size * count;
    char *longer;
    if (more > BODY_LIMIT - transfer->len)
        return 0; /* libcurl fails then */
    longer = realloc(transfer->body, transfer->len + more + 1);
    if (!longer)
        return 0;
    memcpy(longer + transfer->len, data, more);
    transfer->body = longer;
    transfer->len += more;
    transfer->body[transfer->len] = '\0';
    return more;
}

/* Frees what belongs to a request that has ended. The body is wiped: it may contain a token. */
static void clear(struct transfer *transfer)
{
    for (volatile char *byte = transfer->body; transfer->len > 0; transfer->len--)
        *byte++ = 0;
    free(transfer->body);
    transfer->body = NULL;
    curl_slist_free_all(transfer->lines);
    transfer->lines = NULL;
    tc_auth_header_list_free(transfer->headers);
    transfer->headers = NULL;
}

/* Adds a GET to the loop. Returns 0 if there is no memory. */
static int http_get(struct loop *loop, struct transfer *transfer, const char *url)
{
    CURL *const curl = transfer->curl;
    for (size_t i = 0; i < tc_auth_header_list_len(transfer->headers); i++) {
        struct curl_slist *longer = curl_slist_append(transfer->lines, tc_auth_header_list_line(transfer->headers, i));
        if (!longer) {
            clear(transfer);
            return 0;
        }
        transfer->lines = longer;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    /* The renewal must be sent only once: the first request invalidates the token of the second. libcurl repeats a GET
     * if a kept connection is closed, or a stream of HTTP/2 refused. So the renewal uses HTTP/1.1 on a new connection. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, transfer->headers ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, transfer->headers ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, transfer->headers ? CURL_HTTP_VERSION_NONE : CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->lines);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
    if (curl_multi_add_handle(loop->multi, curl) != CURLM_OK) {
        clear(transfer);
        return 0;
    }
    loop->active++;
    return 1;
}

/* Only the server itself may correct a clock: no plain HTTP, and no cache. */
static const char *trusted_date(const char *url, CURL *curl)
{
    struct curl_header *date = NULL, *age = NULL;
    if (strncmp(url, "https://", 8) == 0 && curl_easy_header(curl, "Age", 0, CURLH_HEADER, -1, &age) != CURLHE_OK &&
        curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK && date->amount == 1)
        return date->value;
    return NULL;
}

int main(int argc, char **argv)
{
    static struct loop loop;
    tc_auth_url *base = NULL;
    char *why = NULL;
    const long seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    /* From the arguments, a parameter file or the environment; a key pair or a token. */
    tc_auth_status status = tc_auth_discover(argc, argv, &why, &loop.auth);
    if (status == TC_AUTH_STATUS_OK) /* without an API path it would sign for any server */
        status = tc_auth_url_new_for(loop.auth, "/", &base);
    tc_auth_url_free(base);
    if (status != TC_AUTH_STATUS_OK || seconds <= 0) {
        fprintf(stderr, "usage: %s URL SECONDS [--tc_token=... and the like]\n%s (%s)\n", argv[0],
                status == TC_AUTH_STATUS_OK ? "URL and seconds are needed." : tc_auth_status_message(status),
                why ? why : "");
        tc_auth_string_free(why);
        tc_auth_free(loop.auth);
        return 2;
    }
    tc_auth_string_free(why);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    loop.multi = curl_multi_init();
    loop.url = argv[1];
    loop.end = now_ms() + seconds * 1000;
    loop.renewal.curl = curl_easy_init();
    for (size_t i = 0; i < TRANSFERS; i++)
        loop.transfers[i].curl = curl_easy_init();
    run(&loop);
    for (size_t i = 0; i < TRANSFERS; i++)
        curl_easy_cleanup(loop.transfers[i].curl);
    curl_easy_cleanup(loop.renewal.curl);
    curl_multi_cleanup(loop.multi);
    curl_global_cleanup();
    tc_auth_free(loop.auth);
    printf("%ld requests, %ld failed, %ld renewals, %ld polls, %ld wakeups during renewals\n", loop.requests,
           loop.failed, loop.renewals, loop.polls, loop.wakeups);
    return loop.failed || fflush(stdout) != 0 ? 1 : 0;
}
