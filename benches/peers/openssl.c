/* Signs with OpenSSL's libcrypto: the leanest code for each of its ways to compute an HMAC, without checks and without
 * allocations of its own. ../src/peers.rs describes input and output. The first argument is the way: hmac, evp_mac or
 * sha256_ctx. */
#define OPENSSL_SUPPRESS_DEPRECATED
#define _POSIX_C_SOURCE 199309L
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *access_id, *secret_key;
static size_t access_id_len, secret_key_len;

/* After the key's padded block; for sha256_ctx. */
static SHA256_CTX inner, outer;

/* With its key; for evp_mac. */
static EVP_MAC_CTX *keyed;

struct signature {
    char authorization[256];
    char timestamp[21];
};

/* ":GET:" and the time. Returns the length. */
static size_t suffix(char text[32], struct signature *out)
{
    char digits[20];
    size_t len = 0;
    time_t rest = time(NULL);
    do
        digits[len++] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    for (size_t i = 0; i < len; i++)
        out->timestamp[i] = digits[len - 1 - i];
    out->timestamp[len] = '\0';
    memcpy(text, ":GET:", 5);
    memcpy(text + 5, out->timestamp, len);
    return 5 + len;
}

static void authorize(const unsigned char mac[32], struct signature *out)
{
    char *next = out->authorization;
    memcpy(next, "TC ", 3);
    memcpy(next + 3, access_id, access_id_len);
    next[3 + access_id_len] = ':';
    EVP_EncodeBlock((unsigned char *)next + 4 + access_id_len, mac, 32);
}

/* One call; it wants the text in one piece. */
static void with_hmac(const char *uri, size_t len, struct signature *out)
{
    char text[4096];
    unsigned char mac[32];
    memcpy(text, uri, len);
    size_t end = suffix(text + len, out);
    HMAC(EVP_sha256(), secret_key, (int)secret_key_len, (unsigned char *)text, len + end, mac, NULL);
    authorize(mac, out);
}

static void with_evp_mac(const char *uri, size_t len, struct signature *out)
{
    char text[32];
    unsigned char mac[32];
    size_t end = suffix(text, out), mac_len;
    EVP_MAC_init(keyed, NULL, 0, NULL); /* again with the same key */
    EVP_MAC_update(keyed, (const unsigned char *)uri, len);
    EVP_MAC_update(keyed, (unsigned char *)text, end);
    EVP_MAC_final(keyed, mac, &mac_len, sizeof mac);
    authorize(mac, out);
}

static void with_sha256_ctx(const char *uri, size_t len, struct signature *out)
{
    char text[32];
    unsigned char mac[32];
    size_t end = suffix(text, out);
    SHA256_CTX context = inner;
    SHA256_Update(&context, uri, len);
    SHA256_Update(&context, text, end);
    SHA256_Final(mac, &context);
    context = outer;
    SHA256_Update(&context, mac, sizeof mac);
    SHA256_Final(mac, &context);
    authorize(mac, out);
}

static void hash_key_block(SHA256_CTX *context, unsigned char pad)
{
    unsigned char block[64];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < secret_key_len; i++) /* at most 64 bytes */
        block[i] = (unsigned char)(block[i] ^ (unsigned char)secret_key[i]);
    SHA256_Init(context);
    SHA256_Update(context, block, sizeof block);
}

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    access_id = argv[2];
    secret_key = argv[3];
    access_id_len = strlen(access_id);
    secret_key_len = strlen(secret_key);
    hash_key_block(&inner, 0x36);
    hash_key_block(&outer, 0x5c);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
    keyed = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
    if (!EVP_MAC_init(keyed, (const unsigned char *)secret_key, secret_key_len, parameters))
        return 1;

    void (*sign)(const char *, size_t, struct signature *);
    if (strcmp(argv[1], "hmac") == 0)
        sign = with_hmac;
    else if (strcmp(argv[1], "evp_mac") == 0)
        sign = with_evp_mac;
    else if (strcmp(argv[1], "sha256_ctx") == 0)
        sign = with_sha256_ctx;
    else
        return 2;
    static char uri[4000];
    static struct signature signature;
    unsigned long count;
    while (scanf("%3999s %lu", uri, &count) == 2) {
        size_t len = strlen(uri);
        uint64_t start = nanoseconds();
        for (unsigned long i = 0; i < count; i++)
            sign(uri, len, &signature);
        printf("%" PRIu64 "\t%s\t%s\n", nanoseconds() - start, signature.authorization, signature.timestamp);
        fflush(stdout);
    }
    return 0;
}
