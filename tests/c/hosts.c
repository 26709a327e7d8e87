/* Conditions in host programs: the library is loaded and unloaded, forked, interrupted by signals, used by short-lived
 * threads, without an environment, and without memory. For Linux, linked with the static library; the shared one is
 * loaded as a second copy.
 *
 * usage: hosts SHARED_LIBRARY [TEST...]    all tests, or the named ones; with `plant` first, one that must fail
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <tc_auth.h>

#include "check.h"
#include "directory.h"
#include "measure.h"
#include "samples.h"

#define SIGNATURE "TC " ID ":WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks="

static const char *shared_library;
static int planted;

static tc_auth *due_handle(void)
{
    tc_auth *auth = NULL;
    CHECK(tc_auth_new_token(TOKEN, 1, &auth) == OK && tc_auth_set_api_path(auth, API_PATH) == OK);
    return auth;
}

/* Signs a test vector, and returns whether the result is right. */
static int signs(const tc_auth *hmac)
{
    tc_auth_header_list *list = NULL;
    int good = tc_auth_headers_at(hmac, "GET", URI, 1513703787, &list) == OK &&
               strcmp(tc_auth_header_list_value(list, 0), SIGNATURE) == 0;
    if (!planted)
        tc_auth_header_list_free(list);
    return good;
}

static void memory_is_flat(const char *what, long before, long bound)
{
    long after = resident();
    printf("%s: %ld KiB, then %ld KiB\n", what, before, after);
    CHECK_IN(what, before > 0 && after > 0 && after - before <= bound);
}

static void check_child(pid_t child)
{
    int state = -1;
    CHECK(child > 0 && waitpid(child, &state, 0) == child);
    CHECK(WIFEXITED(state) && WEXITSTATUS(state) == 0);
}

/* ---- loaded and unloaded */

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    CHECK_IN(name, found != NULL);
    return found;
}

struct second_copy {
    tc_auth_status (*new_token)(const char *, int64_t, tc_auth **);
    tc_auth_status (*headers)(const tc_auth *, const char *, const char *, tc_auth_header_list **);
    void (*list_free)(tc_auth_header_list *);
    void (*free)(tc_auth *);
    pthread_barrier_t called, closed;
};

static void *call_and_end_later(void *argument)
{
    struct second_copy *copy = argument;
    tc_auth *auth = NULL;
    tc_auth_header_list *list = NULL;
    int good = copy->new_token(TOKEN, 0, &auth) == OK && copy->headers(auth, "GET", "/", &list) == OK;
    copy->list_free(list);
    copy->free(auth);
    pthread_barrier_wait(&copy->called);
    pthread_barrier_wait(&copy->closed); /* the library's data of this thread is freed after dlclose() */
    return good ? NULL : argument;
}

static void test_loading(void)
{
    enum { ROUNDS = 1000, WARM = 100 };
    struct second_copy copy;
    long before = 0;
    pthread_barrier_init(&copy.called, NULL, 2);
    pthread_barrier_init(&copy.closed, NULL, 2);
    for (int i = 0; i < ROUNDS; i++) {
        void *library = dlopen(shared_library, RTLD_NOW | RTLD_LOCAL), *wrong = &copy;
        pthread_t thread;
        if (!library) {
            fprintf(stderr, "%s\n", dlerror());
            CHECK(library != NULL);
            return;
        }
        *(void **)&copy.new_token = symbol(library, "tc_auth_new_token"); /* the conversion that POSIX recommends */
        *(void **)&copy.headers = symbol(library, "tc_auth_headers");
        *(void **)&copy.list_free = symbol(library, "tc_auth_header_list_free");
        *(void **)&copy.free = symbol(library, "tc_auth_free");
        CHECK(pthread_create(&thread, NULL, call_and_end_later, &copy) == 0);
        pthread_barrier_wait(&copy.called);
        CHECK(dlclose(library) == 0);
        pthread_barrier_wait(&copy.closed);
        CHECK(pthread_join(thread, &wrong) == 0 && wrong == NULL);
        if (i == WARM)
            before = resident();
    }
    memory_is_flat("loading", before, 256);
    pthread_barrier_destroy(&copy.called);
    pthread_barrier_destroy(&copy.closed);
}

/* ---- forked */

static int stop;

struct shared {
    tc_auth *hmac, *token, *due;
};

