/* The time to sign one request in C, beside the usual way: OpenSSL's HMAC(). Prints a Markdown table. For POSIX. */
#define _POSIX_C_SOURCE 199309L
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>
#include <time.h>

#define ROUNDS 61
#define CALLS 5000

static const char access_id[] = "12345678901234567890", secret_key[] = "tc_auth-example-secret";
static const char uri[] = "/api/v3/indicators?tql=typeName%20in%20(%22Host%22)&resultLimit=100&resultStart=1000";

static tc_auth *auth;

struct signature {
    char authorization[128], timestamp[24];
};

static void usual(struct signature *out)
{
    char text[256], base64[45];
    unsigned char mac[32];
    snprintf(out->timestamp, sizeof out->timestamp, "%lld", (long long)time(NULL));
    int len = snprintf(text, sizeof text, "%s:%s:%s", uri, "GET", out->timestamp);
    HMAC(EVP_sha256(), secret_key, (int)strlen(secret_key), (unsigned char *)text, (size_t)len, mac, NULL);
    EVP_EncodeBlock((unsigned char *)base64, mac, sizeof mac);
    snprintf(out->authorization, sizeof out->authorization, "TC %s:%s", access_id, base64);
}

static void list(struct signature *out)
{
    tc_auth_header_list *headers = NULL;
    if (tc_auth_headers(auth, "GET", uri, &headers) != TC_AUTH_STATUS_OK)
        abort();
    strcpy(out->authorization, tc_auth_header_list_value(headers, 0));
    strcpy(out->timestamp, tc_auth_header_list_value(headers, 1));
    tc_auth_header_list_free(headers);
}

static void into(struct signature *out)
{
    size_t len;
    int64_t timestamp;
    if (tc_auth_headers_into(auth, "GET", 3, uri, strlen(uri), TC_AUTH_NOW, out->authorization,
                             sizeof out->authorization, &len, &timestamp) != TC_AUTH_STATUS_OK)
        abort();
    snprintf(out->timestamp, sizeof out->timestamp, "%" PRId64, timestamp);
}

static double nanoseconds(void (*sign)(struct signature *))
{
    struct timespec start, end;
    struct signature signature;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < CALLS; i++)
        sign(&signature);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (tc_auth_verify(auth, "GET", uri, signature.authorization, signature.timestamp, TC_AUTH_NOW, 300) !=
        TC_AUTH_STATUS_OK)
        abort();
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / CALLS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*sign)(struct signature *);
    } ways[] = {{"`HMAC()` of OpenSSL", usual}, {"`tc_auth_headers`", list}, {"`tc_auth_headers_into`", into}};
    enum { WAYS = sizeof ways / sizeof *ways };
    static double times[WAYS][ROUNDS];
    if (tc_auth_new_hmac(access_id, secret_key, &auth) != TC_AUTH_STATUS_OK)
        return 1;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t way = 0; way < WAYS; way++)
            times[way][round] = nanoseconds(ways[way].sign);
    printf("| C, %zu bytes | minimum | median | times as fast |\n| --- | --- | --- | --- |\n", strlen(uri));
    for (size_t way = 0; way < WAYS; way++) {
        qsort(times[way], ROUNDS, sizeof **times, compare);
        printf("| %s | %.0f ns | %.0f ns | %.2f |\n", ways[way].name, times[way][0], times[way][ROUNDS / 2],
               times[0][0] / times[way][0]);
    }
    tc_auth_free(auth);
    return 0;
}
