/* One process of the crash test that tests/platform/fleet.py runs. It prints what happens, one line for each event.
 *
 * fleet worker NAME PORT DIRECTORY TOKEN EXPIRES USER MAX_WAIT_MS [namespace] [lockless]
 *     sends requests until its standard input ends, with a token that it shares with other processes. Reads commands:
 *     offset SECONDS        sets its wall clock, and only its own
 *     fork SECONDS          forks when it gets a ticket, and then stops; the child ends so long after its parent. -1: never
 *     update TOKEN EXPIRES  sets a token
 * fleet watch FILE TOKEN    reads the token file all the time, and prints what it is whenever that changes
 * fleet foreign DIRECTORY TOKEN EXPIRES USER
 *     shares a token as another user, and prints the status
 * fleet life                prints the life of a ticket in seconds
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <tc_auth.h>

#include "measure.h"

#define KEY "the key of the fleet"

enum { THREADS = 2, PAUSE_MS = 50, ANSWER = 16384, LINE = 4096 };

static tc_auth *auth;
static const char *name = "";
static int port;
static int64_t max_wait_ms;
static volatile long offset, fork_for = -1;
static volatile int locks = 1;

/* These three take the place of the C library's, for the whole program. */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += offset;
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

/* Without locks: the planted fault that fleet.py must find. */
int flock(int file, int operation)
{
    return locks ? (int)syscall(SYS_flock, file, operation) : 0;
}

static void die(const char *what)
{
    perror(what);
    _exit(3);
}

/* In one write, so that lines of threads do not mix. */
static void event(const char *format, ...)
{
    char line[LINE];
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    line[length] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)length + 1) < 0)
        _exit(4); /* fleet.py has ended */
}

/* Sends a GET and reads the whole answer. Returns the HTTP status, 0 if there was no answer. */
static int http_get(const char *target, const char *authorization, char *answer, char **body)
{
    struct sockaddr_in address;
    struct timeval patience = {30, 0};
    char request[LINE];
    int status = 0, length, connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t got = 0;
    ssize_t part;
    if (connection < 0)
        die("socket");
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    length = snprintf(request, sizeof request,
                      "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nWorker: %s\r\n%s%s%s\r\n", target,
                      name, authorization ? "Authorization: " : "", authorization ? authorization : "",
                      authorization ? "\r\n" : "");
    part = connect(connection, (struct sockaddr *)&address, sizeof address);
    if (part == 0)
        part = send(connection, request, (size_t)length, MSG_NOSIGNAL) == length ? 1 : -1;
    while (part > 0 && got < ANSWER - 1) {
        part = recv(connection, answer + got, ANSWER - 1 - got, 0);
        if (part > 0)
            got += (size_t)part;
        else if (part < 0 && errno == EINTR)
            part = 1; /* with a timeout this happens after a stop, too */
    }
    close(connection);
    answer[got] = '\0';
    *body = strstr(answer, "\r\n\r\n");
    if (part == 0 && *body && sscanf(answer, "HTTP/1.1 %d", &status) == 1)
        *body += 4;
    else
        *body = answer + got;
    return status;
}

static void fork_and_stop(void)
{
    long seconds_after = fork_for;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        while (getppid() == parent)
            pause_ms(5);
        pause_ms(seconds_after * 1000);
        _exit(0);
    }
    event("forked %d", (int)child);
    for (;;)
        pause();
}

/* The generation is in the sealed text. */
static long long generation(void)
{
    char *sealed = NULL;
    long long number = -1;
    if (tc_auth_seal(auth, KEY, &sealed) == TC_AUTH_STATUS_OK)
        sscanf(sealed, "TC1.%llx.", (unsigned long long *)&number);
    tc_auth_string_free(sealed);
    return number;
}

static tc_auth_status renew_if_due(int thread)
{
    tc_auth_renewal *renewal = NULL;
    char answer[ANSWER], *body;
    const char *target;
    double asked = seconds();
    int http_status;
    tc_auth_status status = tc_auth_renewal_poll(auth, max_wait_ms, &renewal);
    if (status != TC_AUTH_STATUS_OK || !renewal)
        return status;
    event("ticket %d %.6f %.6f", thread, asked, seconds());
    if (fork_for >= 0)
        fork_and_stop();
    target = strchr(tc_auth_renewal_url(renewal) + strlen("http://"), '/');
    http_status = http_get(target, NULL, answer, &body);
    event("answer %d %.6f %d", thread, seconds(), http_status);
    status = tc_auth_renewal_complete(renewal, http_status, body, strlen(body), NULL);
    event("completed %d %.6f %s %lld", thread, seconds(), tc_auth_status_name(status), generation());
    return TC_AUTH_STATUS_OK;
}