static void *keep_busy(void *argument)
{
    struct shared *shared = argument;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        tc_auth_header_list *list = NULL;
        tc_auth_renewal *ticket = NULL;
        if (!signs(shared->hmac) || tc_auth_headers(shared->token, "GET", "/", &list) != OK ||
            tc_auth_update_token(shared->token, "another", TC_AUTH_NO_EXPIRY) != OK ||
            tc_auth_renewal_poll(shared->due, 1, &ticket) == TC_AUTH_STATUS_PANIC)
            return argument;
        tc_auth_header_list_free(list);
        if (ticket && tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), NULL) != OK)
            return argument;
        if (ticket && tc_auth_update_token(shared->due, TOKEN, 1) != OK)
            return argument;
    }
    return NULL;
}

/* What a child must not do with an inherited token handle. The calls must return all the same. */
static int misuses(tc_auth *token)
{
    tc_auth_renewal *ticket = NULL;
    int32_t advice = -1;
    int good = tc_auth_renewal_poll(token, 1, &ticket) != TC_AUTH_STATUS_PANIC;
    tc_auth_renewal_cancel(ticket);
    return good && tc_auth_set_renewal_window(token, 1) != TC_AUTH_STATUS_PANIC &&
           tc_auth_review(token, "TC-Token another", 16, 0, 401, NULL, "", 0, &advice) != TC_AUTH_STATUS_PANIC &&
           tc_auth_update_token(token, "child's", TC_AUTH_NO_EXPIRY) != TC_AUTH_STATUS_PANIC;
}

/* A child that continues, unlike that of test_abi.c, which starts another program. It may use its own objects, sign
 * with HMAC handles, and free the rest. */
static int child_works(struct shared *shared)
{
    tc_auth *own = NULL;
    tc_auth_renewal *ticket = NULL;
    tc_auth_url *url = NULL;
    tc_auth_header_list *list = NULL;
    int32_t advice = -1;
    int good = signs(shared->hmac) &&
               tc_auth_verify(shared->hmac, "GET", URI, SIGNATURE, "1513703787", 1513703787, 0) == OK &&
               tc_auth_review(shared->hmac, "TC a", 4, 1, 401, NULL, "", 0, &advice) == OK &&
               tc_auth_url_new("/", &url) == OK && tc_auth_new_token(TOKEN, 1, &own) == OK &&
               tc_auth_set_api_path(own, API_PATH) == OK && tc_auth_renewal_poll(own, 0, &ticket) == OK && ticket &&
               tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), NULL) == OK &&
               tc_auth_headers(own, "GET", "/", &list) == OK &&
               strcmp(tc_auth_header_list_value(list, 0), "TC-Token new") == 0 && misuses(shared->token) &&
               misuses(shared->due);
    tc_auth_header_list_free(list);
    tc_auth_url_free(url);
    tc_auth_free(own);
    tc_auth_free(shared->token);
    tc_auth_free(shared->due);
    tc_auth_free(shared->hmac);
    return good;
}

static void test_forks(void)
{
    enum { BUSY = 4, FORKS = 100 };
    struct shared shared = {hmac_handle(), NULL, due_handle()};
    pthread_t thread[BUSY];
    CHECK(tc_auth_new_token(TOKEN, TC_AUTH_NO_EXPIRY, &shared.token) == OK);
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_create(&thread[i], NULL, keep_busy, &shared) == 0);
    fflush(NULL);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            _exit(child_works(&shared) ? 0 : 1);
        }
        check_child(child);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < BUSY; i++) {
        void *wrong = &shared;
        CHECK(pthread_join(thread[i], &wrong) == 0 && wrong == NULL);
    }
    tc_auth_free(shared.due);
    tc_auth_free(shared.token);
    tc_auth_free(shared.hmac);
}

struct waiting {
    tc_auth *auth;
    tc_auth_renewal *ticket;
};

static struct waiting being_renewed(void)
{
    struct waiting waiting = {due_handle(), NULL};
    waiting.ticket = due_ticket(waiting.auth);
    return waiting;
}

static int waits_in_vain(const struct waiting *waiting)
{
    tc_auth_renewal *ticket = NULL;
    return tc_auth_renewal_poll(waiting->auth, 1, &ticket) == TC_AUTH_STATUS_RENEWAL_TIMEOUT && !ticket;
}

static void end_waiting(struct waiting *waiting)
{
    tc_auth_renewal_cancel(waiting->ticket);
    tc_auth_free(waiting->auth);
}

enum { WAITED_FOR = 64 };

