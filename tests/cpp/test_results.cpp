/* The functions with try_, and tcauth::result. Built with exceptions, and without (-fno-exceptions -fno-rtti). */
#include "../c/check.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <tc_auth.hpp>
#include <type_traits>
#include <unistd.h>
#include <utility>

using std::chrono::seconds;

static const char *const secret = "tc_auth-example-secret";
static const char *const unset = nullptr;

/* Every member of these. */
template class tcauth::result<void>;
template class tcauth::result<std::string>;
template class tcauth::result<tcauth::auth>;
template class tcauth::result<std::optional<tcauth::renewal>>;

/* What a child process writes to standard error before it aborts; empty if it does not abort. */
template <class call> static std::string last_words(call function)
{
    int ends[2];
    if (pipe(ends) != 0)
        return {};
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        function();
        _exit(0);
    }
    close(ends[1]);
    std::string words;
    char part[256];
    for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;)
        words.append(part, static_cast<std::size_t>(got));
    close(ends[0]);
    int ended = 0;
    waitpid(child, &ended, 0);
    return WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT ? words : std::string();
}

static tcauth::result<int> half(int number)
{
    if (number % 2)
        return tcauth::failure(TC_AUTH_STATUS_INVALID_ARGUMENT, "odd");
    return number / 2;
}

