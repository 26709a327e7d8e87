/* A program with a second static library that was made with Rust: tests/c/second.rs. Panics unwind in it, too. */
#include <stdio.h>
#include <tc_auth.h>

int second_sum(int count); /* of the numbers below it; -1 for more than five, for which it panics */

int main(void)
{
    tc_auth *auth = NULL;
    tc_auth_status status = tc_auth_new_hmac("1", "secret", &auth);
    int few = second_sum(4), many = second_sum(9);
    tc_auth_free(auth);
    printf("%d %d %d\n", (int)status, few, many);
    return status == TC_AUTH_STATUS_OK && few == 6 && many == -1 ? 0 : 1;
}
