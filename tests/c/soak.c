/* Threads send requests for the given time: some signed, while the clock is sometimes set wrong; most with one of many
 * tokens, whose renewals fail in all ways. A token that can't be renewed any more is replaced, as an operator would do.
 * Prints figures, and a line "failed: CHECK" for each check that failed: each request is accepted or refused for a
 * known reason, and memory and open files do not grow. For Linux, with glibc 2.33 or later.
 *
 * usage: soak SERVER ACCESS_ID SECRET_KEY SECONDS SEED [PLANT]    PLANT: a fault; see planted()
 */
#define _DEFAULT_SOURCE /* for MAP_ANONYMOUS */
#include <malloc.h>
#include <sys/mman.h>

#define main curl_session_main
#include "../../examples-c/curl_session.c"
#undef main

#include "measure.h"

enum { SIGNERS = 4, THREADS_OF_SOAK = 12, TOKENS = 32, ROUNDS = 4, PAUSE_MS = 20, LOCAL = 20 };
enum { MOST_HEAP = 16384, MOST_KIB = 1024, MOST_FAILURES = 3, LONGEST_OUTAGE = 40 };

/* A handle with a token. */
struct holder {
    tc_auth *auth;
    int failures;     /* consecutive failed renewals */
    double last_good; /* the last accepted request; under the lock */
};

struct soak {
    const char *server, *plant;
    tc_auth *hmac;
    struct holder holders[TOKENS];
    double ends;
    /* Changed by all threads, so with __atomic functions. */
    long accepted, retried, out_of_service, unanswered, renewed, failed, refused, corrected, clock, unexpected;
    /* Under the lock. */
    long set_wrong; /* how often the clock was set wrong */
    double longest_outage;
    pthread_mutex_t lock;
};

struct worker {
    struct soak *soak;
    CURL *curl;
    struct response response;
    unsigned random;
    int signs;
    long refused_for; /* the value of set_wrong at its last refusal because of the clock */
};

struct memory {
    size_t heap;
    long kib, files;
};

static int planted(const struct soak *s, const char *fault)
{
    return s->plant && strcmp(s->plant, fault) == 0;
}

