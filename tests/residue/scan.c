/* Starts a program that handles secrets, and after each of its calls searches its registers, its stack and all other
 * writable memory for keys, tokens, plaintext, and everything that SHA-256 and AES derive from a key, in the word
 * orders that implementations use. Eight consecutive bytes are a finding; on the stack, also three separate words of a
 * hash, because a compiler may store them one by one.
 *
 * usage: scan program PROGRAM      every scenario that `PROGRAM list` names, once in a thread that has used the library
 *                                  before and once in a new thread; then its planted faults, each of which must be found
 *        scan frames PROGRAM       the same in registers and on the stack alone, for programs in an emulator, which has
 *                                  memory of its own
 *        scan once PROGRAM [ARG]... one program as it is
 *        scan planted PROGRAM [ARG]... the same, and something must be found
 *        scan text SECRET, scan hex SECRET, scan plaintext NUMBER: what the files of the test are made of
 *
 * The program says on standard output what it did, in lines of words, and waits for a line after each `check`:
 *   arena START LENGTH     (hexadecimal) memory of its own, which is not looked at
 *   check NAME STATUS REPORT   a call was made; REPORT is the address of a struct report, or 0
 *   freed                  from here on no handle is alive, so nothing of the library may hold anything
 *   shared                 from here on a handle in use may also contain the keys that it was shared with
 *   needs NAME STATUS      (of `PROGRAM needs`) some scenario must make this call with this result
 *   planted KIND PLACE     (instead of a call) what must be found at the next check
 *   want KIND              is answered with 8 bytes of that kind, or three single words, in hexadecimal: to plant them */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secrets.h"

static const char *const kinds[] = {"",          "secret-key",       "key-block", "message-schedule",
                                    "key-state", "hash-in-progress", "token",     "encoded-token",
                                    "plaintext", "file-key",         "round-key", "signature",
                                    "family",    "seal-key"};
enum kind {
    NONE,
    KEY,
    KEY_BLOCK,
    SCHEDULE,
    KEY_STATE,
    HASH,
    TOKEN,
    ENCODED,
    PLAINTEXT,
    FILE_KEY,
    ROUND_KEY,
    SIGNATURE,
    FAMILY,
    SEAL_KEY,
    KINDS
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- the patterns: a hash table of all parts of 8 bytes ---- */

enum { SLOTS = 1 << 22 };
static uint64_t parts[SLOTS];
static uint8_t part_kinds[SLOTS];
static size_t part_count;
static uint64_t samples[KINDS]; /* one part of each kind */

static size_t slot_of(uint64_t part)
{
    return (size_t)(part * 0x9e3779b97f4a7c15u >> 42);
}

static void add_part(enum kind kind, uint64_t part)
{
    size_t slot = slot_of(part);
    while (part_kinds[slot] && parts[slot] != part)
        slot = (slot + 1) % SLOTS;
    if (!part_kinds[slot]) {
        parts[slot] = part;
        part_kinds[slot] = (uint8_t)kind;
        samples[kind] = part;
        if (++part_count > SLOTS / 4)
            abort();
    }
}

static enum kind kind_of(uint64_t part)
{
    for (size_t slot = slot_of(part); part_kinds[slot]; slot = (slot + 1) % SLOTS)
        if (parts[slot] == part)
            return (enum kind)part_kinds[slot];
    return NONE;
}

static void add_bytes(enum kind kind, const void *bytes, size_t len)
{
    uint64_t part;
    for (size_t at = 0; at + 8 <= len; at++) {
        memcpy(&part, (const char *)bytes + at, 8);
        add_part(kind, part);
    }
}

/* The single words of states and schedules. */
static uint32_t single[SLOTS];
static uint8_t single_used[SLOTS];
static uint32_t last_singles[3];

static size_t slot_of_single(uint32_t word)
{
    return (size_t)(word * 0x9e3779b1u >> 10);
}

static int is_single(uint32_t word)
{
    size_t slot = slot_of_single(word);
    while (single_used[slot] && single[slot] != word)
        slot = (slot + 1) % SLOTS;
    return single_used[slot];
}

static void add_single(uint32_t word)
{
    size_t slot = slot_of_single(word);
    while (single_used[slot] && single[slot] != word)
        slot = (slot + 1) % SLOTS;
    if (!single_used[slot])
        last_singles[2] = last_singles[1], last_singles[1] = last_singles[0], last_singles[0] = word;
    single_used[slot] = 1;
    single[slot] = word;
}

static uint32_t swapped(uint32_t word)
{
    return __builtin_bswap32(word);
}

/* Words as in memory: in this order and reversed, in both byte orders. */
static void add_words(enum kind kind, const uint32_t *words, size_t count)
{
    uint32_t forms[4][64];
    for (size_t i = 0; i < count; i++) {
        if (kind == KEY_STATE || kind == HASH || kind == SCHEDULE)
            add_single(words[i]);
        forms[0][i] = words[i];
        forms[1][i] = words[count - 1 - i];
        forms[2][i] = swapped(words[i]);
        forms[3][i] = swapped(words[count - 1 - i]);
    }
    for (int form = 0; form < 4; form++)
        add_bytes(kind, forms[form], 4 * count);
}

/* A state of SHA-256. The instructions of x86-64 keep a, b, e, f in one register and c, d, g, h in another. */
static void add_state(enum kind kind, const uint32_t *state)
{
    const uint32_t first[] = {state[0], state[1], state[4], state[5]},
                   second[] = {state[2], state[3], state[6], state[7]};
    add_words(kind, state, 8);
    add_words(kind, first, 4);
    add_words(kind, second, 4);
}

/* ---- SHA-256 (FIPS 180-4), written for this test, which records its intermediate values ---- */

static uint32_t constants[64], initial[8];

/* The first 32 bits of the fraction of a square or cube root. */
static uint32_t fraction_of_root(int root, uint32_t number)
{
    uint64_t low = 0, high = (uint64_t)1 << 36;
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        unsigned __int128 power = (unsigned __int128)middle * middle * (root == 3 ? middle : 1);
        if (power > (unsigned __int128)number << 32 * root)
            high = middle - 1;
        else
            low = middle;
    }
    return (uint32_t)low;
}

