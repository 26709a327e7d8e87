/* A minimal test harness: it counts checks, says where one failed, and continues. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int checks_passed;
static int checks_failed;

/* `what` names the case if the line number is not enough. */
#define CHECK_IN(what, condition) check((condition) ? 1 : 0, (what), #condition, __FILE__, __LINE__)
#define CHECK(condition) CHECK_IN("", condition)

static void check(int good, const char *what, const char *condition, const char *file, int line)
{
    if (good) {
        checks_passed++;
        return;
    }
    checks_failed++;
    fprintf(stderr, "%s:%d: %s%s%s\n", file, line, what, *what ? ": " : "", condition);
}

static int check_summary(const char *program)
{
    printf("%s: %d checks passed, %d failed\n", program, checks_passed, checks_failed);
    return checks_failed == 0 && checks_passed > 0 ? 0 : 1;
}

#endif
