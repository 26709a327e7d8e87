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
    "Usage: tc-sign [--at SECONDS] [CREDENTIALS] METHOD URI\n"
    "       tc-sign --explain [ARGUMENTS OF AN APP]\n"
    "Prints the authorization headers of one ThreatConnect request, one a line.\n"
    "\n"
    "  METHOD         such as GET\n"
    "  URI            the path with query, or the whole URL, exactly as you will send it\n"
    "  --at SECONDS   sign for this Unix time instead of now\n"
    "  --explain      say where credentials were looked for and found, without showing any\n"
    "  -h, --help     print this text\n"
    "  --version      print the version\n"
    "\n"
    "Credentials come from the first of these that names any: the arguments, as the platform\n"
    "passes them (--tc_token X, --tc_token_expires, --tc_api_path, --tc_api_access_id,\n"
    "--tc_api_secret_key, or the older --api_... names; others can see them while the program runs); the parameter file\n"
    "that TC_APP_PARAM_FILE and TC_APP_PARAM_KEY name; the variables TC_TOKEN,\n"
    "TC_TOKEN_EXPIRES, TC_API_PATH, or TC_API_ACCESS_ID and TC_API_SECRET_KEY.\n"
    "Exit status: 0 done, 1 no headers could be made, 2 wrong usage.\n";

/* Digits only: TC_AUTH_NOW is a negative number, and must not come from a command line. */
static int parse_seconds(const char *text, int64_t *seconds)
{
    if (!*text || text[strspn(text, "0123456789")])
        return 0;
    errno = 0;
    *seconds = strtoll(text, NULL, 10);
    return errno == 0;
}

static int finish(int good)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("tc-sign: standard output");
        return EXIT_FAILURE;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int explain(const tc_auth *auth, const char *why)
{
    char *description = NULL;
    if (why)
        puts(why);
    if (tc_auth_describe(auth, &description) == TC_AUTH_STATUS_OK)
        puts(description);
    tc_auth_string_free(description);
    return finish(auth != NULL);
}

static int sign(const tc_auth *auth, const char *method, const char *uri, int64_t time)
{
    tc_auth_header_list *headers = NULL;
    tc_auth_status status = tc_auth_headers_at(auth, method, uri, time, &headers);
    if (status != TC_AUTH_STATUS_OK)
        fprintf(stderr, "tc-sign: %s\n", tc_auth_status_message(status));
    for (size_t i = 0; i < tc_auth_header_list_len(headers); i++)
        puts(tc_auth_header_list_line(headers, i));
    tc_auth_header_list_free(headers);
    return finish(status == TC_AUTH_STATUS_OK);
}

static int wrong_usage(const char *problem, const char *what)
{
    fprintf(stderr, "tc-sign: %s%s\nTry 'tc-sign --help'.\n", problem, what);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int64_t time = TC_AUTH_NOW;
    int next = 1, explained = 0, result;
    tc_auth *auth = NULL;
    char *why = NULL;
    tc_auth_status status;
    for (int i = 1; i < argc; i++)
        explained |= strcmp(argv[i], "--explain") == 0;
    /* To explain, every argument is taken as an App would take it. */
    for (; !explained && next < argc && argv[next][0] == '-'; next++) {
        const char *option = argv[next];
        if (strcmp(option, "--") == 0) {
            next++;
            break;
        } else if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
            fputs(usage, stdout);
            return finish(1);
        } else if (strcmp(option, "--version") == 0) {
            printf("tc-sign %s\n", tc_auth_version());
            return finish(1);
        } else if (strcmp(option, "--at") == 0) {
            if (++next == argc || !parse_seconds(argv[next], &time))
                return wrong_usage("--at needs a number of Unix seconds", "");
        } else if (strncmp(option, "--tc_", 5) == 0 || strncmp(option, "--api_", 6) == 0) {
            next += !strchr(option, '='); /* read below, by tc_auth_discover() */
        } else {
            /* What follows the name may be a secret; so may be all of what is no long option. */
            argv[next][option[1] == '-' ? strspn(option, "-_abcdefghijklmnopqrstuvwxyz") : 1] = '\0';
            return wrong_usage("unknown option ", option);
        }
    }
    if (!explained && argc - next != 2)
        return wrong_usage("a METHOD and a URI are needed, behind all options", "");
    status = tc_auth_discover(argc, argv, &why, &auth);
    if (status != TC_AUTH_STATUS_OK)
        fprintf(stderr, "tc-sign: %s%s%s\n", tc_auth_status_message(status),
                explained || !why ? "" : " Looked at: ", explained || !why ? "" : why);
    if (explained)
        result = explain(auth, why);
    else
        result = auth ? sign(auth, argv[next], argv[next + 1], time) : EXIT_FAILURE;
    tc_auth_string_free(why);
    tc_auth_free(auth);
    return result;
}