static void make_constants(void)
{
    int count = 0;
    for (uint32_t number = 2; count < 64; number++) {
        int prime = 1;
        for (uint32_t divisor = 2; divisor * divisor <= number; divisor++)
            prime &= number % divisor != 0;
        if (!prime)
            continue;
        if (count < 8)
            initial[count] = fraction_of_root(2, number);
        constants[count++] = fraction_of_root(3, number);
    }
}

static uint32_t rotate(uint32_t word, int by)
{
    return word >> by | word << (32 - by);
}

/* Records the intermediate values that are secret: the words of the schedule if the block is secret, and the working
 * variables, from the round on in which none of them is a public initial value. */
static void compress(uint32_t *state, const uint8_t *block, int block_is_secret, int from_round)
{
    uint32_t w[64], sums[64], v[8];
    for (int i = 0; i < 64; i++) {
        if (i < 16)
            w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
        else
            w[i] = (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10) + w[i - 7] +
                   (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 16];
        sums[i] = w[i] + constants[i];
    }
    if (block_is_secret) {
        /* The first 16 words are the block itself: after the key, they are padding, the same for all keys. */
        add_words(SCHEDULE, w + 16, 48);
        add_words(SCHEDULE, sums + 16, 48);
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i <= 64; i++) {
        uint32_t first, second;
        if (i >= from_round)
            add_state(HASH, v);
        if (i == 64)
            break;
        first = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
                sums[i];
        second = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
                 ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + second;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

static void put_big_endian(uint8_t *to, const uint32_t *words)
{
    for (int i = 0; i < 32; i++)
        to[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
}

/* Continues a message of which `before` bytes are hashed. */
static void hash(uint32_t *state, uint64_t before, const void *message, size_t len, int is_secret, int from_round)
{
    uint8_t block[64] = {0};
    size_t at = 0;
    for (; at + 64 <= len; at += 64)
        compress(state, (const uint8_t *)message + at, is_secret, from_round);
    memcpy(block, (const uint8_t *)message + at, len - at);
    block[len - at] = 0x80;
    if (len - at >= 56) {
        compress(state, block, is_secret, from_round);
        memset(block, 0, sizeof block);
        is_secret = 0; /* what follows is padding */
    }
    for (int i = 0; i < 8; i++)
        block[63 - i] = (uint8_t)(8 * (before + len) >> 8 * i);
    compress(state, block, is_secret, from_round);
}

static void add_base64(enum kind kind, const uint8_t *digest)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[43];
    for (int i = 0; i < 43; i++) {
        int bit = 6 * i, pair = digest[bit / 8] << 8 | (bit / 8 < 31 ? digest[bit / 8 + 1] : 0);
        text[i] = alphabet[pair >> (10 - bit % 8) & 0x3f];
    }
    add_bytes(kind, text, sizeof text);
}

/* A key, and what HMAC-SHA256 (RFC 2104) derives from it and from the signed requests. */
static void add_hmac_key(enum secret secret)
{
    char key[128];
    uint8_t block[64] = {0}, padded[64], digest[32];
    uint32_t states[2][8], state[8];
    size_t len = secret_lengths[secret];
    write_secret(secret, key);
    add_bytes(KEY, key, len);
    if (len > 64) {
        memcpy(state, initial, sizeof state);
        hash(state, 0, key, len, 1, 5);
        add_state(KEY, state);
        put_big_endian(block, state);
        len = 32;
    } else {
        memcpy(block, key, len);
    }
    for (int i = 0; i < 2; i++) {
        for (int at = 0; at < 64; at++)
            padded[at] = block[at] ^ (i ? 0x5c : 0x36);
        add_bytes(KEY_BLOCK, padded, len);
        add_words(KEY_BLOCK, (uint32_t *)padded, len / 4);
        memcpy(states[i], initial, sizeof initial);
        compress(states[i], padded, 1, 5);
        add_state(KEY_STATE, states[i]);
    }
    for (int request = 0; request < 3; request++) {
        char text[512];
        int length = snprintf(text, sizeof text, "%s:%s:%d", request == 2 ? LONG_TARGET : SIGNED_TARGET,
                              request == 1 ? "POST" : "GET", SIGNED_TIME);
        memcpy(state, states[0], sizeof state);
        hash(state, 64, text, (size_t)length, 0, 1);
        add_state(HASH, state);
        put_big_endian(digest, state);
        memcpy(state, states[1], sizeof state);
        hash(state, 64, digest, sizeof digest, 0, 1);
        put_big_endian(digest, state);
        add_base64(SIGNATURE, digest); /* the result, which is secret in only one case: see find() */
    }
}

/* ---- AES (FIPS 197): the round keys, also in the form for the inverse cipher of the CPU's instructions ---- */

static uint8_t times(uint8_t left, uint8_t right)
{
    uint8_t product = 0;
    for (; right; right >>= 1, left = (uint8_t)(left << 1 ^ (left & 0x80 ? 0x1b : 0)))
        product ^= right & 1 ? left : 0;
    return product;
}

static uint8_t s_box(uint8_t byte)
{
    uint8_t inverse = 1;
    for (int i = 0; i < 254; i++) /* byte^254 is the inverse of byte; 0 for 0 */
        inverse = times(inverse, byte);
    return inverse ^ (uint8_t)(inverse << 1 | inverse >> 7) ^ (uint8_t)(inverse << 2 | inverse >> 6) ^
           (uint8_t)(inverse << 3 | inverse >> 5) ^ (uint8_t)(inverse << 4 | inverse >> 4) ^ 0x63;
}

/* Records the round keys, and returns them as they encrypt. */
static void add_aes_key(const void *key, int length, uint8_t (*words)[4])
{
    int total = 4 * (length / 4 + 7);
    uint8_t round_constant = 1, inverse[60][4];
    length /= 4;
    memcpy(words, key, 4 * (size_t)length);
    for (int i = length; i < total; i++) {
        uint8_t word[4];
        memcpy(word, words[i - 1], 4);
        if (i % length == 0) {
            uint8_t first = word[0];
            memmove(word, word + 1, 3);
            word[3] = first;
        }
        if (i % length == 0 || (length > 6 && i % length == 4))
            for (int at = 0; at < 4; at++)
                word[at] = s_box(word[at]);
        if (i % length == 0) {
            word[0] ^= round_constant;
            round_constant = times(round_constant, 2);
        }
        for (int at = 0; at < 4; at++)
            words[i][at] = words[i - length][at] ^ word[at];
    }
    add_bytes(ROUND_KEY, words[length], 4 * (size_t)(total - length));
    for (int i = 4; i < total - 4; i++)
        for (int at = 0; at < 4; at++)
            inverse[i][at] = times(words[i][at], 14) ^ times(words[i][(at + 1) % 4], 11) ^
                             times(words[i][(at + 2) % 4], 13) ^ times(words[i][(at + 3) % 4], 9);
    for (int i = 4; i < total - 4; i += 4)
        add_bytes(ROUND_KEY, inverse[i], 16);
}

static void add_file_key(enum secret secret)
{
    uint8_t words[60][4];
    char key[64];
    write_secret(secret, key);
    add_bytes(FILE_KEY, key, secret_lengths[secret]);
    add_aes_key(key, secret_lengths[secret], words);
}

/* Encrypts one block with AES-256. */
static void encrypt(uint8_t (*words)[4], uint8_t block[16])
{
    for (int round = 0; round <= 14; round++) {
        uint8_t shifted[16];
        for (int i = 0; round > 0 && i < 16; i++)
            shifted[i] = s_box(block[(i + 4 * (i % 4)) % 16]);
        for (int i = 0; round > 0 && i < 16; i++) {
            const uint8_t *column = shifted + i / 4 * 4;
            block[i] = round == 14 ? shifted[i]
                                   : times(column[i % 4], 2) ^ times(column[(i + 1) % 4], 3) ^ column[(i + 2) % 4] ^
                                         column[(i + 3) % 4];
        }
        for (int i = 0; i < 16; i++)
            block[i] ^= words[4 * round + i / 4][i % 4];
    }
}

/* ---- what is derived from a token and a key to seal another token (docs/sealed-token.md) ---- */

/* A text as the input of HMAC-SHA256 or as its key. */
struct input {
    const void *text;
    size_t len;
    int is_secret;
};

/* The result is of this kind. */
static void hmac(enum kind kind, uint8_t digest[32], struct input key, struct input message)
{
    uint32_t state[8];
    for (int i = 0; i < 2; i++) {
        uint8_t padded[64];
        memset(padded, i ? 0x5c : 0x36, sizeof padded);
        for (size_t at = 0; at < key.len; at++)
            padded[at] ^= ((const uint8_t *)key.text)[at];
        memcpy(state, initial, sizeof state);
        compress(state, padded, key.is_secret, key.is_secret ? 5 : 65);
        if (key.is_secret) {
            add_bytes(SEAL_KEY, padded, key.len);
            add_words(SEAL_KEY, (uint32_t *)padded, key.len / 4);
            add_state(SEAL_KEY, state);
        }
        hash(state, 64, message.text, message.len, message.is_secret, key.is_secret ? 1 : 5);
        add_state(i ? kind : SEAL_KEY, state);
        put_big_endian(digest, state);
        message = (struct input){digest, 32, 1};
    }
}

/* HKDF-SHA256 (RFC 5869), for 32 bytes. */
static void derive(enum kind kind, uint8_t output[32], struct input salt, struct input input, const char *info)
{
    uint8_t extracted[32];
    char text[16];
    int end = snprintf(text, sizeof text, "%s\1", info);
    hmac(SEAL_KEY, extracted, salt, input);
    hmac(kind, output, (struct input){extracted, 32, 1}, (struct input){text, (size_t)end, 0});
}

static void add_seal_key(const uint8_t secret[32], struct input key)
{
    uint8_t seal_key[32], words[60][4], message_words[60][4];
    derive(SEAL_KEY, seal_key, (struct input){secret, 32, 1}, key, "seal");
    add_aes_key(seal_key, 32, words);
    for (uint8_t generation = 0; generation < 2; generation++) {
        uint8_t keys[48]; /* for authentication, and for encryption (RFC 8452, 4) */
        for (uint8_t i = 0; i < 6; i++) {
            uint8_t block[16] = {i, [15] = generation};
            encrypt(words, block);
            memcpy(keys + 8 * i, block, 8);
        }
        add_bytes(SEAL_KEY, keys, sizeof keys);
        add_aes_key(keys + 16, 32, message_words);
    }
}

static void add_family(enum secret first)
{
    static char token[5001];
    char key[128];
    uint8_t secret[32];
    write_secret(first, token);
    const struct input salt = {"tc_auth family", 14, 0}, input = {token, secret_lengths[first], 1};
    derive(FAMILY, secret, salt, input, "secret");
    add_seal_key(secret, (struct input){"", 1, 0}); /* one NUL */
    for (enum secret which = KEY_48; which <= KEY_20; which++) {
        write_secret(which, key);
        add_seal_key(secret, (struct input){key, secret_lengths[which], 1});
    }
}

static void add_token(enum secret secret)
{
    static char token[5001], encoded[15001];
    size_t end = 0;
    write_secret(secret, token);
    add_bytes(TOKEN, token, secret_lengths[secret]);
    for (const char *at = token; *at; at++)
        end += (size_t)sprintf(encoded + end, strchr(":+/=", *at) ? "%%%02X" : "%c", *at);
    add_bytes(ENCODED, encoded, end);
}

static void make_patterns(void)
{
    char text[64];
    uint32_t check[8];
    uint8_t digest[32];
    make_constants();
    /* Checks the code above with the digest of "abc" (FIPS 180-4), and S-box and product of FIPS 197: otherwise nothing
     * would be found. */
    memcpy(check, initial, sizeof check);
    hash(check, 0, "abc", 3, 0, 65);
    put_big_endian(digest, check);
    if (memcmp(
            digest,
            "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
            32) ||
        s_box(0x53) != 0xed || times(0x57, 0x83) != 0xc1)
        abort();
    for (enum secret secret = KEY_48; secret <= KEY_100; secret++)
        add_hmac_key(secret);
    for (enum secret secret = TOKEN_12; secret <= TOKEN_5000; secret++)
        add_token(secret);
    for (enum secret secret = FILE_KEY_16; secret <= FILE_KEY_WRONG; secret++)
        add_file_key(secret);
    add_family(TOKEN_60);
    write_secret(MARKER, text);
    add_bytes(PLAINTEXT, text, secret_lengths[MARKER]);
}

/* ---- searching ---- */

static struct report report;
static int memory = -1;
static uint64_t arena_start, arena_end;
static int all_freed, is_shared, only_frames, is_new;
static size_t deepest; /* the deepest stack use of all calls, wiping included */
static unsigned long planted_count;
static int refused_signature; /* the call got a wrong signature: search for the right one */
static unsigned long calls, findings;
static char found[4096]; /* "KIND PLACE" for each finding at the last check */

static void find(const char *call, enum kind kind, const char *place, uint64_t at)
{
    size_t end = strlen(found);
    char what[128];
    /* A signature is sent, so it is secret only if the caller passed a wrong one. */
    if (kind == SIGNATURE && !refused_signature)
        return;
    snprintf(what, sizeof what, "|%s %s|", kinds[kind], place);
    if (strstr(found, what) || end + sizeof what > sizeof found)
        return;
    strcpy(found + end, what);
    findings++;
    if (call)
        printf("FOUND after %s: %s in %s (%" PRIx64 ")\n", call, kind ? kinds[kind] : "something", place, at);
}

static void search(const char *call, const char *place, const void *bytes, size_t len, uint64_t address)
{
    uint64_t part;
    for (size_t at = 0; at + 8 <= len; at++) {
        enum kind kind;
        memcpy(&part, (const char *)bytes + at, 8);
        if (part_kinds[slot_of(part)] && (kind = kind_of(part)) != NONE)
            find(call, kind, place, address + at);
    }
}

/* Three different words are a finding; a single one may be chance. */
static void search_singles(const char *call)
{
    uint32_t words[sizeof report.lower / 4], seen[3];
    int count = 0;
    memcpy(words, report.lower, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!is_single(words[i]) || (count > 0 && seen[0] == words[i]) || (count > 1 && seen[1] == words[i]))
            continue;
        seen[count++] = words[i];
        if (count == 3) {
            find(call, HASH, "the stack, in single words", sizeof report.lower - 4 * i);
            return;
        }
    }
}

/* A handle in use may contain key states, tokens and its family's secret, a ticket its URL, and a handle that is shared in
 * a directory the keys for that. */
static int may_hold(enum kind kind, uint64_t address)
{
    if (all_freed || (kind == KEY && !is_shared) ||
        (kind != KEY_STATE && kind != TOKEN && kind != ENCODED && kind != FAMILY && kind != KEY))
        return 0;
    for (size_t i = 0; i < 4096; i++)
        if (report.live[i][0] && address >= report.live[i][0] && address + 8 <= report.live[i][0] + report.live[i][1])
            return 1;
    return 0;
}

static void search_region(const char *call, uint64_t start, uint64_t end, const char *name)
{
    static uint8_t buffer[(1 << 20) + 8];
    for (uint64_t at = start; at + 8 <= end; at += 1 << 20) {
        ssize_t got = pread(memory, buffer, (size_t)(end - at < sizeof buffer ? end - at : sizeof buffer), (off_t)at);
        uint64_t part;
        if (got < 8)
            return; /* not readable, such as the guard pages of some mappings */
        for (ssize_t i = 0; i + 8 <= got; i++) {
            enum kind kind;
            memcpy(&part, buffer + i, 8);
            if (part_kinds[slot_of(part)] && (kind = kind_of(part)) != NONE && !may_hold(kind, at + (uint64_t)i))
                find(call, kind, name, at + (uint64_t)i);
        }
    }
}

/* Searches all writable memory except the arena. Fails if there is none. */
static void search_memory(const char *call, pid_t pid)
{
    char path[64], line[512];
    uint64_t start, end, total = 0;
    FILE *maps;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "r");
    while (maps && fgets(line, sizeof line, maps)) {
        char access[8], name[256] = "anonymous memory";
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %255s", &start, &end, access, name) < 3 ||
            access[1] != 'w' || access[0] != 'r')
            continue;
        if (strncmp(name, "/dev/", 5) == 0)
            continue;
        if (*name == '/')
            strcpy(name, "data of a program");
        if (start < arena_end && end > arena_start) { /* adjacent mappings may be listed as one */
            search_region(call, start, start < arena_start ? arena_start : start, name);
            start = arena_end < end ? arena_end : end;
        }
        search_region(call, start, end, name);
        total += end - start;
    }
    if (!maps || total < 4096)
        fail(path);
    fclose(maps);
}

