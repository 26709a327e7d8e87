/* tc-sign: prints the authorization headers of one ThreatConnect request, one a line.
 *
 *     headers=$(tc-sign GET "$url") && printf '%s\n' "$headers" | curl -g --path-as-is -H @- "$url"
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "Usage: tc-sign [--at SECONDS] METHOD URI\n"
    "Prints the authorization headers of one ThreatConnect request, one a line.\n"
    "\n"
    "  METHOD         such as GET\n"
    "  URI            the path with query, or the whole URL, exactly as you will send it\n"
    "  --at SECONDS   sign for this Unix time instead of now\n"
    "  -h, --help     print this text\n"
    "  --version      print the version\n"
    "\n"
    "Credentials come from the environment: TC_TOKEN, or else both TC_API_ACCESS_ID and\n"
    "TC_API_SECRET_KEY. Exit status: 0 done, 1 no headers could be made, 2 wrong usage.\n";

/* An empty variable counts as absent. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Digits only: TC_AUTH_NOW is a negative number, and must not come from a command line. */
static int parse_seconds(const char *text, int64_t *seconds)
{
    if (!*text || text[strspn(text, "0123456789")])
        return 0;
    errno = 0;
    *seconds = strtoll(text, NULL, 10);
    return errno == 0;
}

static tc_auth_status make_handle(tc_auth **auth)
{
    const char *token = variable("TC_TOKEN");
    const char *access_id = variable("TC_API_ACCESS_ID");
    const char *secret_key = variable("TC_API_SECRET_KEY");
    if (token)
        return tc_auth_new_token(token, TC_AUTH_NO_EXPIRY, auth);
    if (access_id && secret_key)
        return tc_auth_new_hmac(access_id, secret_key, auth);
    fprintf(stderr, "tc-sign: set TC_TOKEN, or both TC_API_ACCESS_ID and TC_API_SECRET_KEY%s\n",
            access_id    ? " (TC_API_SECRET_KEY is missing)"
            : secret_key ? " (TC_API_ACCESS_ID is missing)"
                         : "");
    return TC_AUTH_STATUS_NO_CREDENTIALS;
}

static int sign(const char *method, const char *uri, int64_t time)
{
    tc_auth *auth = NULL;
    tc_auth_header_list *headers = NULL;
    tc_auth_status status = make_handle(&auth);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_headers_at(auth, method, uri, time, &headers);
    if (status != TC_AUTH_STATUS_OK && status != TC_AUTH_STATUS_NO_CREDENTIALS)
        fprintf(stderr, "tc-sign: %s\n", tc_auth_status_message(status));
    for (size_t i = 0; i < tc_auth_header_list_len(headers); i++)
        puts(tc_auth_header_list_line(headers, i));
    tc_auth_header_list_free(headers);
    tc_auth_free(auth);
    if (status != TC_AUTH_STATUS_OK)
        return EXIT_FAILURE;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("tc-sign: standard output");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int wrong_usage(const char *problem, const char *what)
{
    fprintf(stderr, "tc-sign: %s%s\nTry 'tc-sign --help'.\n", problem, what);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int64_t time = TC_AUTH_NOW;
    int next = 1;
    for (; next < argc && argv[next][0] == '-'; next++) {
        const char *option = argv[next];
        if (strcmp(option, "--") == 0) {
            next++;
            break;
        } else if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        } else if (strcmp(option, "--version") == 0) {
            printf("tc-sign %s\n", tc_auth_version());
            return EXIT_SUCCESS;
        } else if (strcmp(option, "--at") == 0) {
            if (++next == argc || !parse_seconds(argv[next], &time))
                return wrong_usage("--at needs a number of Unix seconds", "");
        } else {
            return wrong_usage("unknown option ", option);
        }
    }
    if (argc - next != 2)
        return wrong_usage("a METHOD and a URI are needed", "");
    return sign(argv[next], argv[next + 1], time);
}
