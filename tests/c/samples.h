/* What the C tests sign and renew with. The expected signature stands in tests/vectors/hmac.json, too. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <tc_auth.h>

#include "check.h"

#define ID "12345678901234567890"
#define SECRET "tc_auth-example-secret"
#define TOKEN "2:1:-1:1474673195:poZAT:secret="
#define URI "/api/v3/indicators"
#define API_PATH "https://company.example/api"
/* A response that renews a token. */
#define GOOD "{\"success\":true,\"apiToken\":\"new\",\"apiTokenExpires\":99999999999}"

#define OK TC_AUTH_STATUS_OK
#define NULL_ARGUMENT TC_AUTH_STATUS_NULL_ARGUMENT

static inline tc_auth *hmac_handle(void)
{
    tc_auth *auth = NULL;
    CHECK(tc_auth_new_hmac(ID, SECRET, &auth) == OK);
    return auth;
}

/* The ticket of a token that is due. */
static inline tc_auth_renewal *due_ticket(tc_auth *auth)
{
    tc_auth_renewal *ticket = NULL;
    CHECK(tc_auth_renewal_poll(auth, 0, &ticket) == OK && ticket);
    return ticket;
}

#endif