static void look_after_call(const char *call, uint64_t address)
{
    refused_signature = call && strstr(call, "SIGNATURE_MISMATCH");
    const char *const upper = "the upper half of a vector register";
    if (pread(memory, &report, sizeof report, (off_t)address) != (ssize_t)sizeof report)
        fail("the report");
    for (int i = 0; i < 32; i++) {
        const char *place = i >= 16 ? "a vector register above 15" : "a vector register";
        search(call, place, report.vectors[i], 16, (uint64_t)i);
        search(call, upper, &report.vectors[i][2], 48, (uint64_t)i);
        for (int word = 0; word < 8; word++)
            if (report.promise != NOTHING && report.vectors[i][word])
                find(call, NONE, word >= 2 ? upper : place, (uint64_t)i);
    }
    search(call, "a general register", report.general, sizeof report.general, 0);
    search(call, "the stack", report.lower, sizeof report.lower, 0);
    search_singles(call);
    search(call, "the stack, after a lazily bound call", report.lower_later, sizeof report.lower_later, 0);
    for (size_t i = 0; i < sizeof report.lower / 8; i++)
        if (report.lower[i] != PAINT) {
            size_t depth = sizeof report.lower - 8 * i;
            deepest = call && depth > deepest ? depth : deepest;
            break;
        }
    refused_signature = 0;
    if (report.promise == STACK_WIPED) {
        /* All must be overwritten or unused, except the last frames and one more word: the return address of the
         * function that overwrites. */
        int others = 0;
        /* In a new program, memset() may not be bound yet. Then the dynamic linker has used the stack below what is
         * overwritten. */
        size_t from = is_new ? sizeof report.lower / 8 - 8192 / 8 : 0;
        for (size_t i = from; i < sizeof report.lower / 8 - 512 / 8; i++)
            if (report.lower[i] != 0 && report.lower[i] != PAINT && others++)
                find(call, NONE, "the stack, which is not overwritten", sizeof report.lower - 8 * i);
    }
}

