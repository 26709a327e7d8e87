/* `import tc_auth;` instead of the header: what a program gets of it. */
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

import tc_auth;

static int failed;

static void check(bool good, const char *what)
{
    failed += good ? 0 : 1;
    std::printf("%s: %s\n", good ? "good" : "FAILED", what);
}

int main()
{
    const auto made = tcauth::auth::try_hmac("12345678901234567890", "tc_auth-example-secret");
    check(made && made->kind() == TC_AUTH_KIND_HMAC, "a handle");
    const auto at = std::chrono::system_clock::from_time_t(1513703787);
    check(made->try_headers("GET", "/api/v3/indicators", at)->authorization ==
              "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=",
          "headers");
    const std::error_code code = TC_AUTH_STATUS_TOKEN_EXPIRED;
    check(code.category() == tcauth::category() && code == TC_AUTH_STATUS_TOKEN_EXPIRED, "a status is an error code");
    check(tcauth::name(TC_AUTH_ADVICE_RETRY) == "RETRY", "a name");
    std::cout << TC_AUTH_STATUS_TOKEN_EXPIRED << ' ' << TC_AUTH_ADVICE_RETRY << ' ' << TC_AUTH_KIND_HMAC << std::endl;
    const tcauth::result<tcauth::url> url = tcauth::url::try_make("a b");
    check(url.error().status() == TC_AUTH_STATUS_INVALID_URI_BYTE, "a failure");
    std::optional<tcauth::renewal> ticket;
    auto token = *tcauth::auth::try_token("API:1:old", tcauth::time_point(std::chrono::seconds(1)));
    check(token.try_set_api_path("https://company.example/api").has_value(), "an API path");
    ticket = *token.try_poll(std::chrono::seconds(0));
    check(ticket && !ticket->try_complete(500, ""), "a ticket");
#ifdef __cpp_exceptions
    try {
        tcauth::auth::hmac("", "a");
        check(false, "it must throw");
    } catch (const tcauth::error &error) {
        check(error.code() == TC_AUTH_STATUS_INVALID_ACCESS_ID, "an exception");
    }
#endif
    return failed;
}