static void *keep_waiting(void *argument)
{
    const struct waiting *waiting = argument;
    for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
        if (!waits_in_vain(&waiting[i % WAITED_FOR]))
            return argument;
    return NULL;
}

/* A child can wait for its own handles, although threads of its parent were waiting or waking up during fork(). It has
 * many handles, because a conflict may depend on their addresses. */
static void test_waiting_forks(void)
{
    enum { THREADS = 16, FORKS = 250, OWN = 16 };
    struct waiting waiting[WAITED_FOR];
    pthread_t thread[THREADS];
    __atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < WAITED_FOR; i++)
        waiting[i] = being_renewed();
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, keep_waiting, waiting) == 0);
    fflush(NULL);
    for (int i = 0; i < FORKS && checks_failed == 0; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct waiting own[OWN];
            int good = 1;
            alarm(20);
            for (int h = 0; h < OWN; h++) {
                own[h] = being_renewed();
                good = waits_in_vain(&own[h]) && good;
            }
            _exit(good && checks_failed == 0 ? 0 : 1);
        }
        check_child(child);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) {
        void *wrong = waiting;
        CHECK(pthread_join(thread[i], &wrong) == 0 && wrong == NULL);
    }
    for (int i = 0; i < WAITED_FOR; i++)
        end_waiting(&waiting[i]);
}

/* A program that ends while its threads are in calls. */
static void test_leaving(void)
{
    for (int i = 0; i < 30; i++) {
        pid_t child;
        fflush(NULL);
        child = fork();
        if (child == 0) {
            struct shared shared = {hmac_handle(), NULL, due_handle()};
            pthread_t thread[4];
            alarm(20);
            stop = 0;
            CHECK(tc_auth_new_token(TOKEN, TC_AUTH_NO_EXPIRY, &shared.token) == OK);
            for (int t = 0; t < 4; t++)
                CHECK(pthread_create(&thread[t], NULL, keep_busy, &shared) == 0);
            pause_ms(1 + i % 5);
            exit(checks_failed ? 1 : 0);
        }
        check_child(child);
    }
}

/* ---- interrupted by signals */

/* ---- forked, with a token that processes share */

static tc_auth *member(void)
{
    tc_auth *auth = due_handle();
    CHECK(tc_auth_share_in(auth, shared_directory, NULL) == OK);
    return auth;
}

/* What the family has stored. */
struct stored {
    char token[1024], record[1024];
};

static struct stored stored(const tc_auth *auth)
{
    struct stored stored;
    memset(&stored, 0, sizeof stored);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(shared_file(auth, i ? "record" : "token"), "r");
        CHECK(file && fread(i ? stored.record : stored.token, 1, 1023, file) > 200);
        if (file)
            fclose(file);
    }
    return stored;
}

/* Forgets the family's token and pauses. */
static void start_again(void)
{
    tc_auth *any = member();
    CHECK(unlink(shared_file(any, "token")) == 0 && unlink(shared_file(any, "record")) == 0);
    tc_auth_free(any);
}

/* A child that uses the parent's handle and ticket, as it must not, changes no file and ends no lock. */
static void child_touches_no_file(int what)
{
    tc_auth *parents = member(), *other = member();
    tc_auth_renewal *ticket = due_ticket(parents);
    struct stored before = stored(other), after;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        tc_auth_renewal *none = NULL;
        tc_auth *own = NULL;
        int good = 1;
        int32_t advice;
        alarm(20);
        if (what == 1)
            (void)tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), NULL);
        else if (what == 2)
            tc_auth_renewal_cancel(ticket);
        good = tc_auth_renewal_poll(parents, 0, &none) != TC_AUTH_STATUS_PANIC && good;
        tc_auth_renewal_cancel(none);
        good = tc_auth_review(parents, "TC-Token another", 16, 0, 401, NULL, "", 0, &advice) == OK && good;
        good = tc_auth_update_token(parents, "child's", TC_AUTH_NO_EXPIRY) == TC_AUTH_STATUS_STORE_IO && good;
        tc_auth_free(parents);
        tc_auth_free(other);
        own = member();
        none = NULL;
        good = tc_auth_renewal_poll(own, 0, &none) == TC_AUTH_STATUS_RENEWAL_TIMEOUT && good;
        tc_auth_free(own);
        _exit(good && checks_failed == 0 ? 0 : 1);
    }
    check_child(child);
    after = stored(other);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    CHECK(tc_auth_renewal_poll(other, 0, &ticket) == TC_AUTH_STATUS_RENEWAL_TIMEOUT);
    tc_auth_renewal_cancel(ticket);
    tc_auth_free(other);
    tc_auth_free(parents);
    start_again();
}

