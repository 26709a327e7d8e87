/* Many threads send signed requests without pause while tokens expire. It runs the code of the example that users copy.
 * Each server has its own handle, and each thread uses all servers in turn: a server counts tokens of other servers.
 * Prints one line of figures, and succeeds if no request failed.
 *
 * usage: storm LIFE WINDOW THREADS SECONDS SERVER TOKEN [SERVER TOKEN ...]
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <unistd.h>

#define main curl_session_main
#include "../../examples-c/curl_session.c"
#undef main

#include "measure.h"

enum { MOST_SERVERS = 4 };

struct server {
    tc_auth *auth;
    char url[512];
};

struct worker {
    const struct server *servers;
    int server_count;
    double ends, longest;
    long requests, failed;
};

static void *storm(void *argument)
{
    struct worker *worker = argument;
    struct response response = {0};
    CURL *curl = curl_easy_init();
    double started;
    while (curl && (started = seconds()) < worker->ends) {
        const struct server *server = &worker->servers[worker->requests % worker->server_count];
        double took;
        worker->requests++;
        worker->failed += session_get(server->auth, curl, server->url, &response) != 200;
        took = seconds() - started;
        if (took > worker->longest)
            worker->longest = took;
    }
    clear(&response);
    curl_easy_cleanup(curl);
    return NULL;
}

/* During the storm, a forked child may sign with an HMAC handle at once, and free the token handle. */
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
    enum { MOST_THREADS = 64, FORKS = 5 };
    tc_auth *hmac = NULL;
    struct server servers[MOST_SERVERS];
    struct worker workers[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    long requests = 0, failed = 0;
    double longest = 0, length;
    int count, forked = 0, server_count = (argc - 5) / 2;
    if (argc < 7 || argc % 2 == 0 || server_count > MOST_SERVERS)
        return 2;
    count = atoi(argv[3]) < MOST_THREADS ? atoi(argv[3]) : MOST_THREADS;
    length = atof(argv[4]);
    for (int i = 0; i < server_count; i++) {
        struct server *server = &servers[i];
        const char *const *arguments = (const char *const *)&argv[5 + 2 * i];
        char api_path[256];
        snprintf(api_path, sizeof api_path, "%s/api", arguments[0]);
        snprintf(server->url, sizeof server->url, "%s/v3/indicators?resultLimit=1", api_path);
        if (tc_auth_new_token(arguments[1], (int64_t)time(NULL) + atoll(argv[1]), &server->auth) != TC_AUTH_STATUS_OK ||
            tc_auth_set_api_path(server->auth, api_path) != TC_AUTH_STATUS_OK ||
            tc_auth_set_renewal_window(server->auth, atoll(argv[2])) != TC_AUTH_STATUS_OK)
            return 2;
    }
    if (tc_auth_new_hmac("id", "key", &hmac) != TC_AUTH_STATUS_OK)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){servers, server_count, seconds() + length, 0, 0, 0};
        if (pthread_create(&threads[i], NULL, storm, &workers[i]) != 0)
            abort();
    }
    for (int i = 0; i < FORKS; i++) {
        pause_ms(300);
        forked += forked_child_signs(hmac, servers[0].auth);
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
    for (int i = 0; i < server_count; i++)
        tc_auth_free(servers[i].auth);
    return failed == 0 && requests > 0 && forked == FORKS ? 0 : 1;
}
