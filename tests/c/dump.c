/* Creates handles, signs, renews and frees, and waits twice for a core dump: while the handles exist, and after. It
 * reads its secrets from standard input, and wipes its own copies. tests/platform/test_dump.py searches the dumps.
 *
 * usage: dump [plant], with the secret key, a token and its successor on three lines; "plant" leaves one copy. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tc_auth.h>

static void wipe(char *memory, size_t len)
{
    volatile char *byte = memory;
    while (len--)
        *byte++ = 0;
}

static void wait_for_dump(const char *word)
{
    char reply;
    if (write(1, word, strlen(word)) < 0 || read(0, &reply, 1) != 1)
        exit(3);
}

static void must(tc_auth_status status)
{
    if (status != TC_AUTH_STATUS_OK)
        exit(4);
}

static void use(tc_auth *auth)
{
    char buffer[512], *text = NULL;
    size_t len;
    int64_t timestamp;
    tc_auth_header_list *list = NULL;
    must(tc_auth_headers(auth, "GET", "/api/v3/indicators", &list));
    tc_auth_header_list_free(list);
    must(tc_auth_headers_into(auth, "GET", 3, "/api", 4, TC_AUTH_NOW, buffer, sizeof buffer, &len, &timestamp));
    wipe(buffer, sizeof buffer);
    must(tc_auth_describe(auth, &text));
    tc_auth_string_free(text);
    if (tc_auth_token(auth, &text, NULL) == TC_AUTH_STATUS_OK)
        tc_auth_string_free(text);
}

/* Escapes "=" as the platform does. */
static size_t write_response(char *body, const char *token)
{
    char *end = body + strlen(strcpy(body, "{\"success\":true,\"apiToken\":\""));
    for (; *token; token++) {
        if (*token == '=')
            end += strlen(strcpy(end, "\\u003d"));
        else
            *end++ = *token;
    }
    return (size_t)(end - body) + strlen(strcpy(end, "\"}"));
}

int main(int argc, char **argv)
{
    static char input[1024], body[1024];
    char *lines[3], *end, *planted = NULL, *marker = strdup("a marker that every dump contains");
    size_t filled = 0;
    ssize_t got;
    tc_auth *hmac = NULL, *token = NULL;
    tc_auth_renewal *renewal = NULL;
    while (filled < sizeof input - 1 && (got = read(0, input + filled, sizeof input - 1 - filled)) > 0) {
        int newlines = 0;
        filled += (size_t)got;
        for (size_t i = 0; i < filled; i++)
            newlines += input[i] == '\n';
        if (newlines == 3)
            break;
    }
    lines[0] = input;
    for (int i = 0; i < 3; i++) {
        end = strchr(lines[i], '\n');
        if (!end)
            return 2;
        *end = '\0';
        if (i < 2)
            lines[i + 1] = end + 1;
    }
    if (argc > 1 && strcmp(argv[1], "plant") == 0)
        planted = strdup(lines[0]);

    must(tc_auth_new_hmac("12345678901234567890", lines[0], &hmac));
    must(tc_auth_new_token(lines[1], 1, &token));
    must(tc_auth_set_api_path(token, "https://company.example/api"));
    must(tc_auth_update_token(token, lines[1], 2));
    must(tc_auth_renewal_poll(token, 0, &renewal));
    must(tc_auth_renewal_complete(renewal, 200, body, write_response(body, lines[2]), NULL));
    wipe(input, sizeof input);
    wipe(body, sizeof body);
    use(hmac);
    use(token);
    wait_for_dump("alive\n");
    tc_auth_free(hmac);
    tc_auth_free(token);
    wait_for_dump("freed\n");
    free(marker);
    free(planted);
    return 0;
}