/* A child has the lock open, too, for as long as it lives. */
static void child_keeps_no_lock(void)
{
    tc_auth *parents = member(), *other = member();
    tc_auth_renewal *ticket = due_ticket(parents);
    int pipes[2];
    pid_t child;
    CHECK(pipe(pipes) == 0);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        char end;
        alarm(20);
        close(pipes[1]);
        _exit(read(pipes[0], &end, 1) == 0 ? 0 : 1);
    }
    CHECK(tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), NULL) == OK);
    CHECK(tc_auth_update_token(parents, "due-again", 1) == OK);
    tc_auth_renewal_cancel(due_ticket(other));
    close(pipes[1]);
    check_child(child);
    close(pipes[0]);
    tc_auth_free(other);
    tc_auth_free(parents);
    start_again();
}

static void test_sharing_forks(void)
{
    begin_sharing();
    for (int what = 0; what < 3; what++)
        child_touches_no_file(what);
    child_keeps_no_lock();
    end_sharing(member());
}

/* ---- system calls */

enum { COUNTED = 10 };

/* A shared handle looks at the token file once in each poll, and not at all when it signs. */
static void poll_and_sign(tc_auth *auth)
{
    for (int i = 0; i < 2 * COUNTED; i++) {
        tc_auth_renewal *ticket = NULL;
        char headers[1024];
        if (i == COUNTED)
            raise(SIGSTOP);
        if (tc_auth_renewal_poll(auth, 0, &ticket) != OK || ticket)
            _exit(2);
        for (int k = 0; k < 3; k++)
            if (tc_auth_header_block(auth, "GET", "/", headers, sizeof headers) != OK)
                _exit(3);
    }
    raise(SIGSTOP);
    _exit(0);
}

static void test_system_calls(void)
{
    pid_t child;
    int state = 0;
    long looks = 0, others = 0;
    begin_sharing();
    fflush(NULL);
    child = fork();
    if (child == 0) {
        tc_auth *auth = member();
        if (tc_auth_update_token(auth, "valid", TC_AUTH_NO_EXPIRY) != OK || ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            _exit(4);
        poll_and_sign(auth);
    }
    CHECK(waitpid(child, &state, 0) == child && WIFSTOPPED(state) && WSTOPSIG(state) == SIGSTOP);
    CHECK(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD) == 0);
    for (;;) {
        struct __ptrace_syscall_info call;
        CHECK(ptrace(PTRACE_SYSCALL, child, 0, 0) == 0 && waitpid(child, &state, 0) == child);
        if (!WIFSTOPPED(state) || WSTOPSIG(state) != (SIGTRAP | 0x80))
            break;
        CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof call, &call) > 0);
        if (call.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        /* Some virtual machines read the clock with a system call. raise() makes up to five. */
        if (call.entry.nr == SYS_newfstatat)
            looks++;
        else if (call.entry.nr != SYS_clock_gettime)
            others++;
    }
    CHECK(WIFSTOPPED(state) && WSTOPSIG(state) == SIGSTOP);
    printf("%d polls: %ld looks at a file, %ld other system calls\n", COUNTED, looks, others);
    CHECK(looks == COUNTED && others <= 5);
    CHECK(ptrace(PTRACE_DETACH, child, 0, 0) == 0);
    check_child(child);
    end_sharing(member());
}

static int signals; /* to the waiting thread; SIGALRM goes to any thread */

static void count_signal(int number)
{
    if (number == SIGUSR1)
        __atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED);
}

struct waiter {
    tc_auth *auth;
    int64_t max_wait_ms;
    tc_auth_status status;
    tc_auth_renewal *ticket;
    double took;
    int done;
};

