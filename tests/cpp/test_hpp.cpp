/* tc_auth.hpp: what is C++'s own. What the functions answer is the matter of conformance.cpp. */
#include "../c/check.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

/* As on a system that has such macros. */
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define check(x) ((void)(x))
#include <tc_auth.hpp>
#undef max
#undef min
#undef check

using std::chrono::seconds;
using tcauth::time_point;

static const char *const token = "API:5:cpp+token/with=:colons:";
static const char *const secret = "tc_auth-example-secret";

/* Freed memory that still holds the secret key or the token. */
static int secrets_freed;

static void look_and_free(void *block) noexcept
{
    const std::string_view bytes(static_cast<char *>(block), block ? malloc_usable_size(block) : 0);
    secrets_freed += bytes.find("le-secret") != bytes.npos || bytes.find("cpp+token") != bytes.npos;
    std::free(block);
}

void *operator new(std::size_t size)
{
    if (void *block = std::malloc(size))
        return block;
    throw std::bad_alloc();
}
void operator delete(void *block) noexcept { look_and_free(block); }
void operator delete(void *block, std::size_t) noexcept { look_and_free(block); }

/* The status that a call throws; OK if it does not. */
template <class call> static tc_auth_status thrown(call function)
{
    try {
        function();
    } catch (const tcauth::error &error) {
        CHECK(!std::strstr(error.what(), "cpp+token") && !std::strstr(error.what(), secret));
        CHECK(std::strstr(error.what(), tc_auth_status_message(error.status())) == error.what());
        return error.status();
    }
    return TC_AUTH_STATUS_OK;
}

static tcauth::auth due()
{
    auto auth = tcauth::auth::token(token, time_point(seconds(1)));
    auth.set_api_path("https://company.example/api");
    return auth;
}

