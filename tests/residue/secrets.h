/* The secrets that the programs of this test use: the same in the program that handles them and in scan. No secret is a
 * literal, so that no program file contains one. */
#ifndef SECRETS_H
#define SECRETS_H

#include <stddef.h>
#include <stdint.h>

/* The numbers of secrets. KEY_48 has the length of a real secret key; a key of more than 64 bytes is hashed first.
 * Tokens have lengths that memcpy() treats differently. */
/* clang-format off: a kind in a line */
enum secret {
    KEY_48,
    KEY_20,
    KEY_64,
    KEY_100,
    TOKEN_12,
    TOKEN_60,
    TOKEN_61,
    TOKEN_300,
    TOKEN_5000,
    FILE_KEY_16,
    FILE_KEY_24,
    FILE_KEY_32,
    FILE_KEY_WRONG,
    MARKER /* text that is only in the plaintext of the parameter files */,
    SECRETS
};
/* clang-format on */

static const uint16_t secret_lengths[SECRETS] = {48, 20, 64, 100, 12, 60, 61, 300, 5000, 16, 24, 32, 32, 40};

/* Letters and digits, and in tokens the characters that renewal URLs encode. A pseudo-random generator with a seed that
 * is a number of one byte makes all parts of 8 bytes different. */
static inline void write_secret(enum secret secret, char *to)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:+/=";
    unsigned is_token = secret >= TOKEN_12 && secret <= TOKEN_5000;
    uint64_t state = 0x9e3779b97f4a7c15u * (uint64_t)(secret + 1);
    for (size_t i = 0; i < secret_lengths[secret]; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        *(volatile char *)(to + i) = alphabet[(state >> 33) % (is_token ? 66 : 62)];
    }
    ((volatile char *)to)[secret_lengths[secret]] = 0;
}

/* The time for which every request is signed. The programs replace time(), so that the library uses it. */
#define SIGNED_TIME 1513703787
#define SIGNED_TARGET "/api/v3/indicators"
/* Longer than the library's hash buffer. */
#define PART_OF_64 "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LONG_TARGET SIGNED_TARGET "/" PART_OF_64 PART_OF_64 PART_OF_64 PART_OF_64 PART_OF_64

/* What was left after a call, for scan. */
struct report {
    uint64_t vectors[32][8]; /* the vector registers, of 16, 32 or 64 bytes each; the rest is 0 */
    uint64_t general[18]; /* the caller-saved general registers, without that of the result */
    uint64_t lower[8192]; /* 64 KiB of the stack below the caller's frame */
    uint64_t lower_later[8192]; /* the same after one more call, which the dynamic linker bound */
    uint64_t promise; /* what the library promises for this call */
    uint64_t live[4096][2]; /* blocks that the library has allocated and not freed: address and size */
};

/* Registers are cleared by all calls that handle secrets; the whole stack is overwritten, except by calls that are made
 * for each request. */
enum promise { NOTHING, REGISTERS_CLEARED, STACK_WIPED };

/* What the stack is filled with before a call. */
#define PAINT 0xa5a5a5a5a5a5a5a5u

#endif