static void *wait_for_renewal(void *argument)
{
    struct waiter *waiter = argument;
    double started = seconds();
    waiter->status = tc_auth_renewal_poll(waiter->auth, waiter->max_wait_ms, &waiter->ticket);
    waiter->took = seconds() - started;
    __atomic_store_n(&waiter->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* Waits with a signal every millisecond. The renewal is completed after this many signals; never with 0. */
static struct waiter interrupted(int64_t max_wait_ms, int complete_after)
{
    tc_auth *auth = due_handle();
    tc_auth_renewal *ticket = due_ticket(auth);
    struct waiter waiter = {auth, max_wait_ms, TC_AUTH_STATUS_PANIC, NULL, 0, 0};
    pthread_t thread;
    __atomic_store_n(&signals, 0, __ATOMIC_RELAXED);
    CHECK(pthread_create(&thread, NULL, wait_for_renewal, &waiter) == 0);
    for (int i = 1; !__atomic_load_n(&waiter.done, __ATOMIC_ACQUIRE); i++) {
        pthread_kill(thread, SIGUSR1);
        pause_ms(1);
        if (i == complete_after) {
            CHECK(tc_auth_renewal_complete(ticket, 200, GOOD, strlen(GOOD), NULL) == OK);
            ticket = NULL;
        }
    }
    pthread_join(thread, NULL);
    CHECK(__atomic_load_n(&signals, __ATOMIC_RELAXED) > 20);
    CHECK(waiter.ticket == NULL);
    tc_auth_renewal_cancel(ticket);
    tc_auth_free(auth);
    return waiter;
}

static void test_signals(void)
{
    struct sigaction action, alarms, was;
    struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    struct waiter waiter;
    memset(&action, 0, sizeof action); /* no SA_RESTART */
    action.sa_handler = count_signal;
    sigaction(SIGUSR1, &action, &was);
    sigaction(SIGALRM, &action, &alarms);
    setitimer(ITIMER_REAL, &every, NULL);

    waiter = interrupted(500, 0);
    printf("signals: %d while it waited %.3f s for nothing\n", signals, waiter.took);
    CHECK(waiter.status == TC_AUTH_STATUS_RENEWAL_TIMEOUT);
    CHECK(waiter.took >= 0.5 && waiter.took < 5); /* the machine may be busy */
    waiter = interrupted(60000, 200);
    printf("signals: %d while it waited %.3f s for a renewal\n", signals, waiter.took);
    CHECK(waiter.status == OK);
    CHECK(waiter.took >= 0.15 && waiter.took < 10);

    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &alarms, NULL);
    sigaction(SIGUSR1, &was, NULL);
}

/* ---- short-lived threads */

static void *use_all(void *argument)
{
    struct shared *shared = argument;
    tc_auth_header_list *list = NULL;
    tc_auth_renewal *ticket = NULL;
    int good = signs(shared->hmac) && tc_auth_headers(shared->token, "GET", "/", &list) == OK &&
               tc_auth_renewal_poll(shared->token, 0, &ticket) == OK;
    tc_auth_header_list_free(list);
    return good ? NULL : argument;
}

static void test_threads(void)
{
    enum { AT_ONCE = 200, ROUNDS = 40, WARM = 5 };
    struct shared shared = {hmac_handle(), NULL, NULL};
    pthread_attr_t small;
    long before = 0;
    CHECK(tc_auth_new_token(TOKEN, TC_AUTH_NO_EXPIRY, &shared.token) == OK);
    pthread_attr_init(&small);
    CHECK(pthread_attr_setstacksize(&small, 16 * 1024) == 0); /* the minimum, above what tc_auth.h asks for */
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++)
            CHECK(pthread_create(&thread[i], &small, use_all, &shared) == 0);
        for (int i = 0; i < AT_ONCE; i++) {
            void *wrong = &shared;
            CHECK(pthread_join(thread[i], &wrong) == 0 && wrong == NULL);
        }
        if (round == WARM)
            before = resident();
    }
    memory_is_flat("threads", before, 512);
    pthread_attr_destroy(&small);
    tc_auth_free(shared.token);
    tc_auth_free(shared.hmac);
}

/* ---- created in one thread, used and freed in another */

struct moved {
    tc_auth *hmac, *token;
    tc_auth_header_list *list;
    tc_auth_url *url;
    tc_auth_renewal *ticket;
    char *string;
};

static void *make_all(void *argument)
{
    struct moved *moved = argument;
    moved->hmac = hmac_handle();
    moved->token = due_handle();
    moved->ticket = due_ticket(moved->token);
    CHECK(tc_auth_headers(moved->hmac, "GET", "/", &moved->list) == OK);
    CHECK(tc_auth_url_new("/", &moved->url) == OK);
    CHECK(tc_auth_describe(moved->token, &moved->string) == OK);
    return NULL;
}

