/* Simulates a machine that sleeps. The program replaces the clocks that the library reads: the time of day and the
 * uptime go on while the monotonic clock stops. For Linux. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <tc_auth.h>

#include "samples.h"

/* Seconds that the machine has slept. */
static long slept;

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME)
        out->tv_sec += slept;
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

static tc_auth *handle(int64_t expires)
{
    tc_auth *auth = NULL;
    CHECK(tc_auth_new_token("API:5:sleep", expires, &auth) == OK);
    CHECK(tc_auth_set_api_path(auth, API_PATH) == OK);
    return auth;
}

static tc_auth_renewal *poll_now(tc_auth *auth)
{
    tc_auth_renewal *renewal = NULL;
    CHECK(tc_auth_renewal_poll(auth, 0, &renewal) == OK);
    return renewal;
}

/* A token of one hour is due when the machine wakes up 40 seconds before its expiry: the window is one minute, not half
 * of the remaining time. */
static void due_after_sleep(void)
{
    tc_auth *auth = handle(time(NULL) + 3600);
    tc_auth_renewal *renewal;
    CHECK(!poll_now(auth));
    slept += 3560;
    renewal = poll_now(auth);
    CHECK(renewal != NULL);
    tc_auth_renewal_cancel(renewal);
    tc_auth_free(auth);
}

/* A ticket also lapses during sleep. */
static void lapsed_after_sleep(void)
{
    tc_auth *auth = handle(time(NULL) + 1);
    tc_auth_renewal *renewal, *second = NULL;
    slept += 10;
    renewal = poll_now(auth);
    CHECK(renewal != NULL);
    slept += 110;
    CHECK(tc_auth_renewal_poll(auth, 0, &second) == TC_AUTH_STATUS_RENEWAL_TIMEOUT);
    slept += 11;
    CHECK((second = poll_now(auth)) != NULL);
    /* The pause after a failure also ends during sleep. */
    tc_auth_renewal_cancel(second);
    CHECK(!poll_now(auth));
    slept += 7;
    CHECK((second = poll_now(auth)) != NULL);
    tc_auth_renewal_cancel(second);
    tc_auth_renewal_cancel(renewal);
    tc_auth_free(auth);
}

/* A waiting call notices within a second that the machine has slept. */
static void waits_in_slices(void)
{
    tc_auth *auth = handle(time(NULL) - 1);
    tc_auth_renewal *renewal = poll_now(auth), *second = NULL;
    struct timespec before, after;
    CHECK(renewal != NULL);
    slept += 119; /* the ticket lapses in a second */
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &before);
    CHECK(tc_auth_renewal_poll(auth, 60000, &second) == OK && second != NULL);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec < 20);
    tc_auth_renewal_cancel(second);
    tc_auth_renewal_cancel(renewal);
    tc_auth_free(auth);
}

int main(void)
{
    due_after_sleep();
    lapsed_after_sleep();
    waits_in_slices();
    return check_summary("sleep");
}
