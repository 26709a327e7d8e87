/* Many threads send signed requests without pause while tokens expire. It runs the very code of the example that users
 * copy. Prints one line of figures; succeeds if no request failed.
 *
 * usage: storm SERVER TOKEN LIFE WINDOW THREADS SECONDS
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <unistd.h>

#define main curl_session_main
#include "../../examples-c/curl_session.c"
#undef main

#include "measure.h"

struct worker {
    tc_auth *auth;
    const char *url;
    double ends, longest;
    long requests, failed;
};

static void *storm(void *argument)
{
    struct worker *worker = argument;
    struct response response = {0, NULL, 0, ""};
    CURL *curl = curl_easy_init();
    double started;
    while (curl && (started = seconds()) < worker->ends) {
        double took;
        worker->requests++;
        worker->failed += session_get(worker->auth, curl, worker->url, &response) != 200;
        took = seconds() - started;
        if (took > worker->longest)
            worker->longest = took;
    }
    free(response.body);
    curl_easy_cleanup(curl);
    return NULL;
}

/* In the middle of the storm: a child may sign with an HMAC handle at once, and free the token handle. */
static int forked_child_signs(tc_auth *hmac, tc_auth *token)
{
    int state = -1;
    pid_t child = fork();
    if (child == 0) {
        tc_auth_header_list *headers = NULL;
        tc_auth_status status;
        alarm(20);
        status = tc_auth_headers(hmac, "GET", "/api", &headers);
        tc_auth_header_list_free(headers);
        tc_auth_free(token);
        tc_auth_free(hmac);
        execl("/bin/sh", "sh", "-c", status == TC_AUTH_STATUS_OK ? "exit 0" : "exit 1", (char *)NULL);
        _exit(1);
    }
    return child > 0 && waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

int main(int argc, char **argv)
{
    enum { MOST = 64, FORKS = 5 };
    tc_auth *auth = NULL, *hmac = NULL;
    char url[512], api_path[256];
    struct worker workers[MOST];
    pthread_t threads[MOST];
    long requests = 0, failed = 0;
    double longest = 0, length;
    int count, forked = 0;
    if (argc != 7)
        return 2;
    count = atoi(argv[5]) < MOST ? atoi(argv[5]) : MOST;
    length = atof(argv[6]);
    snprintf(api_path, sizeof api_path, "%s/api", argv[1]);
    snprintf(url, sizeof url, "%s/v3/indicators?resultLimit=1", api_path);
    if (tc_auth_new_token(argv[2], (int64_t)time(NULL) + atoll(argv[3]), &auth) != TC_AUTH_STATUS_OK ||
        tc_auth_new_hmac("id", "key", &hmac) != TC_AUTH_STATUS_OK ||
        tc_auth_set_api_path(auth, api_path) != TC_AUTH_STATUS_OK ||
        tc_auth_set_renewal_window(auth, atoll(argv[4])) != TC_AUTH_STATUS_OK)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){auth, url, seconds() + length, 0, 0, 0};
        if (pthread_create(&threads[i], NULL, storm, &workers[i]) != 0)
            abort();
    }
    for (int i = 0; i < FORKS; i++) {
        struct timespec pause = {0, 300000000};
        nanosleep(&pause, NULL);
        forked += forked_child_signs(hmac, auth);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        requests += workers[i].requests;
        failed += workers[i].failed;
        longest = workers[i].longest > longest ? workers[i].longest : longest;
    }
    printf("requests %ld failed %ld longest_ms %.0f forked %d/%d\n", requests, failed, longest * 1000, forked, FORKS);
    curl_global_cleanup();
    tc_auth_free(hmac);
    tc_auth_free(auth);
    return failed == 0 && requests > 0 && forked == FORKS ? 0 : 1;
}