static void *free_all(void *argument)
{
    struct moved *moved = argument;
    CHECK(signs(moved->hmac));
    CHECK(tc_auth_url_add_segment(moved->url, "x") == OK);
    CHECK(tc_auth_renewal_complete(moved->ticket, 200, GOOD, strlen(GOOD), NULL) == OK);
    tc_auth_free(moved->hmac);
    tc_auth_free(moved->token);
    CHECK(tc_auth_header_list_line(moved->list, 0) != NULL);
    tc_auth_header_list_free(moved->list);
    tc_auth_url_free(moved->url);
    tc_auth_string_free(moved->string);
    return NULL;
}

static void test_moves(void)
{
    for (int i = 0; i < 100; i++) {
        struct moved moved = {NULL, NULL, NULL, NULL, NULL, NULL};
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, make_all, &moved) == 0 && pthread_join(thread, NULL) == 0);
        CHECK(pthread_create(&thread, NULL, free_all, &moved) == 0 && pthread_join(thread, NULL) == 0);
    }
}

/* ---- cancelled: the call completes, and then the thread ends */

static pthread_barrier_t begun;

static void *work_until_cancelled(void *argument)
{
    struct shared *shared = argument;
    pthread_barrier_wait(&begun);
    for (;;) {
        tc_auth *auth[3] = {NULL, NULL, NULL};
        tc_auth_renewal *ticket = NULL;
        CHECK(tc_auth_new_token(TOKEN, 0, &auth[0]) == OK);
        CHECK(tc_auth_from_param_file("tests/vectors/params/aes128", "ajfmuyodhscwegea", &auth[1]) == OK);
        CHECK(tc_auth_discover(0, NULL, NULL, &auth[2]) == OK);
        CHECK(tc_auth_renewal_poll(shared->due, 1, &ticket) == TC_AUTH_STATUS_RENEWAL_TIMEOUT);
        CHECK(signs(shared->hmac));
        if (tc_auth_share_in(auth[0], shared_directory, NULL) == OK) {
            CHECK(tc_auth_update_token(auth[0], "another", 1) == OK);
            CHECK(tc_auth_set_api_path(auth[0], API_PATH) == OK);
            CHECK(tc_auth_renewal_complete(due_ticket(auth[0]), 200, GOOD, strlen(GOOD), NULL) == OK);
        } else {
            CHECK(!"shared");
        }
        for (int i = 0; i < 3; i++)
            tc_auth_free(auth[i]);
        pthread_testcancel();
    }
    return NULL;
}

static void test_cancelling(void)
{
    struct shared shared = {hmac_handle(), NULL, due_handle()};
    tc_auth_renewal *ticket = due_ticket(shared.due);
    begin_sharing();
    pthread_barrier_init(&begun, NULL, 2);
    CHECK(setenv("TC_APP_PARAM_FILE", "tests/vectors/params/aes128", 1) == 0);
    CHECK(setenv("TC_APP_PARAM_KEY", "ajfmuyodhscwegea", 1) == 0);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        void *result = NULL;
        CHECK(pthread_create(&thread, NULL, work_until_cancelled, &shared) == 0);
        pthread_barrier_wait(&begun);
        if (i % 2) /* otherwise at once */
            pause_ms(i % 10);
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
    }
    unsetenv("TC_APP_PARAM_FILE");
    unsetenv("TC_APP_PARAM_KEY");
    pthread_barrier_destroy(&begun);
    end_sharing(member());
    tc_auth_renewal_cancel(ticket);
    tc_auth_free(shared.due);
    tc_auth_free(shared.hmac);
}

/* ---- no threads, files or signal handlers are left */

static void test_traces(void)
{
    long threads = -1, files = entries("/proc/self/fd");
    struct sigaction action;
    tc_auth *auth = NULL;
    struct moved moved = {NULL, NULL, NULL, NULL, NULL, NULL};
    /* The kernel may still list a thread that was joined. */
    while (threads != entries("/proc/self/task")) {
        threads = entries("/proc/self/task");
        pause_ms(50);
    }
    begin_sharing();
    make_all(&moved);
    CHECK(tc_auth_share_in(moved.hmac, shared_directory, NULL) == TC_AUTH_STATUS_WRONG_KIND);
    free_all(&moved);
    end_sharing(member());
    CHECK(tc_auth_from_param_file("tests/vectors/params/aes128", "ajfmuyodhscwegea", &auth) == OK);
    tc_auth_free(auth);
    CHECK(threads > 0 && files > 0);
    CHECK(entries("/proc/self/task") == threads && entries("/proc/self/fd") == files);
    for (int number = 1; number < 65; number++)
        CHECK(sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_DFL);
}

