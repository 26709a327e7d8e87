/* Eight threads send requests for as long as they are told to, half of them signed and half with a token whose renewals
 * fail in all ways; what can't be renewed any more is replaced, as the person would who looks after the program. Prints
 * figures; succeeds if each request was accepted, or refused for a reason that the server had, and if memory and open
 * files have not grown.
 *
 * usage: soak SERVER ACCESS_ID SECRET_KEY TOKEN LIFE SECONDS SEED [plant]    plant: a wrong signature and a leak
 */
#define _POSIX_C_SOURCE 200809L
#define main curl_session_main
#include "../../examples-c/curl_session.c"
#undef main

#include "measure.h"

enum { THREADS_OF_SOAK = 8, PAUSE_MS = 20, LOCAL = 20, MOST_KIB = 1024, LONGEST_OUTAGE = 100 };

struct soak {
    const char *server;
    tc_auth *hmac, *bearer;
    double ends;
    int planted;
    unsigned seed;
    /* Changed by all threads, so with __atomic functions. */
    long accepted, retried, out_of_service, unanswered, lost, renewed, failed, refused, wrong;
    double last_good; /* of a request with the token; under the lock */
    double longest_outage;
    pthread_mutex_t lock;
};

static void count(long *what)
{
    __atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

static void pause_ms(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* A token from elsewhere. Its JSON is that of a parameter file, so the library reads it. */
static void get_another_token(struct soak *s, CURL *curl, struct response *response)
{
    char url[256], *token = NULL;
    int64_t expires = 0;
    tc_auth *holder = NULL;
    snprintf(url, sizeof url, "%s/_issue", s->server);
    if (!http_get(curl, url, NULL, response) || tc_auth_from_json(response->body, response->len, &holder) != 0 ||
        tc_auth_token(holder, &token, &expires) != 0 || tc_auth_update_token(s->bearer, token, expires) != 0)
        count(&s->wrong);
    tc_auth_string_free(token);
    tc_auth_free(holder);
}

static void renew(struct soak *s, CURL *curl, struct response *response)
{
    tc_auth_renewal *ticket = NULL;
    tc_auth_status status = tc_auth_renewal_poll(s->bearer, 60000, &ticket);
    if (status != TC_AUTH_STATUS_OK)
        count(&s->wrong);
    if (!ticket)
        return;
    if (!http_get(curl, tc_auth_renewal_url(ticket), NULL, response)) {
        tc_auth_renewal_cancel(ticket);
        count(&s->failed);
        return;
    }
    status = tc_auth_renewal_complete(ticket, (int32_t)response->status, response->body, response->len, NULL);
    count(status == TC_AUTH_STATUS_OK                     ? &s->renewed
          : status == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE ? &s->failed
          : status == TC_AUTH_STATUS_RENEWAL_REFUSED      ? &s->refused
                                                          : &s->wrong);
    if (status == TC_AUTH_STATUS_RENEWAL_REFUSED)
        get_another_token(s, curl, response);
}

/* A URL with any bytes in it. NULL if the library refused to make one. */
static tc_auth_url *any_url(struct soak *s, unsigned *random)
{
    char base[256], part[40];
    tc_auth_url *url = NULL;
    size_t len = 1 + (size_t)rand_r(random) % (sizeof part - 1);
    int good;
    snprintf(base, sizeof base, "%s/api/v3/indicators", s->server);
    for (size_t i = 0; i < len; i++)
        part[i] = (char)(1 + rand_r(random) % 255);
    part[len - 1] = '\0';
    good = tc_auth_url_new(base, &url) == TC_AUTH_STATUS_OK;
    if (good && *part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0)
        good = tc_auth_url_add_segment(url, part) == TC_AUTH_STATUS_OK;
    if (!good || tc_auth_url_add_query(url, "q", part) != TC_AUTH_STATUS_OK)
        count(&s->wrong);
    return url;
}

/* Signs and sends; nonzero if the request was accepted. */
static int request(struct soak *s, tc_auth *auth, CURL *curl, struct response *response, unsigned *random)
{
    tc_auth_url *url = any_url(s, random);
    int good = 0;
    for (int attempt = 1; attempt <= 2 && !good; attempt++) {
        tc_auth_header_list *headers = NULL;
        tc_auth_status status;
        const char *sent;
        int32_t advice = -1;
        if (auth == s->bearer)
            renew(s, curl, response);
        status = tc_auth_headers(auth, "GET", tc_auth_url_string(url), &headers);
        if (status != TC_AUTH_STATUS_OK) {
            /* In the pause after a failed renewal a token may end. */
            count(status == TC_AUTH_STATUS_TOKEN_EXPIRED ? &s->out_of_service : &s->wrong);
            break;
        }
        if (s->planted && auth == s->hmac)
            tc_auth_url_add_query(url, "not", "signed");
        sent = tc_auth_header_list_value(headers, 0);
        if (!http_get(curl, tc_auth_url_string(url), headers, response)) {
            count(&s->unanswered); /* the server is too busy: that is not what this is about */
            tc_auth_header_list_free(headers);
            break;
        }
        status = tc_auth_review(auth, sent, strlen(sent), tc_auth_header_list_timestamp(headers),
                                (int32_t)response->status, NULL, response->body, response->len, &advice);
        if (status != TC_AUTH_STATUS_OK) {
            count(&s->wrong);
            attempt = 2;
        } else if (response->status == 200) {
            good = 1;
        } else if (auth == s->hmac || response->status != 401) {
            count(&s->wrong);
            attempt = 2;
        } else if (advice == TC_AUTH_ADVICE_RETRY) {
            count(&s->retried);
        } else {
            count(&s->out_of_service); /* the server has another token, and the answer that told it was lost */
            attempt = 2;
        }
        tc_auth_header_list_free(headers);
    }
    if (good)
        count(&s->accepted);
    tc_auth_url_free(url);
    return good;
}

static void note_token(struct soak *s, int good)
{
    pthread_mutex_lock(&s->lock);
    if (good) {
        double outage = seconds() - s->last_good;
        s->longest_outage = outage > s->longest_outage ? outage : s->longest_outage;
        s->last_good = seconds();
    }
    pthread_mutex_unlock(&s->lock);
}

/* What a program does beside its requests. */
static void use_the_rest(struct soak *s)
{
    for (int i = 0; i < LOCAL; i++) {
        tc_auth_header_list *headers = NULL;
        tc_auth *other = NULL;
        char *text = NULL;
        if (tc_auth_headers(s->hmac, "POST", "/api", &headers) != TC_AUTH_STATUS_OK ||
            tc_auth_verify(s->hmac, "POST", "/api", tc_auth_header_list_value(headers, 0),
                           tc_auth_header_list_value(headers, 1), TC_AUTH_NOW, 5) != TC_AUTH_STATUS_OK ||
            tc_auth_new_token("another", TC_AUTH_NO_EXPIRY, &other) != TC_AUTH_STATUS_OK ||
            tc_auth_describe(other, &text) != TC_AUTH_STATUS_OK)
            count(&s->wrong);
        tc_auth_string_free(text);
        tc_auth_free(other);
        if (!s->planted)
            tc_auth_header_list_free(headers);
    }
}

static void *worker(void *argument)
{
    struct soak *s = argument;
    struct response response = {0, NULL, 0, ""};
    CURL *curl = curl_easy_init();
    unsigned random = __atomic_fetch_add(&s->seed, 1, __ATOMIC_RELAXED);
    int with_token = random % 2 == 0;
    if (curl) /* else each renewal would leave one more open, up to a number */
        curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
    while (curl && seconds() < s->ends) {
        int good = request(s, with_token ? s->bearer : s->hmac, curl, &response, &random);
        if (with_token)
            note_token(s, good);
        use_the_rest(s);
        pause_ms(PAUSE_MS);
    }
    /* Whatever the last renewal has come to, the token is good again, in the end. */
    if (with_token) {
        double late = seconds() + LONGEST_OUTAGE;
        int good;
        while (!(good = request(s, s->bearer, curl, &response, &random)) && seconds() < late)
            pause_ms(100);
        note_token(s, good);
        if (!good)
            count(&s->lost);
    }
    free(response.body);
    curl_easy_cleanup(curl);
    return NULL;
}

int main(int argc, char **argv)
{
    static const char *const moments[] = {"start", "middle", "end"};
    struct soak s;
    pthread_t threads[THREADS_OF_SOAK];
    long kib[3], files[3];
    double length, started = seconds();
    char api_path[256];
    if (argc < 8)
        return 2;
    memset(&s, 0, sizeof s);
    pthread_mutex_init(&s.lock, NULL);
    s.server = argv[1];
    length = atof(argv[6]);
    s.ends = started + length;
    s.seed = (unsigned)strtoul(argv[7], NULL, 10);
    s.planted = argc > 8;
    s.last_good = started;
    snprintf(api_path, sizeof api_path, "%s/api", s.server);
    if (tc_auth_new_hmac(argv[2], argv[3], &s.hmac) != TC_AUTH_STATUS_OK ||
        tc_auth_new_token(argv[4], (int64_t)time(NULL) + atoll(argv[5]), &s.bearer) != TC_AUTH_STATUS_OK ||
        tc_auth_set_api_path(s.bearer, api_path) != TC_AUTH_STATUS_OK)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < THREADS_OF_SOAK; i++)
        if (pthread_create(&threads[i], NULL, worker, &s) != 0)
            abort();
    /* Not before every thread has renewed and waited a few times. */
    for (int i = 0; i < 3; i++) {
        pause_ms((long)(1000 * (started + length * (i == 0 ? 0.1 : i == 1 ? 0.5 : 0.98) - seconds())));
        kib[i] = resident();
        files[i] = entries("/proc/self/fd");
        printf("%s: %.0f s, %ld KiB, %ld files, %ld accepted\n", moments[i], seconds() - started, kib[i], files[i],
               __atomic_load_n(&s.accepted, __ATOMIC_RELAXED));
        fflush(stdout);
    }
    for (int i = 0; i < THREADS_OF_SOAK; i++)
        pthread_join(threads[i], NULL);
    printf("accepted %ld, retried %ld, out of service %ld, unanswered %ld, wrong %ld\n", s.accepted, s.retried,
           s.out_of_service, s.unanswered, s.wrong);
    printf("renewed %ld, failed %ld, refused and replaced %ld, lost %ld, longest outage %.1f s\n", s.renewed, s.failed,
           s.refused, s.lost, s.longest_outage);
    curl_global_cleanup();
    tc_auth_free(s.bearer);
    tc_auth_free(s.hmac);
    /* A renewal may have a connection of its own open at the one moment, and not at the other. */
    return s.wrong || s.lost || !s.accepted || s.longest_outage > LONGEST_OUTAGE || kib[0] < 0 ||
           kib[2] - kib[0] > MOST_KIB || files[2] - files[0] > THREADS_OF_SOAK;
}
