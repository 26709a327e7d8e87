/* Proves that ThreadSanitizer is on: two threads change one URL without a lock, which the header forbids. One change
 * comes long after the other, so that nothing breaks, but they are not synchronized. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <tc_auth.h>

#include "measure.h"

static void *add(void *url)
{
    return tc_auth_url_add_query(url, "x", "y") == TC_AUTH_STATUS_OK ? NULL : url;
}

int main(void)
{
    tc_auth_url *url = NULL;
    pthread_t other;
    if (tc_auth_url_new("/", &url) != TC_AUTH_STATUS_OK || pthread_create(&other, NULL, add, url) != 0)
        return 2;
    pause_ms(200);
    add(url);
    pthread_join(other, NULL);
    tc_auth_url_free(url);
    return 0;
}