/* ---- no environment, no standard streams, no file descriptors */

static void test_bareness(void)
{
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        tc_auth *auth = NULL, *hmac = NULL;
        char *why = NULL;
        struct rlimit files, no_files;
        int good;
        getrlimit(RLIMIT_NOFILE, &files);
        no_files = files;
        no_files.rlim_cur = 0;
        clearenv();
        close(0);
        close(1);
        close(2);
        good = tc_auth_discover(0, NULL, &why, &auth) == TC_AUTH_STATUS_NO_CREDENTIALS && why && !auth;
        tc_auth_string_free(why);
        setrlimit(RLIMIT_NOFILE, &no_files);
        good = good && tc_auth_from_param_file("tests/vectors/params/aes128", "ajfmuyodhscwegea", &auth) ==
                           TC_AUTH_STATUS_CONFIG_IO;
        setrlimit(RLIMIT_NOFILE, &files);
        good = good && tc_auth_from_env(&auth) == TC_AUTH_STATUS_NO_CREDENTIALS &&
               tc_auth_from_param_file("tests/vectors/params/aes128", "ajfmuyodhscwegea", &auth) == OK &&
               tc_auth_new_hmac(ID, SECRET, &hmac) == OK && signs(hmac);
        tc_auth_free(auth);
        tc_auth_free(hmac);
        _exit(good ? 0 : 1);
    }
    check_child(child);
}

/* ---- no memory: the program is aborted, with a line that says why */

static void hoard(const char *what)
{
    for (;;) {
        tc_auth *auth = NULL;
        tc_auth_url *url = NULL;
        tc_auth_status status = strcmp(what, "tokens") == 0 ? tc_auth_new_token(TOKEN, 0, &auth)
                                : strcmp(what, "keys") == 0 ? tc_auth_new_hmac(ID, SECRET, &auth)
                                                            : tc_auth_url_new("/", &url);
        while (url && status == OK)
            status = tc_auth_url_add_segment(url, tc_auth_url_string(url));
        if (status != OK)
            _exit(100 + (int)status);
    }
}

/* A function that allocates nothing works without memory. */
static void starved(void)
{
    tc_auth *handles[2] = {hmac_handle(), due_handle()};
    char value[256];
    size_t len;
    int64_t timestamp;
    int good = 1;
    for (int round = 0; round < 2; round++) { /* a thread's first call on a token handle does allocate */
        for (size_t size = 1 << 20; round && size > 16; size /= 2) {
            char *taken;
            while ((taken = malloc(size)) != NULL)
                *taken = 'x';
        }
        for (int i = 0; i < 2; i++)
            if (tc_auth_headers_into(handles[i], "GET", 3, "/", 1, 0, value, sizeof value, &len, &timestamp) != OK)
                good = 0;
    }
    _exit(good ? 0 : 1);
}

static void limit_memory(void)
{
    struct rlimit none = {0, 0}, limit = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_AS, &limit);
    alarm(60);
}

static void test_memory(void)
{
    pid_t child;
    static const char *const hoards[] = {"tokens", "keys", "one URL"};
    for (size_t i = 0; i < sizeof hoards / sizeof *hoards; i++) {
        char said[256] = "";
        int ends[2], state = -1;
        ssize_t len = 0, part;
        CHECK(pipe(ends) == 0);
        fflush(NULL);
        child = fork();
        if (child == 0) {
            limit_memory();
            dup2(ends[1], 2);
            hoard(hoards[i]);
        }
        close(ends[1]);
        while ((part = read(ends[0], said + len, sizeof said - 1 - (size_t)len)) > 0)
            len += part;
        close(ends[0]);
        CHECK(child > 0 && waitpid(child, &state, 0) == child);
        said[strcspn(said, "\n")] = '\0';
        printf("memory, %s: signal %d, \"%s\"\n", hoards[i], WIFSIGNALED(state) ? WTERMSIG(state) : 0, said);
        CHECK_IN(hoards[i], WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT);
        CHECK_IN(hoards[i], strstr(said, "memory allocation of ") != NULL);
    }
    child = fork();
    if (child == 0) {
        limit_memory();
        starved();
    }
    check_child(child);
}

/* ---- limited resources of a process */

static long mappings(void)
{
    long lines = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int byte; maps && (byte = getc(maps)) != EOF;)
        lines += byte == '\n';
    if (maps)
        fclose(maps);
    return lines;
}

