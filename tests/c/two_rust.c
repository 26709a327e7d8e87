/* A program with a second static library written in Rust, tests/c/second.rs, in which panics also unwind. */
#include <stdio.h>
#include <tc_auth.h>

int second_sum(int count); /* the sum of the numbers below count; -1 after a panic, for more than five */

int main(void)
{
    tc_auth *auth = NULL;
    tc_auth_status status = tc_auth_new_hmac("1", "secret", &auth);
    int few = second_sum(4), many = second_sum(9);
    tc_auth_free(auth);
    printf("%d %d %d\n", (int)status, few, many);
    return status == TC_AUTH_STATUS_OK && few == 6 && many == -1 ? 0 : 1;
}