static void count(long *what)
{
    __atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* Whether the whole response arrived. */
static int gets_whole(struct worker *w, const char *url, const tc_auth_header_list *headers)
{
    http_get(w->curl, url, headers, &w->response);
    return w->response.is_whole;
}

/* Gets a token from the server, as JSON like in a parameter file, which the library reads. */
static tc_auth *get_holder(struct worker *w)
{
    char url[256];
    tc_auth *auth = NULL;
    snprintf(url, sizeof url, "%s/_issue", w->soak->server);
    if (!gets_whole(w, url, NULL))
        count(&w->soak->unanswered);
    else if (tc_auth_from_json(w->response.body, w->response.len, &auth) != TC_AUTH_STATUS_OK)
        count(&w->soak->unexpected);
    return auth;
}

static void replace_token(struct worker *w, struct holder *holder)
{
    char *token = NULL;
    int64_t expires = 0;
    tc_auth *other = planted(w->soak, "outage") ? NULL : get_holder(w);
    if (!other)
        return;
    if (tc_auth_token(other, &token, &expires) != TC_AUTH_STATUS_OK ||
        tc_auth_update_token(holder->auth, token, expires) != TC_AUTH_STATUS_OK)
        count(&w->soak->unexpected);
    __atomic_store_n(&holder->failures, 0, __ATOMIC_RELAXED);
    tc_auth_string_free(token);
    tc_auth_free(other);
}

/* Planted faults in each renewal: they show that the checks find them at this rate of renewals. */
static void leak(const struct soak *s)
{
    if (planted(s, "heap"))
        memset(malloc(1024), 1, 1024);
    if (planted(s, "pages"))
        memset(mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 16384);
    if (planted(s, "files"))
        dup(1);
}

static void renew(struct worker *w, struct holder *holder)
{
    struct soak *s = w->soak;
    tc_auth_renewal *ticket = NULL;
    char *old = NULL;
    tc_auth_status status = tc_auth_renewal_poll(holder->auth, 60000, &ticket);
    if (status != TC_AUTH_STATUS_OK)
        count(&s->unexpected);
    if (!ticket)
        return;
    leak(s);
    if (tc_auth_token(holder->auth, &old, NULL) != TC_AUTH_STATUS_OK)
        count(&s->unexpected);
    http_get(w->curl, tc_auth_renewal_url(ticket), NULL, &w->response);
    status = tc_auth_renewal_complete(ticket, (int32_t)w->response.status, w->response.body, w->response.len, NULL);
    count(status == TC_AUTH_STATUS_OK                     ? &s->renewed
          : status == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE ? &s->failed
          : status == TC_AUTH_STATUS_RENEWAL_REFUSED      ? &s->refused
                                                          : &s->unexpected);
    if (status == TC_AUTH_STATUS_OK)
        __atomic_store_n(&holder->failures, 0, __ATOMIC_RELAXED);
    if (status == TC_AUTH_STATUS_OK && planted(s, "token") &&
        tc_auth_update_token(holder->auth, old, TC_AUTH_NO_EXPIRY) != TC_AUTH_STATUS_OK)
        count(&s->unexpected);
    tc_auth_string_free(old);
    /* The pause after a failure must end by itself, but usually a new token ends it, to get more renewals. */
    if (status == TC_AUTH_STATUS_RENEWAL_REFUSED ||
        (status == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE &&
         (__atomic_add_fetch(&holder->failures, 1, __ATOMIC_RELAXED) >= MOST_FAILURES || rand_r(&w->random) % 4 != 0)))
        replace_token(w, holder);
}

/* Sets the clock offset wrong by hours. */
static void set_clock_wrong(struct worker *w)
{
    struct soak *s = w->soak;
    int64_t off = 3600 + rand_r(&w->random) % (86400 - 3600);
    pthread_mutex_lock(&s->lock); /* counted before any request is refused for it */
    s->set_wrong++;
    if (tc_auth_set_clock_offset(s->hmac, rand_r(&w->random) % 2 ? off : -off) != TC_AUTH_STATUS_OK)
        count(&s->unexpected);
    pthread_mutex_unlock(&s->lock);
}

/* A URL with random bytes. NULL if the library refused to create it. */
static tc_auth_url *any_url(struct worker *w)
{
    struct soak *s = w->soak;
    char base[256], part[40];
    tc_auth_url *url = NULL;
    size_t len = 1 + (size_t)rand_r(&w->random) % (sizeof part - 1);
    int good;
    snprintf(base, sizeof base, "%s/api/v3/indicators", s->server);
    for (size_t i = 0; i < len; i++)
        part[i] = (char)(1 + rand_r(&w->random) % 255);
    part[len - 1] = '\0';
    good = tc_auth_url_new(base, &url) == TC_AUTH_STATUS_OK;
    if (good && *part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0)
        good = tc_auth_url_add_segment(url, part) == TC_AUTH_STATUS_OK;
    if (!good || tc_auth_url_add_query(url, "q", part) != TC_AUTH_STATUS_OK)
        count(&s->unexpected);
    return url;
}

static void note_good(struct soak *s, struct holder *holder)
{
    pthread_mutex_lock(&s->lock);
    if (seconds() - holder->last_good > s->longest_outage)
        s->longest_outage = seconds() - holder->last_good;
    holder->last_good = seconds();
    pthread_mutex_unlock(&s->lock);
}

/* Signs, with the secret key if holder is NULL, and sends. Nonzero if the request was accepted. */
static int request(struct worker *w, struct holder *holder)
{
    struct soak *s = w->soak;
    struct response *response = &w->response;
    tc_auth *auth = holder ? holder->auth : s->hmac;
    tc_auth_url *url = any_url(w);
    int good = 0, again = 1;
    for (int attempt = 1; attempt <= 2 && again; attempt++) {
        tc_auth_header_list *headers = NULL;
        tc_auth_status status;
        struct curl_header *date = NULL;
        const char *sent;
        int32_t advice = -1;
        long set_wrong;
        if (holder)
            renew(w, holder);
        status = tc_auth_headers(auth, "GET", tc_auth_url_string(url), &headers);
        if (status != TC_AUTH_STATUS_OK) {
            /* A token may expire in the pause after a failed renewal. */
            count(holder && status == TC_AUTH_STATUS_TOKEN_EXPIRED ? &s->out_of_service : &s->unexpected);
            break;
        }
        if (planted(s, "signature") && !holder && attempt == 1 &&
            tc_auth_url_add_query(url, "not", "signed") != TC_AUTH_STATUS_OK)
            count(&s->unexpected);
        sent = tc_auth_header_list_value(headers, 0);
        if (!gets_whole(w, tc_auth_url_string(url), headers)) {
            count(&s->unanswered); /* the server is too busy, which is not tested here */
            tc_auth_header_list_free(headers);
            break;
        }
        pthread_mutex_lock(&s->lock);
        set_wrong = s->set_wrong; /* before the review, which corrects the clock */
        pthread_mutex_unlock(&s->lock);
        /* Without TLS, the example ignores the Date; here there is no proxy, so it can be trusted. */
        if (!planted(s, "clock"))
            curl_easy_header(w->curl, "Date", 0, CURLH_HEADER, -1, &date);
        status = tc_auth_review(auth, sent, strlen(sent), tc_auth_header_list_timestamp(headers),
                                (int32_t)response->status, date ? date->value : NULL, response->body, response->len,
                                &advice);
        good = status == TC_AUTH_STATUS_OK && response->status == 200;
        again = advice == TC_AUTH_ADVICE_RETRY;
        if (again)
            count(&s->retried);
        else if (holder && advice == TC_AUTH_ADVICE_TOKEN_REJECTED)
            count(&s->out_of_service); /* the server has a newer token, whose response was lost */
        else if (!good && advice != TC_AUTH_ADVICE_CLOCK_SKEW)
            count(&s->unexpected);
        /* A thread must be refused at most once for each time that the clock was set wrong. */
        if (!holder && (again || advice == TC_AUTH_ADVICE_CLOCK_SKEW)) {
            if (w->refused_for == set_wrong)
                count(&s->clock);
            w->refused_for = set_wrong;
        }
        if (good && !holder && attempt == 2)
            count(&s->corrected);
        tc_auth_header_list_free(headers);
    }
    if (good)
        count(&s->accepted);
    if (good && holder)
        note_good(s, holder);
    tc_auth_url_free(url);
    return good;
}

/* Calls other than those for requests. */
static void use_the_rest(struct soak *s)
{
    for (int i = 0; i < LOCAL; i++) {
        tc_auth_header_list *headers = NULL;
        tc_auth *other = NULL;
        char *text = NULL;
        if (tc_auth_headers(s->hmac, "POST", "/api", &headers) != TC_AUTH_STATUS_OK ||
            tc_auth_verify(s->hmac, "POST", "/api", tc_auth_header_list_value(headers, 0),
                           tc_auth_header_list_value(headers, 1), tc_auth_header_list_timestamp(headers),
                           0) != TC_AUTH_STATUS_OK ||
            tc_auth_new_token("another", TC_AUTH_NO_EXPIRY, &other) != TC_AUTH_STATUS_OK ||
            tc_auth_describe(other, &text) != TC_AUTH_STATUS_OK)
            count(&s->unexpected);
        tc_auth_string_free(text);
        tc_auth_free(other);
        tc_auth_header_list_free(headers);
    }
}

static void start(struct worker *w)
{
    if (!(w->curl = curl_easy_init()))
        abort();
    curl_easy_setopt(w->curl, CURLOPT_MAXCONNECTS, 1L); /* otherwise each renewal leaves one more open, up to a limit */
}

static void finish(struct worker *w)
{
    curl_easy_cleanup(w->curl);
    clear(&w->response);
    memset(&w->response, 0, sizeof w->response);
}

static void *run(void *argument)
{
    struct worker *w = argument;
    start(w);
    while (seconds() < w->soak->ends) {
        if (w->signs && rand_r(&w->random) % 50 == 0)
            set_clock_wrong(w);
        request(w, w->signs ? NULL : &w->soak->holders[rand_r(&w->random) % TOKENS]);
        use_the_rest(w->soak);
        pause_ms(PAUSE_MS);
    }
    finish(w);
    return NULL;
}

/* Whatever the last renewal returned, each token must become valid again. */
static void wait_for_all(struct worker *w)
{
    struct soak *s = w->soak;
    double ended = seconds();
    for (int waiting = 1; waiting && seconds() < ended + LONGEST_OUTAGE; pause_ms(100)) {
        waiting = 0;
        for (int i = 0; i < TOKENS; i++)
            waiting |= s->holders[i].last_good < ended && !request(w, &s->holders[i]);
    }
    for (int i = 0; i < TOKENS; i++)
        if (s->holders[i].last_good < ended)
            note_good(s, &s->holders[i]); /* it was not accepted again: counts the outage until now */
}

/* Called when no other thread runs, so that the heap contains only what is kept. */
static struct memory measure(void)
{
    struct mallinfo2 heap = mallinfo2();
    struct memory now = {heap.uordblks + heap.hblkhd, resident(), entries("/proc/self/fd")};
    return now;
}

static int failed(const char *check, int is)
{
    if (is)
        printf("failed: %s\n", check);
    return is;
}

int main(int argc, char **argv)
{
    struct soak s;
    struct worker workers[THREADS_OF_SOAK], own;
    pthread_t threads[THREADS_OF_SOAK];
    struct memory first = {0, 0, 0}, last = {0, 0, 0};
    double started = seconds();
    char api_path[256];
    unsigned seed;
    if (argc < 6)
        return 2;
    memset(&s, 0, sizeof s);
    memset(workers, 0, sizeof workers);
    memset(&own, 0, sizeof own);
    pthread_mutex_init(&s.lock, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    s.server = argv[1];
    s.plant = argc > 6 ? argv[6] : NULL;
    seed = (unsigned)strtoul(argv[5], NULL, 10);
    snprintf(api_path, sizeof api_path, "%s/api", s.server);
    own.soak = &s;
    start(&own);
    if (tc_auth_new_hmac(argv[2], argv[3], &s.hmac) != TC_AUTH_STATUS_OK)
        return 2;
    for (int i = 0; i < TOKENS; i++) {
        s.holders[i].last_good = started;
        if (!(s.holders[i].auth = get_holder(&own)) ||
            tc_auth_set_api_path(s.holders[i].auth, api_path) != TC_AUTH_STATUS_OK)
            return 2;
    }
    finish(&own);
    for (int round = 1; round <= ROUNDS; round++) {
        s.ends = started + atof(argv[4]) * round / ROUNDS;
        for (int i = 0; i < THREADS_OF_SOAK; i++) {
            workers[i].soak = &s;
            workers[i].signs = i < SIGNERS;
            if (round == 1)
                workers[i].random = seed + (unsigned)i;
            if (pthread_create(&threads[i], NULL, run, &workers[i]) != 0)
                abort();
        }
        for (int i = 0; i < THREADS_OF_SOAK; i++)
            pthread_join(threads[i], NULL);
        last = measure();
        if (round == 1)
            first = last;
        printf("%.0f s: %zu bytes of heap, %ld KiB resident, %ld files, %ld accepted, %ld renewed\n",
               seconds() - started, last.heap, last.kib, last.files, s.accepted, s.renewed);
        fflush(stdout);
    }
    start(&own);
    wait_for_all(&own);
    finish(&own);
    printf("accepted %ld, retried %ld, out of service %ld, unanswered %ld, unexpected %ld\n", s.accepted, s.retried,
           s.out_of_service, s.unanswered, s.unexpected);
    printf("renewed %ld, failed %ld, refused and replaced %ld, longest outage %.1f s\n", s.renewed, s.failed, s.refused,
           s.longest_outage);
    printf("clock set wrong %ld, corrected and accepted %ld, stayed wrong %ld\n", s.set_wrong, s.corrected, s.clock);
    for (int i = 0; i < TOKENS; i++)
        tc_auth_free(s.holders[i].auth);
    tc_auth_free(s.hmac);
    curl_global_cleanup();
    return failed("heap", last.heap > first.heap + MOST_HEAP) |
           failed("resident", first.kib < 0 || last.kib - first.kib > MOST_KIB) |
           failed("files", first.files < 0 || last.files > first.files) | failed("unexpected", s.unexpected != 0) |
           failed("clock", s.clock != 0) | failed("outage", s.longest_outage > LONGEST_OUTAGE) |
           failed("idle", !s.accepted || !s.renewed || !s.failed || !s.refused || !s.corrected);
}