static void results()
{
    auto good = half(4);
    CHECK(good && good.has_value() && *good == 2 && good.value() == 2);
    CHECK(good.error().status() == TC_AUTH_STATUS_OK && !good.error().code() && good.error().detail().empty());
    *good = 5;
    CHECK(std::as_const(good).value() == 5 && *std::as_const(good) == 5);

    const auto bad = half(3);
    CHECK(!bad && bad.error().status() == TC_AUTH_STATUS_INVALID_ARGUMENT && bad.error().detail() == "odd");
    CHECK(bad.error().code() == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(bad.error().message() == tc_auth_status_message(TC_AUTH_STATUS_INVALID_ARGUMENT) + std::string(" (odd)"));
    const auto &kept = half(3).error(); /* of a temporary: a value, which lives on */
    CHECK(kept.detail() == "odd");
    auto copy = bad;
    CHECK(copy.error().detail() == "odd");
    copy = good;
    CHECK(copy && *copy == 5 && *good == 5);
    auto &same = copy;
    copy = same;
    copy = std::move(same);
    CHECK(copy && *copy == 5);

    tcauth::result<void> nothing, failed = tcauth::failure(TC_AUTH_STATUS_PANIC);
    nothing.value();
    *nothing;
    CHECK(nothing && !failed && failed.error().status() == TC_AUTH_STATUS_PANIC);
    static_assert(std::is_void_v<decltype(nothing.value())> && std::is_void_v<decltype(*nothing)>);
    static_assert(std::is_same_v<decltype(good.value()), int &> && std::is_same_v<decltype(half(2).value()), int &&>);
    static_assert(!std::is_convertible_v<tcauth::result<int>, bool>);
    static_assert(std::is_nothrow_move_constructible_v<tcauth::result<std::string>>);
    static_assert(!std::is_copy_constructible_v<tcauth::result<tcauth::auth>>);
    static_assert(std::is_nothrow_move_assignable_v<tcauth::result<tcauth::auth>>);
    static_assert(!std::is_default_constructible_v<tcauth::result<int>>);
    static_assert(std::is_nothrow_copy_constructible_v<tcauth::failure>);
}

static void values_that_are_not_there()
{
    const std::string_view sentence = tc_auth_status_message(TC_AUTH_STATUS_INVALID_ARGUMENT);
    const auto says_why = [&](const std::string &words) {
        return words.find(sentence) != words.npos && words.find(" odd\n") != words.npos;
    };
    CHECK(says_why(last_words([] { std::printf("%d\n", *half(3)); })));
    CHECK(says_why(last_words([] {
        const auto odd = half(3);
        std::printf("%d\n", *odd);
    })));
    CHECK(says_why(last_words([] { *tcauth::result<void>(half(3).error()); })));
    CHECK(!last_words([] { (void)tcauth::auth::try_hmac("", "")->kind(); }).empty());
    CHECK(last_words([] { (void)tcauth::auth::try_hmac("1", "a")->kind(); }).empty());
#if TC_AUTH_HPP_THROWS
    try {
        half(3).value();
        CHECK_IN("it must throw", false);
    } catch (const tcauth::error &error) {
        CHECK(error.status() == TC_AUTH_STATUS_INVALID_ARGUMENT && error.detail() == "odd");
        CHECK(error.what() == half(3).error().message());
    }
#else
    CHECK(says_why(last_words([] { half(3).value(); })));
    CHECK(says_why(last_words([] {
        const auto odd = half(3);
        (void)odd.value();
    })));
#endif
}

static void calls()
{
    auto made = tcauth::auth::try_hmac("12345678901234567890", secret);
    CHECK(made && made->kind() == TC_AUTH_KIND_HMAC);
    const auto at = tcauth::time_point(seconds(1513703787));
    const auto headers = made->try_headers("GET", "/api/v3/indicators", at);
    CHECK(headers && headers->authorization == "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=");
    CHECK(made->try_headers("GET", "/")->timestamp.has_value());
    CHECK(made->try_verify("GET", "/api/v3/indicators", headers->authorization, "1513703787", at));
    CHECK(made->try_verify("GET", "/", headers->authorization, "1513703787", at).error().status() ==
          TC_AUTH_STATUS_SIGNATURE_MISMATCH);
    CHECK(made->try_headers(unset, "/").error().status() == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(made->try_headers("GET", std::string_view("/\0", 2)).error().status() == TC_AUTH_STATUS_INVALID_URI_BYTE);
    CHECK(made->try_set_clock_offset(seconds(-5)) && made->try_clock_offset().value() == seconds(-5));
    CHECK(!made->api_path());
    CHECK(made->try_set_api_path("https://company.example/api/") && made->api_path() == "https://company.example/api");
    CHECK(made->try_set_renewal_window(seconds(5)).error().status() == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(made->try_renewal_window().error().status() == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(made->try_describe().value().find("12345678901234567890") != std::string::npos);
    CHECK(made->try_current_token().error().status() == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(made->try_token_state()->state == TC_AUTH_STATE_NONE && made->try_token_state()->left == seconds(0));
    CHECK(*made->try_review(*headers, 200, {}, "") == TC_AUTH_ADVICE_ACCEPTED);
    CHECK(made->try_review({"Basic", {}}, 401, {}, "").error().status() == TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);

    auto taken = *std::move(made);
    CHECK(taken.kind() == TC_AUTH_KIND_HMAC && made && made->kind() == TC_AUTH_KIND_NONE);
    CHECK(made->try_headers("GET", "/").error().status() == TC_AUTH_STATUS_NULL_ARGUMENT && !made->api_path());
    CHECK(made->try_token_state().error().status() == TC_AUTH_STATUS_NULL_ARGUMENT);
    made = std::move(taken);
    CHECK(made->kind() == TC_AUTH_KIND_HMAC);
    made = tcauth::failure(TC_AUTH_STATUS_PANIC);
    CHECK(!made);

    CHECK(tcauth::auth::try_from_json("{").error().status() == TC_AUTH_STATUS_CONFIG_SYNTAX);
    CHECK(tcauth::auth::try_from_args({"--tc_token", "a"})->kind() == TC_AUTH_KIND_TOKEN);
    CHECK(tcauth::auth::try_from_args(0, nullptr).error().status() == TC_AUTH_STATUS_NO_CREDENTIALS);
    CHECK(tcauth::auth::try_from_param_file("/none", "0123456789abcdef").error().status() == TC_AUTH_STATUS_CONFIG_IO);
    std::string why;
    const auto nowhere = tcauth::auth::try_discover({"app"}, &why);
    CHECK(nowhere.error().status() == TC_AUTH_STATUS_NO_CREDENTIALS && nowhere.error().detail() == why && !why.empty());
    CHECK(*tcauth::try_string_to_sign("get", "/a", at) == "/a:GET:1513703787");
    CHECK(!tcauth::try_string_to_sign("get", "a", at));

    auto url = tcauth::url::try_make("/api");
    CHECK(url && url->try_add_segment("a b") && url->try_add_query("c", "d/e"));
    CHECK(url->try_add_segment("f").error().status() == TC_AUTH_STATUS_INVALID_URI_FORM);
    CHECK(url->view() == "/api/a%20b?c=d%2Fe");
    CHECK(tcauth::url::try_make("a b").error().status() == TC_AUTH_STATUS_INVALID_URI_BYTE);
    const auto homeless = tcauth::auth::try_token("a");
    CHECK(tcauth::url::try_make(*homeless, "/").error().status() == TC_AUTH_STATUS_API_PATH_MISSING);
}

/* It waits only as long as it is told, and a renewal that takes longer is a failure like any other. */
static void polling()
{
    auto auth = *tcauth::auth::try_token("API:1:old", tcauth::time_point(seconds(1)));
    CHECK(auth.try_set_api_path("https://company.example/api"));
    CHECK(auth.try_token_state()->state == TC_AUTH_STATE_DUE && auth.try_token_state()->left == seconds(0));
    CHECK(auth.try_renewal_window().value() == seconds(60) && auth.try_set_renewal_window(seconds(5)));
    CHECK(auth.try_renewal_window().value() == seconds(5));
    auto due = auth.try_poll(seconds(0));
    CHECK(due && *due && !(*due)->url().empty());
    CHECK(auth.try_poll(std::chrono::milliseconds(1)).error().status() == TC_AUTH_STATUS_RENEWAL_TIMEOUT);
    CHECK(auth.try_poll(seconds(-1)).error().status() == TC_AUTH_STATUS_INVALID_ARGUMENT);
    const auto under_way = auth.try_token_state();
    CHECK(under_way->state == TC_AUTH_STATE_UNDER_WAY && under_way->left > seconds(100));
    const auto refused = (*due)->try_complete(401, R"({"success": false, "message": "no more"})");
    CHECK(refused.error().status() == TC_AUTH_STATUS_RENEWAL_REFUSED && refused.error().detail() == "no more");
    CHECK((*due)->try_complete(200, "").error().status() == TC_AUTH_STATUS_NULL_ARGUMENT);
    const auto go_on = auth.try_poll(seconds(0));
    CHECK(go_on && !*go_on);
    CHECK(auth.try_headers("GET", "/").error().status() == TC_AUTH_STATUS_TOKEN_EXPIRED);
    CHECK(auth.try_update_token("API:1:new") && auth.try_current_token()->value == "API:1:new");
    CHECK(!auth.try_current_token()->expires);
    CHECK(auth.try_token_state()->state == TC_AUTH_STATE_VALID && !auth.try_token_state()->left);
}

/* What one process seals, another one of its family adopts. */
static void sealing()
{
    auto one = *tcauth::auth::try_token("API:1:old", tcauth::time_point(seconds(1)));
    auto two = *tcauth::auth::try_token("API:1:old", tcauth::time_point(seconds(1)));
    CHECK(two.try_set_api_path("https://company.example/api"));
    CHECK(one.try_family() && *one.try_family() == *two.try_family() && one.try_family()->size() == 32);
    auto due = two.try_poll(seconds(0));
    CHECK(due && *due && (*due)->needed());
    CHECK(one.try_update_token("API:1:new"));
    const auto sealed = one.try_seal("key"), open = one.try_seal();
    CHECK(sealed && open && *sealed != *open && *open == *one.try_seal(unset));
    CHECK(two.try_unseal(*sealed).error().status() == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(two.try_unseal("TC2.x", "key").error().status() == TC_AUTH_STATUS_SEAL_VERSION);
    CHECK(two.try_unseal(unset, "key").error().status() == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(two.try_unseal(*sealed, std::string_view("key\0", 4)).error().status() == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(one.try_seal("a\n\nb").error().status() == TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(*two.try_unseal(*sealed, "another\nkey\n") == TC_AUTH_UNSEALED_ADOPTED && !(*due)->needed());
    CHECK(*two.try_unseal(*open) == TC_AUTH_UNSEALED_SAME && two.try_current_token()->value == "API:1:new");
    CHECK(two.try_update_token("API:1:newest") && *two.try_unseal(*sealed, "key") == TC_AUTH_UNSEALED_OLDER);
    (*due)->cancel();
    CHECK(!(*due)->needed());
    const auto hmac = tcauth::auth::try_hmac("1", "a");
    CHECK(hmac->try_family().error().status() == TC_AUTH_STATUS_WRONG_KIND);
    CHECK(hmac->try_seal().error().status() == TC_AUTH_STATUS_WRONG_KIND);
}

/* The same through a directory. */
static void sharing()
{
    char directory[] = "/tmp/tc_auth-results-XXXXXX";
    CHECK(mkdtemp(directory));
    auto one = *tcauth::auth::try_token("API:1:old", tcauth::time_point(seconds(1)));
    auto two = *tcauth::auth::try_token("API:1:old", tcauth::time_point(seconds(1)));
    CHECK(one.try_share_in(unset).error().status() == TC_AUTH_STATUS_NULL_ARGUMENT);
    CHECK(one.try_share_in("/missing/directory").error().status() == TC_AUTH_STATUS_STORE_IO);
    CHECK(one.try_share_in(std::string_view("/tmp\0", 5)).error().status() == TC_AUTH_STATUS_STORE_IO);
    CHECK(one.try_share_in(directory, std::string_view("key\0", 4)).error().status() ==
          TC_AUTH_STATUS_INVALID_ARGUMENT);
    CHECK(one.try_share_in(directory, "key"));
    CHECK(one.try_share_in(directory, "key").error().status() == TC_AUTH_STATUS_ALREADY_SET);
    CHECK(two.try_share_in(directory).error().status() == TC_AUTH_STATUS_SEAL_INVALID);
    CHECK(two.try_share_in(directory, "key") && one.try_update_token("API:1:new"));
    CHECK(two.try_poll(seconds(0)) && two.try_current_token()->value == "API:1:new");
    CHECK(tcauth::auth::try_hmac("1", "a")->try_share_in(directory).error().status() == TC_AUTH_STATUS_WRONG_KIND);
    for (const char *kind : {"token", "record", "renewal-lock", "write-lock"})
        CHECK(std::remove((directory + ("/" + *one.try_family()) + "." + kind).c_str()) == 0);
    CHECK(rmdir(directory) == 0);
}

int main()
{
    std::cout << TC_AUTH_STATUS_OK << ' ' << TC_AUTH_ADVICE_RETRY << std::endl; /* empty the buffer before fork() */
    CHECK(tcauth::version_number() == TC_AUTH_VERSION_NUMBER);
    results();
    values_that_are_not_there();
    calls();
    polling();
    sealing();
    sharing();
    return check_summary(TC_AUTH_HPP_THROWS ? "test_results" : "test_results, no exceptions");
}