/* ---- the program ---- */

static char made[512][64], needed[512][64];
static size_t made_count, needed_count;

static void note(char list[512][64], size_t *count, const char *name, const char *status)
{
    char entry[64];
    snprintf(entry, sizeof entry, "%.40s %.20s", name, status);
    for (size_t i = 0; i < *count; i++)
        if (strcmp(list[i], entry) == 0)
            return;
    if (*count == 512)
        abort();
    strcpy(list[(*count)++], entry);
}

/* Sends the bytes in their order in memory. */
static void reply(int file, const char *kind)
{
    const uint8_t *bytes = (const uint8_t *)last_singles;
    size_t len = strcmp(kind, "single-words") == 0 ? sizeof last_singles : 8;
    for (int i = 1; i < KINDS; i++)
        if (strcmp(kinds[i], kind) == 0)
            bytes = (const uint8_t *)&samples[i];
    for (size_t i = 0; i < len; i++)
        dprintf(file, "%02x", bytes[i]);
    dprintf(file, "\n");
}

/* Runs a program to its end, and returns whether it succeeded. Its lines are processed, or copied to `out`. */
static int run(char **arguments, FILE *out)
{
    int to[2], from[2], status;
    char line[1024], name[512], word[64], path[64], wanted[128] = "";
    FILE *lines;
    pid_t pid;
    if (pipe(to) || pipe(from) || (pid = fork()) < 0)
        fail("fork");
    if (pid == 0) {
        dup2(to[0], 0), dup2(from[1], 1);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    close(to[0]), close(from[1]);
    lines = fdopen(from[0], "r");
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    memory = -1, all_freed = is_shared = 0, arena_start = arena_end = 0;
    while (fgets(line, sizeof line, lines)) {
        uint64_t address = 0;
        if (out)
            fputs(line, out);
        else if (sscanf(line, "arena %" SCNx64 " %" SCNx64, &arena_start, &arena_end) == 2)
            arena_end += arena_start;
        else if (strncmp(line, "freed", 5) == 0)
            all_freed = 1;
        else if (strncmp(line, "shared", 6) == 0)
            is_shared = 1;
        else if (sscanf(line, "needs %511s %63s", name, word) == 2)
            note(needed, &needed_count, name, word);
        else if (sscanf(line, "want %63s", word) == 1)
            reply(to[1], word);
        else if (sscanf(line, "planted %63s %[^\n]", word, name) == 2)
            snprintf(wanted, sizeof wanted, "|%.30s %.90s|", word, name);
        else if (sscanf(line, "check %511s %63s %" SCNx64, name, word, &address) == 3) {
            char call[1024];
            unsigned long before = findings;
            note(made, &made_count, name, word);
            snprintf(call, sizeof call, "%s (%s), in %s %s", name, word, arguments[1] ? arguments[1] : arguments[0],
                     arguments[1] && arguments[2] ? arguments[2] : "");
            if (*wanted)
                planted_count++;
            else
                calls++;
            *found = '\0';
            if (memory < 0 && (memory = open(path, O_RDONLY)) < 0)
                fail(path);
            memset(&report, 0, sizeof report);
            if (address)
                look_after_call(*wanted ? NULL : call, address);
            if (!only_frames)
                search_memory(*wanted ? NULL : call, pid);
            else if (*wanted && !strstr(wanted, "register") && !strstr(wanted, "stack"))
                *wanted = '\0';
            if (*wanted) {
                findings = before;
                if (!strstr(found, wanted)) {
                    printf("NOT FOUND: what was planted: %s; found: %s\n", wanted, found);
                    findings++;
                }
                *wanted = '\0';
            }
            if (write(to[1], "\n", 1) != 1)
                fail("the program");
        } else
            fputs(line, stdout);
        fflush(stdout);
    }
    fclose(lines), close(to[1]);
    if (memory >= 0)
        close(memory);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int run_all(char *program)
{
    static char list[16384];
    FILE *names = fmemopen(list, sizeof list, "w");
    char *arguments[] = {program, "list", NULL, NULL}, *save = NULL;
    unsigned long leaks = 0, scenarios = 0, missed = 0, missing = 0;
    int good = run(arguments, names);
    fclose(names);
    arguments[1] = "needs";
    good &= run(arguments, NULL);
    for (char *name = strtok_r(list, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
        for (int fresh = 0; fresh < 2; fresh++) {
            int is_planted = strncmp(name, "plant-", 6) == 0;
            findings = 0, is_new = fresh;
            arguments[1] = name, arguments[2] = fresh ? "new-thread" : "used-thread";
            if (!run(arguments, NULL)) {
                printf("%s %s %s did not end well\n", program, name, arguments[2]);
                good = 0;
            }
            if (is_planted)
                missed += findings;
            else
                scenarios++, leaks += findings;
        }
    for (size_t i = 0; i < needed_count; i++) {
        size_t at = 0;
        while (at < made_count && strcmp(made[at], needed[i]) != 0)
            at++;
        if (at == made_count) {
            printf("never called: %s\n", needed[i]);
            missing++;
        }
    }
    printf(
        "%lu scenarios, %lu calls, %zu results of functions, %zu patterns, stack touched %zu bytes deep: %lu findings; %lu faults planted, %lu not found\n",
        scenarios, calls, needed_count, part_count, deepest, leaks, planted_count, missed);
    return good && leaks == 0 && missed == 0 && missing == 0 && scenarios > 0 && planted_count > 0 && needed_count > 0
               ? 0
               : 1;
}

static enum secret secret_named(const char *name)
{
    static const char *const names[SECRETS] = {
        "KEY_48",    "KEY_20",     "KEY_64",      "KEY_100",     "TOKEN_12",    "TOKEN_60",       "TOKEN_61",
        "TOKEN_300", "TOKEN_5000", "FILE_KEY_16", "FILE_KEY_24", "FILE_KEY_32", "FILE_KEY_WRONG", "MARKER"};
    int at = 0;
    while (at < SECRETS && strcmp(names[at], name) != 0)
        at++;
    if (at == SECRETS)
        exit(2);
    return (enum secret)at;
}

int main(int argc, char **argv)
{
    static char text[5001], more[128], marker[128];
    if (argc < 3) {
        fputs("usage: see the beginning of scan.c\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "text") == 0 || strcmp(argv[1], "hex") == 0) {
        write_secret(secret_named(argv[2]), text);
        for (const char *at = text; *at; at++)
            printf(*argv[1] == 'h' ? "%02x" : "%c", *at);
        return 0;
    }
    if (strcmp(argv[1], "plaintext") == 0) {
        write_secret(MARKER, marker);
        write_secret(TOKEN_60, text);
        write_secret(KEY_48, more);
        switch (atoi(argv[2])) {
        case 1: printf("{\"note\":\"%s\",\"tc_token\":\"%s\",\"x\":1}", marker, text); break;
        case 2: printf("{\"api_access_id\":\"1\",\"api_secret_key\":\"%s\",\"note\":\"%s\"}", more, marker); break;
        case 3: printf("{\"tc_token\":\"%s\",\"tc_token\":1,\"note\":\"%s\"}", text, marker); break;
        default: printf("{\"tc_token\":\"%s\",\"note\":\"%s", text, marker); break; /* truncated */
        }
        return 0;
    }
    make_patterns();
    setvbuf(stdout, NULL, _IOLBF, 0);
    only_frames = strcmp(argv[1], "frames") == 0;
    if (strcmp(argv[1], "program") == 0 || only_frames)
        return run_all(argv[2]);
    if (strcmp(argv[1], "once") == 0 || strcmp(argv[1], "planted") == 0) {
        int good = run(argv + 2, NULL) && calls > 0, is_planted = *argv[1] == 'p';
        printf("%lu checks, %zu patterns, %lu findings\n", calls, part_count, findings);
        /* Only the planted one, at the last check. */
        return good && findings == (is_planted ? 1 : 0) && (!is_planted || *found) ? 0 : 1;
    }
    return 2;
}