/* Frees handles in an order that leaves holes between the others. */
static void test_mappings(void)
{
    enum { HANDLES = 10000 };
    static tc_auth *auth[HANDLES];
    long before = mappings(), holes;
    for (int i = 0; i < HANDLES; i++)
        CHECK(tc_auth_new_token(TOKEN, TC_AUTH_NO_EXPIRY, &auth[i]) == OK);
    for (int i = 0; i < HANDLES; i += 2)
        tc_auth_free(auth[i]);
    holes = mappings();
    for (int i = 1; i < HANDLES; i += 2) {
        tc_auth_header_list *list = NULL;
        CHECK(tc_auth_headers(auth[i], "GET", "/", &list) == OK);
        tc_auth_header_list_free(list);
        tc_auth_free(auth[i]);
    }
    printf("mappings: %ld, %ld, then %ld\n", before, holes, mappings());
    CHECK(before > 0 && holes - before < 4200 && mappings() - before < 100);
}

/* Replaces the file that is read by another kind of file. */
static void *exchange(void *argument)
{
    const char *const *names = argument;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        rename(names[0], names[2]);
        rename(names[1], names[0]);
        rename(names[2], names[1]);
    }
    return NULL;
}

static void test_exchanged_file(void)
{
    char directory[] = "/tmp/tc_auth-hosts-XXXXXX", file[64], pipe[64], spare[64];
    const char *names[] = {file, pipe, spare};
    pid_t child;
    CHECK(mkdtemp(directory) != NULL);
    snprintf(file, sizeof file, "%s/file", directory);
    snprintf(pipe, sizeof pipe, "%s/pipe", directory);
    snprintf(spare, sizeof spare, "%s/spare", directory);
    CHECK(mkfifo(pipe, 0600) == 0 && close(open(file, O_CREAT | O_WRONLY, 0600)) == 0);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        double started = seconds();
        tc_auth *auth = NULL;
        pthread_t thread;
        int good;
        alarm(20);
        __atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
        good = pthread_create(&thread, NULL, exchange, names) == 0;
        while (good && seconds() - started < 1) {
            tc_auth_status status = tc_auth_from_param_file(file, "ajfmuyodhscwegea", &auth);
            good = status == TC_AUTH_STATUS_CONFIG_IO || status == TC_AUTH_STATUS_CONFIG_DECRYPT;
        }
        _exit(good ? 0 : 1);
    }
    check_child(child);
    for (int i = 0; i < 3; i++)
        unlink(names[i]);
    CHECK(rmdir(directory) == 0);
}

static void *make_handles(void *argument)
{
    tc_auth *hmac = hmac_handle(), *due = due_handle();
    tc_auth_renewal_cancel(due_ticket(due));
    if (!signs(hmac) || checks_failed > 0)
        return argument;
    tc_auth_free(hmac);
    tc_auth_free(due);
    return NULL;
}

/* Neither the system call nor the files that replace it are available. */
static void test_no_random_numbers(void)
{
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct sock_filter filter[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
        struct rlimit no_files = {0, 0};
        void *wrong = &child;
        pthread_t thread; /* a new thread, which has no cached state */
        int good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
                   setrlimit(RLIMIT_NOFILE, &no_files) == 0 &&
                   pthread_create(&thread, NULL, make_handles, &child) == 0 && pthread_join(thread, &wrong) == 0;
        _exit(good && !wrong ? 0 : 1);
    }
    check_child(child);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"loading", test_loading},
    {"forks", test_forks},
    {"waiting-forks", test_waiting_forks},
    {"sharing-forks", test_sharing_forks},
    {"system-calls", test_system_calls},
    {"leaving", test_leaving},
    {"signals", test_signals},
    {"threads", test_threads},
    {"moves", test_moves},
    {"traces", test_traces},
    {"memory", test_memory},
    {"cancelling", test_cancelling},
    {"bareness", test_bareness},
    {"mappings", test_mappings},
    {"exchanged-file", test_exchanged_file},
    {"no-random-numbers", test_no_random_numbers},
};

int main(int argc, char **argv)
{
    shared_library = argc > 1 ? argv[1] : "";
    planted = argc > 2 && strcmp(argv[2], "plant") == 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        int named = argc == 2;
        for (int a = 2; a < argc; a++)
            named = named || strcmp(argv[a], tests[i].name) == 0;
        if (named)
            tests[i].run();
    }
    return check_summary("hosts");
}