/* One request as an application sends it: once more if that helps. Prints if it failed. */
static void request(int thread)
{
    static const char target[] = "/api/v3/indicators?resultLimit=1";
    char authorization[LINE], answer[ANSWER], url[128], *body;
    size_t length = 0;
    double started = seconds();
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, target);
    for (int attempt = 1;; attempt++) {
        int32_t advice = TC_AUTH_ADVICE_ACCEPTED;
        int64_t timestamp = 0;
        int http_status;
        tc_auth_status status = renew_if_due(thread);
        if (status != TC_AUTH_STATUS_OK) {
            event("failed %.6f %.6f poll %s", started, seconds(), tc_auth_status_name(status));
            return;
        }
        status = tc_auth_headers_into(auth, "GET", 3, url, strlen(url), TC_AUTH_NOW, authorization,
                                      sizeof authorization, &length, &timestamp);
        if (status != TC_AUTH_STATUS_OK) {
            event("failed %.6f %.6f sign %s", started, seconds(), tc_auth_status_name(status));
            return;
        }
        http_status = http_get(target, authorization, answer, &body);
        if (http_status == 200)
            return;
        status = http_status == 0 ? TC_AUTH_STATUS_OK
                                  : tc_auth_review(auth, authorization, length, timestamp, http_status, NULL, body,
                                                   strlen(body), &advice);
        if (status != TC_AUTH_STATUS_OK || advice != TC_AUTH_ADVICE_RETRY || attempt == 2) {
            event("failed %.6f %.6f %d %s", started, seconds(), http_status,
                  status != TC_AUTH_STATUS_OK ? tc_auth_status_name(status) : tc_auth_advice_name(advice));
            return;
        }
    }
}

static void *work(void *number)
{
    for (;;) {
        request(*(const int *)number);
        pause_ms(PAUSE_MS / 2 + random() % PAUSE_MS); /* so that not always the same one is first */
    }
    return NULL;
}

/* Returns by how many seconds the library's clock has changed. */
static long set_clock(long seconds_off)
{
    tc_auth *other = NULL;
    int32_t state;
    int64_t before = 0, after = 0;
    if (tc_auth_new_token("APIV2:clock", (int64_t)time(NULL) + 1000, &other) != TC_AUTH_STATUS_OK ||
        tc_auth_token_state(other, &state, &before) != TC_AUTH_STATUS_OK)
        die("clock");
    offset = seconds_off;
    if (tc_auth_token_state(other, &state, &after) != TC_AUTH_STATUS_OK)
        die("clock");
    tc_auth_free(other);
    return (long)(before - after); /* until it expires */
}

static void obey(char *command)
{
    char word[16] = "", token[LINE];
    long long number = 0;
    if (sscanf(command, "offset %lld", &number) == 1) {
        offset = 0;
        event("clock %ld", set_clock((long)number));
    } else if (sscanf(command, "fork %lld", &number) == 1) {
        fork_for = (long)number;
    } else if (sscanf(command, "update %4000s %lld", token, &number) == 2) {
        tc_auth_status status = tc_auth_update_token(auth, token, number);
        event("updated %.6f %s %lld", seconds(), tc_auth_status_name(status), generation());
    } else {
        die("command");
    }
    sscanf(command, "%15s", word);
    event("obeyed %s", word);
}

static void become(const char *user)
{
    uid_t id = (uid_t)strtoul(user, NULL, 10);
    if (id != geteuid() && (setgid(id) != 0 || setuid(id) != 0))
        die("setuid");
}

static void create(const char *token, const char *expires)
{
    char api_path[64];
    snprintf(api_path, sizeof api_path, "http://127.0.0.1:%d/api", port);
    if (tc_auth_new_token(token, atoll(expires), &auth) != TC_AUTH_STATUS_OK ||
        tc_auth_set_api_path(auth, api_path) != TC_AUTH_STATUS_OK ||
        tc_auth_set_renewal_window(auth, 2) != TC_AUTH_STATUS_OK)
        die("token");
}

