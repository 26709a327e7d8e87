/* A C library of version 0.1, as far as TcAuth asks it. */

const char *tc_auth_version(void);

const char *tc_auth_version(void)
{
    return "0.0.9";
}