static void ownership()
{
    static_assert(!std::is_copy_constructible_v<tcauth::auth> && std::is_nothrow_move_constructible_v<tcauth::auth>);
    static_assert(!std::is_copy_assignable_v<tcauth::auth> && std::is_nothrow_move_assignable_v<tcauth::auth>);
    static_assert(!std::is_copy_constructible_v<tcauth::renewal> && std::is_nothrow_move_constructible_v<tcauth::renewal>);
    static_assert(!std::is_copy_constructible_v<tcauth::url> && std::is_nothrow_move_assignable_v<tcauth::url>);
    static_assert(std::is_copy_constructible_v<tcauth::headers> && std::is_nothrow_copy_constructible_v<tcauth::error>);

    auto first = tcauth::auth::hmac("1", secret);
    auto second = std::move(first);
    CHECK(second.kind() == TC_AUTH_KIND_HMAC && first.kind() == TC_AUTH_KIND_NONE);
    CHECK(thrown([&] { first.headers("GET", "/"); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(thrown([&] { first.describe(); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    second = tcauth::auth::token("a");
    CHECK(second.headers("GET", "/").authorization == "TC-Token a");
    CHECK(!second.headers("GET", "/").timestamp && second.headers("GET", "/").lines().size() == 1);

    tcauth::url built = tcauth::url("/api").add_segment("a b"), moved = std::move(built);
    CHECK(moved.add_query("c", "d/e").view() == "/api/a%20b?c=d%2Fe" && built.view().empty());
    const auto &kept_alive = tcauth::url("/api").add_segment("x").add_query("a", "b");
    CHECK(kept_alive.view() == "/api/x?a=b");
    CHECK(thrown([&] { moved.add_segment("f"); }) == TC_AUTH_STATUS_INVALID_URI_FORM);
}

static void renewals()
{
    auto auth = due();
    {
        const auto forgotten = auth.poll(seconds(0));
        CHECK(forgotten && forgotten->url().find("expiredToken=API%3A5%3Acpp") != std::string_view::npos);
        CHECK(forgotten->url() == forgotten->c_url());
        CHECK(thrown([&] { auth.poll(seconds(0)); }) == TC_AUTH_STATUS_RENEWAL_TIMEOUT);
    } /* destroyed is cancelled */
    CHECK(!auth.poll(seconds(0)));

    auth = due();
    auto refused = auth.poll(seconds(0));
    try {
        refused->complete(200, R"({"success": false, "message": "no more API:5:cpp+token/with=:colons:"})");
        CHECK(!"it must throw");
    } catch (const tcauth::error &error) {
        CHECK(error.status() == TC_AUTH_STATUS_RENEWAL_REFUSED && error.detail() == "no more ***");
    }
    CHECK(refused->url().empty() && *refused->c_url() == '\0');
    CHECK(thrown([&] { refused->complete(200, ""); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    refused->cancel();

    auth = due();
    auto good = auth.poll(seconds(0));
    std::thread waits([&] { CHECK(!auth.poll(seconds(10))); });
    CHECK(good->complete(200, R"({"success": true, "apiToken": "new", "apiTokenExpires": "99999999999"})").empty());
    waits.join();
    CHECK(auth.current_token().value == "new" && auth.current_token().expires == time_point(seconds(99999999999)));
}

static void wiping()
{
    secrets_freed = 0;
    {
        auto auth = tcauth::auth::hmac("1", secret);
        auth = tcauth::auth::token(token);
        auth.update_token(token);
        CHECK(thrown([] { tcauth::auth::hmac("1", std::string_view("tc_auth-example-secret\0", 23)); }) == TC_AUTH_STATUS_INVALID_SECRET_KEY);
        CHECK(tcauth::auth::from_args({"--api_access_id=1", "--api_secret_key", secret}).kind() == TC_AUTH_KIND_HMAC);
        CHECK(thrown([] { tcauth::auth::from_args({"--api_secret_key", secret, {"\0", 1}}); }) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    }
    CHECK(secrets_freed == 0);
    std::string(secret).append(" and more"); /* the check itself: a copy that is not wiped */
    CHECK(secrets_freed > 0);
}

static void long_tokens()
{
    for (const std::size_t length : {1, 246, 247, 248, 100'000}) {
        const auto auth = tcauth::auth::token(std::string(length, 'x'));
        CHECK(auth.headers("GET", "/").authorization == "TC-Token " + std::string(length, 'x'));
    }
}

static void arguments()
{
    std::string why;
    CHECK(tcauth::auth::discover({"app", "--tc_token", "a"}, &why).kind() == TC_AUTH_KIND_TOKEN && !why.empty());
    char program[] = "app", option[] = "--tc_token=a";
    char *argv[] = {program, option};
    CHECK(tcauth::auth::from_args(2, argv).kind() == TC_AUTH_KIND_TOKEN);
    CHECK(tcauth::auth::discover(2, argv).kind() == TC_AUTH_KIND_TOKEN);
    CHECK(thrown([] { tcauth::auth::from_args(-1, nullptr); }) == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(thrown([] { tcauth::auth::from_args({}); }) == TC_AUTH_STATUS_NO_CREDENTIALS);
    try {
        tcauth::auth::discover({"app", "--api_access_id", "1"});
    } catch (const tcauth::error &error) {
        why = error.detail();
    }
    CHECK(why.find("arguments: api_access_id") == 0);

    /* Part of a longer string, without a NUL of its own. */
    const std::string_view long_one("GET/api/v3/indicatorsXYZ");
    const auto auth = tcauth::auth::hmac("12345678901234567890", secret);
    const auto at = time_point(seconds(1513703787));
    const auto headers = auth.headers(long_one.substr(0, 3), long_one.substr(3, 18), at);
    CHECK(headers.authorization == "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=");
    CHECK(headers.timestamp == 1513703787 && headers.lines().at(1).second == "1513703787");
    auth.verify(long_one.substr(0, 3), long_one.substr(3, 18), headers.authorization, "1513703787", at);
    CHECK(thrown([&] { auth.verify("GET", "/", headers.authorization, {}, at); }) == TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
    CHECK(thrown([&] { auth.headers(std::string_view(), std::string_view()); }) == TC_AUTH_STATUS_INVALID_METHOD);
    CHECK(thrown([&] { auth.headers("GET", "/", time_point(seconds(-1))); }) == TC_AUTH_STATUS_INVALID_TIME);
}

static void convenience()
{
    const char *const unset = nullptr;
    CHECK(thrown([&] { tcauth::auth::hmac("1", unset); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(thrown([&] { tcauth::url("/").add_query("a", unset); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    const auto in_an_hour = std::chrono::system_clock::now() + std::chrono::hours(1);
    auto auth = tcauth::auth::token(std::string(token), in_an_hour);
    CHECK(auth.current_token().expires == std::chrono::floor<seconds>(in_an_hour));
    auth.update_token("other", in_an_hour + std::chrono::milliseconds(1500));
    CHECK(auth.headers("GET", "/", in_an_hour).authorization == "TC-Token other");
    CHECK(tcauth::url("/a").add_query(std::string("b"), std::string_view("c")).str() == "/a?b=c");
}

static void many_threads()
{
    const auto auth = tcauth::auth::hmac("1", secret);
    const auto at = time_point(seconds(1513703787));
    const auto expected = auth.headers("GET", "/", at).authorization;
    std::vector<std::thread> threads;
    std::vector<int> same(4);
    for (auto &count : same)
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; i++)
                count += auth.headers("GET", "/", at).authorization == expected;
        });
    for (auto &thread : threads)
        thread.join();
    for (const auto count : same)
        CHECK(count == 1000);
}

int main()
{
    ownership();
    renewals();
    wiping();
    long_tokens();
    arguments();
    convenience();
    many_threads();
    return check_summary("test_hpp");
}