/* The rest of this process runs in a namespace of its own, where it is the process 1. */
static void enter_namespace(void)
{
    pid_t child;
    int state = 0;
    if (unshare(CLONE_NEWPID) != 0)
        die("unshare");
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    event("process %d", (int)child);
    close(STDIN_FILENO);
    while (waitpid(child, &state, 0) != child)
        ;
    _exit(WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state));
}

static int worker(char **arguments, int others)
{
    static const int numbers[THREADS] = {0, 1};
    pthread_t threads[THREADS];
    char line[LINE];
    tc_auth_status status;
    for (int i = 7; i < 7 + others; i++) {
        if (strcmp(arguments[i], "namespace") == 0)
            enter_namespace();
        else if (strcmp(arguments[i], "lockless") == 0)
            locks = 0;
    }
    name = arguments[0];
    port = atoi(arguments[1]);
    max_wait_ms = atoll(arguments[6]);
    srandom((unsigned)strtoul(strchr(name, '.') + 1, NULL, 10));
    become(arguments[5]);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of the user has cleared it */
    create(arguments[3], arguments[4]);
    /* While the store is broken, a process can't start. */
    while ((status = tc_auth_share_in(auth, arguments[2], KEY)) != TC_AUTH_STATUS_OK) {
        event("unshared %.6f %s", seconds(), tc_auth_status_name(status));
        pause_ms(100);
    }
    event("ready %.6f %lld", seconds(), generation());
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)&numbers[i]) != 0)
            die("thread");
    while (fgets(line, sizeof line, stdin))
        obey(line);
    _exit(0);
}

/* FNV-1a, so that fleet.py recognizes what it wrote itself. */
static uint64_t hash(const char *text, size_t length)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)text[i]) * 0x100000001b3u;
    return value;
}

static void watch(const char *path, const char *token)
{
    static char before[LINE], text[LINE];
    ssize_t length, length_before = -2;
    if (tc_auth_new_token(token, TC_AUTH_NO_EXPIRY, &auth) != TC_AUTH_STATUS_OK)
        die("token");
    for (;; pause_ms(1)) {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        double now = seconds();
        length = file < 0 ? -1 : read(file, text, sizeof text);
        if (file >= 0)
            close(file);
        if (length == length_before && (length < 0 || memcmp(text, before, (size_t)length) == 0))
            continue;
        if (length < 0) {
            event("file %.6f MISSING 0 0", now);
        } else {
            int32_t outcome = 0;
            tc_auth_status status = tc_auth_unseal(auth, text, (size_t)length, KEY, &outcome);
            const char *state = status != TC_AUTH_STATUS_OK           ? tc_auth_status_name(status)
                                : outcome == TC_AUTH_UNSEALED_ADOPTED ? "NEWER"
                                : outcome == TC_AUTH_UNSEALED_SAME    ? "SAME"
                                                                      : "OLDER";
            event("file %.6f %s %lld %" PRIx64, now, state, generation(), hash(text, (size_t)length));
            memcpy(before, text, (size_t)length);
        }
        length_before = length;
    }
}

static int foreign(char **arguments)
{
    become(arguments[3]);
    create(arguments[1], arguments[2]);
    puts(tc_auth_status_name(tc_auth_share_in(auth, arguments[0], KEY)));
    return 0;
}

static int life(void)
{
    tc_auth_renewal *renewal = NULL;
    int32_t state = 0;
    int64_t left = 0;
    create("token", "1");
    if (tc_auth_renewal_poll(auth, 0, &renewal) != TC_AUTH_STATUS_OK || !renewal ||
        tc_auth_token_state(auth, &state, &left) != TC_AUTH_STATUS_OK || state != TC_AUTH_STATE_UNDER_WAY)
        return 1;
    printf("%" PRId64 "\n", left);
    tc_auth_renewal_cancel(renewal);
    tc_auth_free(auth);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "worker") == 0 && argc >= 9)
        return worker(argv + 2, argc - 9);
    if (strcmp(mode, "watch") == 0 && argc == 4)
        watch(argv[2], argv[3]);
    if (strcmp(mode, "foreign") == 0 && argc == 6)
        return foreign(argv + 2);
    if (strcmp(mode, "life") == 0)
        return life();
    return 2;
}
