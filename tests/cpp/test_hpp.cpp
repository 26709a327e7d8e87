/* tc_auth.hpp: what is C++'s own. What the functions answer is the matter of conformance.cpp. */
#include "../c/check.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <malloc.h>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
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

/* How many allocations of this thread succeed before one fails; below 0: all. */
static thread_local long allocations_left = -1;

void *operator new(std::size_t size)
{
    void *block = allocations_left == 0 ? nullptr : std::malloc(size);
    if (allocations_left >= 0)
        allocations_left--;
    if (block)
        return block;
    throw std::bad_alloc();
}
void operator delete(void *block) noexcept
{
    look_and_free(block);
}
void operator delete(void *block, std::size_t) noexcept
{
    look_and_free(block);
}

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
    static_assert(!std::is_copy_constructible_v<tcauth::renewal> &&
                  std::is_nothrow_move_constructible_v<tcauth::renewal>);
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
        CHECK_IN("it must throw", false);
    } catch (const tcauth::error &error) {
        CHECK(error.status() == TC_AUTH_STATUS_RENEWAL_REFUSED && error.detail() == "no more ***");
    }
    CHECK(refused->url().empty() && *refused->c_url() == '\0');
    CHECK(thrown([&] { refused->complete(200, ""); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    refused->cancel();

    auth = due();
    auto without_body = auth.poll(seconds(0));
    const char *const no_body = nullptr;
    CHECK(thrown([&] { without_body->complete(200, no_body); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(without_body->url().empty() && !auth.poll(seconds(0))); /* it is used up */

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
        CHECK(thrown([] { tcauth::auth::hmac("1", std::string_view("tc_auth-example-secret\0", 23)); }) ==
              TC_AUTH_STATUS_INVALID_SECRET_KEY);
        CHECK(tcauth::auth::from_args({"--api_access_id=1", "--api_secret_key", secret}).kind() == TC_AUTH_KIND_HMAC);
        CHECK(thrown([] { tcauth::auth::from_args({"--api_secret_key", secret, std::string_view("\0", 1)}); }) ==
              TC_AUTH_STATUS_INVALID_ARGUMENT);
        /* So short that it is inside of an object, which moves while the list grows. */
        CHECK(tcauth::auth::from_args({"--api_secret_key", "sample-secret", "--api_access_id", "1", "a", "b"}).get());
    }
    CHECK(secrets_freed == 0);
    /* A short string is inside of its object. One that is moved must leave nothing there. */
    static const std::string_view short_token = "a.sh.1";
    const auto holds_it = [](const auto &object) {
        const std::string_view bytes(reinterpret_cast<const char *>(&object), sizeof object);
        return bytes.find(short_token.substr(1)) != bytes.npos; /* moving overwrites the first byte */
    };
    auto shown = tcauth::auth::token(short_token).try_current_token();
    const auto moved = *std::move(shown);
    CHECK(moved.value == short_token && !holds_it(shown) && !holds_it(moved));
    auto sent = tcauth::auth::token(short_token).try_headers("GET", "/");
    const auto moved_headers = *std::move(sent);
    CHECK(moved_headers.authorization == "TC-Token a.sh.1" && !holds_it(sent) && !holds_it(moved_headers));
    std::string inside(short_token); /* the check itself */
    CHECK(holds_it(inside));
    std::string(secret).append(" and more"); /* the check itself: a copy that is not wiped */
    CHECK(secrets_freed > 0);
}

static void long_tokens()
{
    for (const std::size_t length : {1u, 246u, 247u, 248u, 100'000u}) {
        const auto auth = tcauth::auth::token(std::string(length, 'x'));
        CHECK(auth.headers("GET", "/").authorization == "TC-Token " + std::string(length, 'x'));
    }
}

static void blocks()
{
    for (const std::size_t length : {1u, 400u, 600u, 100'000u}) {
        const auto auth = tcauth::auth::token(std::string(length, 'x'));
        CHECK(auth.header_block("GET", "/") == "Authorization: TC-Token " + std::string(length, 'x') + "\r\n");
    }
    const auto auth = tcauth::auth::hmac("1", secret);
    CHECK(auth.header_block("GET", "/").find("\r\nTimestamp: ") != std::string::npos);
    const auto refused = [&](std::string_view method, std::string_view uri) {
        return auth.try_header_block(method, uri).error().status();
    };
    CHECK(refused(std::string_view("G\0", 2), "/") == TC_AUTH_STATUS_INVALID_METHOD);
    CHECK(refused("GET", std::string_view("/\0", 2)) == TC_AUTH_STATUS_INVALID_URI_BYTE);
    CHECK(refused("GET", "") == TC_AUTH_STATUS_INVALID_URI_FORM);
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
    CHECK(thrown([&] { auth.verify("GET", "/", headers.authorization, {}, at); }) ==
          TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
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

/* Whatever is NULL is refused, or is absent where something can be absent. */
static void nulls()
{
    const char *const unset = nullptr;
    static_assert(!std::is_constructible_v<tcauth::text, std::nullptr_t>);
    auto auth = tcauth::auth::hmac("1", secret);
    const std::array<std::function<void()>, 12> calls{[&] { tcauth::auth::hmac(unset, secret); },
                                                      [&] { tcauth::auth::token(unset); },
                                                      [&] { tcauth::auth::from_json(unset); },
                                                      [&] { tcauth::auth::from_param_file("f", unset); },
                                                      [&] { auth.headers(unset, "/"); },
                                                      [&] { auth.headers("GET", unset); },
                                                      [&] { auth.set_api_path(unset); },
                                                      [&] { (void)tcauth::url{unset}; },
                                                      [&] { tcauth::url("/").add_segment(unset); },
                                                      [&] { tcauth::string_to_sign("GET", unset, time_point()); },
                                                      [&] { auth.verify("GET", unset, {}, {}); },
                                                      [&] { auth.review({"TC 1:a", 1}, 401, {}, unset); }};
    for (const auto &call : calls)
        CHECK(thrown(call) == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(thrown([&] { tcauth::auth::from_args({"--tc_token", unset}); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(thrown([&] { tcauth::auth::discover(std::vector<const char *>{unset}); }) == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(thrown([&] { auth.verify("GET", "/", unset, unset); }) == TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
    CHECK(auth.review({"TC 1:a", 1}, 200, unset, "") == TC_AUTH_ADVICE_ACCEPTED);
}

struct own_string {
    std::string held;
    operator std::string_view() const { return held; }
};

static void kinds_of_strings()
{
    char array[] = "GET";
    char *pointer = array;
    const auto auth = tcauth::auth::hmac(own_string{"1"}, std::string(secret));
    const auto at = time_point(seconds(1513703787));
    const auto expected = auth.headers("GET", "/", at).authorization;
    CHECK(auth.headers(array, own_string{"/"}, at).authorization == expected);
    CHECK(auth.headers(pointer, std::string_view("/x", 1), at).authorization == expected);
    CHECK(tcauth::auth::from_args(std::vector<std::string>{"--tc_token", "a"}).kind() == TC_AUTH_KIND_TOKEN);
    CHECK(tcauth::auth::from_args(std::array<const char *, 1>{"--tc_token=a"}).kind() == TC_AUTH_KIND_TOKEN);
    std::vector<std::string_view> many(1000, "x");
    many.push_back("--tc_token=a");
    CHECK(tcauth::auth::from_args(many).current_token().value == "a");
    const std::optional<std::string> date = "Tue, 19 Dec 2017 17:16:27 GMT";
    CHECK(tcauth::auth::token("a").review({"TC-Token a", {}}, 200, date, "") == TC_AUTH_ADVICE_ACCEPTED);
}

template <class value> static std::string written(value number)
{
    std::ostringstream out;
    out << number;
    return out.str();
}

/* A namespace with an operator of its own, which hides all others but for the lookup by argument. */
namespace elsewhere {
struct hiding {};
[[maybe_unused]] static std::ostream &operator<<(std::ostream &out, hiding)
{
    return out;
}
static std::string written()
{
    std::ostringstream out;
    out << TC_AUTH_STATUS_PANIC << TC_AUTH_KIND_NONE << TC_AUTH_ADVICE_RETRY << hiding();
    const std::error_code code = TC_AUTH_STATUS_PANIC;
    return out.str() + std::to_string(code.value());
}
} // namespace elsewhere

static void names_and_codes()
{
    CHECK(elsewhere::written() == "PANICNONERETRY99");
    CHECK(written(TC_AUTH_STATUS_TOKEN_EXPIRED) == "TOKEN_EXPIRED" && written(TC_AUTH_ADVICE_RETRY) == "RETRY");
    CHECK(written(TC_AUTH_KIND_HMAC) == "HMAC" && written(static_cast<tc_auth_status>(98)) == "98");
    CHECK(written(TC_AUTH_ADVICE_UNKNOWN) == "UNKNOWN" && written(static_cast<tc_auth_status>(26)) == "SEAL_INVALID");
    CHECK(tcauth::name(static_cast<tc_auth_status>(98)) == "UNKNOWN" && tcauth::name(TC_AUTH_STATUS_OK) == "OK");
    CHECK(tcauth::message(TC_AUTH_ADVICE_RETRY) == tc_auth_advice_message(TC_AUTH_ADVICE_RETRY));
    static_assert(tcauth::name(TC_AUTH_UNSEALED_ADOPTED) == "ADOPTED");
    tcauth::require_version();
    CHECK(tcauth::version_number() == TC_AUTH_VERSION_NUMBER && tcauth::try_require_version());
    CHECK(written(TC_AUTH_STATE_UNDER_WAY) == "UNDER_WAY" && written(static_cast<tc_auth_state>(7)) == "7");
    const auto auth = due();
    CHECK(auth.token_state().state == TC_AUTH_STATE_DUE && auth.renewal_window() == seconds(60));
    CHECK(thrown([] { tcauth::auth::hmac("1", secret).renewal_window(); }) == TC_AUTH_STATUS_WRONG_KIND);

    std::error_code code = TC_AUTH_STATUS_TOKEN_EXPIRED;
    CHECK(code && code == TC_AUTH_STATUS_TOKEN_EXPIRED && code != TC_AUTH_STATUS_OK);
    CHECK(code.category() == tcauth::category() && std::string_view("tc_auth") == code.category().name());
    CHECK(code.message() == tc_auth_status_message(TC_AUTH_STATUS_TOKEN_EXPIRED));
    CHECK(code == tcauth::make_error_code(TC_AUTH_STATUS_TOKEN_EXPIRED) && code != std::errc::timed_out);
    code = TC_AUTH_STATUS_OK;
    CHECK(!code);

    try {
        tcauth::auth::discover({"app"});
        CHECK_IN("it must throw", false);
    } catch (const std::system_error &error) {
        CHECK(error.code() == TC_AUTH_STATUS_NO_CREDENTIALS);
        const auto &ours = dynamic_cast<const tcauth::error &>(error);
        CHECK(!ours.detail().empty() && ours.status() == TC_AUTH_STATUS_NO_CREDENTIALS);
        CHECK(error.what() == tc_auth_status_message(ours.status()) + (" (" + ours.detail() + ")"));
        const tcauth::error copy = ours;
        CHECK(std::string_view(copy.what()) == ours.what() && copy.detail() == ours.detail());
    }
    const tcauth::error plain(TC_AUTH_STATUS_OK);
    CHECK(std::string_view(plain.what()) == tc_auth_status_message(TC_AUTH_STATUS_OK) && plain.detail().empty());
}

/* Lets each allocation of a call fail, one after the other. Nothing comes of it but std::bad_alloc. */
template <class call> static void without_memory(const char *what, call function)
{
    bool done = false;
    for (long left = 0; !done && left < 100; left++) {
        allocations_left = left;
        try {
            function();
            done = true;
        } catch (const std::bad_alloc &) {
        }
        allocations_left = -1;
    }
    CHECK_IN(what, done);
}

static void half_way()
{
    secrets_freed = 0;
    auto auth = tcauth::auth::token(token);
    auth.set_api_path("https://company.example/api");
    auto built = tcauth::url("/api/v3/a-long-path-for-the-heap");
    without_memory("hmac", [] { tcauth::auth::hmac("a-long-access-id-on-the-heap", secret); });
    without_memory("token", [] { tcauth::auth::token(token); });
    without_memory("from_args", [] { tcauth::auth::from_args({"--api_access_id=1", "--api_secret_key", secret}); });
    without_memory("update_token", [&] { auth.update_token(token); });
    without_memory("current_token", [&] {
        auto shown = auth.current_token();
        tcauth::wipe(shown.value);
    });
    without_memory("headers", [&] {
        auto made = auth.headers("GET", "/");
        tcauth::wipe(made.authorization);
    });
    without_memory("header_block", [&] {
        auto made = auth.header_block("GET", "/");
        tcauth::wipe(made);
    });
    without_memory("lines", [&] {
        auto made = auth.headers("GET", "/");
        try {
            for (auto &line : made.lines())
                tcauth::wipe(line.second);
        } catch (...) {
            tcauth::wipe(made.authorization);
            throw;
        }
        tcauth::wipe(made.authorization);
    });
    std::string why;
    without_memory("discover", [&] { tcauth::auth::discover({"app", "--tc_token", token}, &why); });
    CHECK(why.find("arguments: tc_token") == 0);
    without_memory("a failure",
                   [] { CHECK(thrown([] { tcauth::auth::discover({"app"}); }) == TC_AUTH_STATUS_NO_CREDENTIALS); });
    without_memory("describe", [&] { auth.describe(); });
    without_memory("add_query", [&] { built.add_query("a-long-name-for-the-heap", "a-long-value-for-the-heap"); });
    CHECK(built.view() == "/api/v3/a-long-path-for-the-heap?a-long-name-for-the-heap=a-long-value-for-the-heap");
    without_memory("verify", [&] {
        const auto wrong = [&] { auth.verify("GET", "/", "TC-Token wrong-and-long-enough", {}); };
        CHECK(thrown(wrong) == TC_AUTH_STATUS_SIGNATURE_MISMATCH);
    });
    auth.update_token(token, time_point(seconds(1)));
    auto ticket = auth.poll(seconds(0));
    without_memory("complete", [&] {
        if (!ticket)
            return;
        auto used = std::exchange(ticket, std::nullopt);
        used->complete(200, R"({"success": true, "apiToken": "new", "message": "a long message for the heap"})");
    });
    CHECK(auth.current_token().value == "new"); /* although the message found no memory */
    CHECK(secrets_freed == 0);
}

static void self_assignment()
{
    auto auth = tcauth::auth::token("a");
    auto &same_auth = auth;
    auth = std::move(same_auth);
    CHECK(auth.headers("GET", "/").authorization == "TC-Token a");
    auto url = tcauth::url("/a");
    auto &same_url = url;
    url = std::move(same_url);
    CHECK(url.view() == "/a");
    url.add_segment(url.view()); /* its own string */
    CHECK(url.view() == "/a/%2Fa");
    auto moved = std::move(url);
    CHECK(thrown([&] { url.add_query("a", "b"); }) == TC_AUTH_STATUS_NULL_ARGUMENT && url.str().empty());
    url = std::move(moved);
    CHECK(url.view() == "/a/%2Fa");
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
    blocks();
    arguments();
    convenience();
    nulls();
    kinds_of_strings();
    names_and_codes();
    half_way();
    self_assignment();
    many_threads();
    return check_summary("test_hpp");
}
