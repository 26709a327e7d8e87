/* Proves that a checker is on: run with the name of a fault, it commits that fault. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>

int main(int argc, char **argv)
{
    tc_auth *auth = NULL;
    tc_auth_header_list *list = NULL, *copy;
    const char *fault = argc > 1 ? argv[1] : "";
    volatile char first = 0;
    volatile int number = INT_MAX;
    if (tc_auth_new_hmac("id", "secret", &auth) != TC_AUTH_STATUS_OK ||
        tc_auth_headers_at(auth, "GET", "/", 1, &list) != TC_AUTH_STATUS_OK)
        return 2;
    copy = list;
    if (strcmp(fault, "use-after-free") == 0) {
        const char *line = tc_auth_header_list_line(list, 0);
        tc_auth_header_list_free(list);
        first = *line;
    } else if (strcmp(fault, "leak") != 0) {
        tc_auth_header_list_free(list);
    }
    if (strcmp(fault, "double-free") == 0)
        tc_auth_header_list_free(copy);
    if (strcmp(fault, "overflow") == 0)
        number = number + 1;
    list = copy = NULL;
    tc_auth_free(auth);
    (void)first;
    return 0;
}
