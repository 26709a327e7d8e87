/* The function of docs/sealed-token.md, with a store in memory that fails, and that another process changes. */

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tc_auth.h"

static char *family, *entry;
static const char *key = "a key of the family";
/* What the next operations do: fail, or find that another process was faster. */
static int reads_fail, writes_fail, others;

static char *copy(const char *text)
{
    char *bytes = malloc(strlen(text) + 1);
    CHECK(bytes != NULL);
    return strcpy(bytes, text);
}

static int read_entry(const char *name, char **old)
{
    CHECK(name == family);
    *old = entry && !reads_fail ? copy(entry) : NULL;
    return reads_fail ? -1 : 1;
}

static int write_entry(const char *name, const char *old, const char *line)
{
    CHECK(name == family);
    if (writes_fail)
        return -1;
    if (others > 0) {
        others--;
        return 0;
    }
    CHECK((old == NULL) == (entry == NULL) && (!old || strcmp(old, entry) == 0));
    free(entry);
    entry = copy(line);
    return 1;
}

#include "synchronize.c"

static int has_token(const tc_auth *auth, const char *wanted)
{
    char *token = NULL;
    int same;
    CHECK(tc_auth_token(auth, &token, NULL) == TC_AUTH_STATUS_OK);
    same = strcmp(token, wanted) == 0;
    tc_auth_string_free(token);
    return same;
}

int main(void)
{
    tc_auth *one = NULL, *two = NULL;
    CHECK(tc_auth_new_token("first", TC_AUTH_NO_EXPIRY, &one) == TC_AUTH_STATUS_OK);
    CHECK(tc_auth_new_token("first", TC_AUTH_NO_EXPIRY, &two) == TC_AUTH_STATUS_OK);
    CHECK(tc_auth_family(one, &family) == TC_AUTH_STATUS_OK);

    reads_fail = 1;
    CHECK(synchronize(one) == TC_AUTH_STATUS_STORE_IO);
    reads_fail = 0;
    writes_fail = 1;
    CHECK(synchronize(one) == TC_AUTH_STATUS_STORE_IO && entry == NULL);
    writes_fail = 0;
    others = 3;
    CHECK(synchronize(one) == TC_AUTH_STATUS_OK && entry != NULL && others == 0);
    CHECK(synchronize(two) == TC_AUTH_STATUS_OK && has_token(two, "first"));

    CHECK(tc_auth_update_token(two, "second", TC_AUTH_NO_EXPIRY) == TC_AUTH_STATUS_OK);
    CHECK(synchronize(two) == TC_AUTH_STATUS_OK);
    CHECK(synchronize(one) == TC_AUTH_STATUS_OK && has_token(one, "second"));
    key = "another key";
    CHECK(synchronize(one) == TC_AUTH_STATUS_SEAL_INVALID && has_token(one, "second"));

    free(entry);
    tc_auth_string_free(family);
    tc_auth_free(two);
    tc_auth_free(one);
    return check_summary("own_store");
}
