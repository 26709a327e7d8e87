/* The example curl_session.c, which also trusts the certificate in the file that CERTIFICATE names. */
#include <curl/curl.h>
#include <stdlib.h>

static CURL *init_with_certificate(void)
{
    CURL *curl = curl_easy_init();
    if (curl && getenv("CERTIFICATE"))
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("CERTIFICATE"));
    return curl;
}

#define curl_easy_init init_with_certificate
#include "../../examples-c/curl_session.c"
