// The same for tc_auth.hpp: every call that handles a secret, in success and with an exception. Returned values belong
// to the caller, and are wiped here.
#include <malloc.h>
#include <tc_auth.hpp>

#include "call.h"

static void (*current)();

static void make_current_call()
{
    current();
}

// One call. `status` is that of the exception that it must throw.
static void step(const char *name, void (*function)(), tc_auth_status wanted = TC_AUTH_STATUS_OK)
{
    static tc_auth_status thrown;
    static void (*inner)();
    static const uint64_t none[12] = {};
    thrown = TC_AUTH_STATUS_OK, inner = function;
    current = [] {
        try {
            inner();
        } catch (const tcauth::error &error) {
            thrown = error.status();
        }
    };
    call(reinterpret_cast<const void *>(make_current_call), none);
    if (thrown != wanted) {
        std::printf("%s: status %d, not %d\n", name, thrown, wanted);
        std::exit(4);
    }
    look(name, wanted == TC_AUTH_STATUS_OK ? "OK" : "throws", NOTHING);
}

static void wipe(std::string &&text)
{
    tcauth::wipe(text);
}

static std::optional<tcauth::auth> auth;
static std::optional<tcauth::renewal> renewal;
// In the arena, so that there are no copies elsewhere.
static std::string_view key, token, longer, body, bad, json, argument, file_key;
static std::vector<std::string_view> *arguments;

static std::string_view view(const char *text)
{
    return text;
}

static void headers_in_all_ways()
{
    step("lines", [] {
        auto headers = auth->headers("GET", SIGNED_TARGET);
        for (auto &[name, value] : headers.lines())
            tcauth::wipe(value);
        tcauth::wipe(headers.authorization);
        tc_auth_header_list_line(nullptr, 0); // clears the registers that copying has filled
    });
    step("verify", [] {
        auto headers = auth->headers("GET", SIGNED_TARGET);
        auth->verify("GET", SIGNED_TARGET, headers.authorization, std::to_string(SIGNED_TIME));
        tcauth::wipe(headers.authorization);
    });
    step("headers", [] { wipe(auth->headers("GET", SIGNED_TARGET).authorization); });
    step("headers:at", [] {
        wipe(auth->headers("post", SIGNED_TARGET, std::chrono::system_clock::from_time_t(SIGNED_TIME)).authorization);
    });
    step("headers:block", [] { wipe(auth->header_block("GET", SIGNED_TARGET)); });
    step("headers:method", [] { auth->headers("G T", SIGNED_TARGET); }, TC_AUTH_STATUS_INVALID_METHOD);
    step("headers:origin", [] { auth->headers("GET", "https://other.example/"); }, TC_AUTH_STATUS_OTHER_ORIGIN);
    step("describe", [] { auth->describe(); });
}

static void hmac()
{
    key = view(secret(KEY_48)), bad = view(around("%\n", key.data()));
    step("hmac", [] { auth = tcauth::auth::hmac("12345678901234567890", key); });
    step("set_api_path", [] { auth->set_api_path("https://company.example/api"); });
    headers_in_all_ways();
    step("verify", [] { auth->verify("GET", "/", "TC 1:x", "1513703787"); }, TC_AUTH_STATUS_SIGNATURE_MISMATCH);
    step("end", [] { auth.reset(); });
    step("hmac:bad", [] { tcauth::auth::hmac("1", bad); }, TC_AUTH_STATUS_INVALID_SECRET_KEY);
    step("hmac:id", [] { tcauth::auth::hmac("a b", key); }, TC_AUTH_STATUS_INVALID_ACCESS_ID);
    step(
        "hmac:NUL", [] { tcauth::auth::hmac("1", std::string_view(key.data(), key.size() + 1)); },
        TC_AUTH_STATUS_INVALID_SECRET_KEY);
}

static void poll()
{
    step("poll", [] { renewal = auth->poll(std::chrono::milliseconds(0)); });
    if (!renewal)
        std::exit(5);
    step("url", [] {
        if (renewal->url().empty())
            std::exit(5);
    });
    step("c_url", [] {
        if (!*renewal->c_url())
            std::exit(5);
    });
}

static void tokens_of(enum secret first, enum secret second)
{
    token = view(secret(first)), longer = view(secret(second)), bad = view(around("% x", token.data()));
    body = view(around("{\"success\":true,\"apiToken\":\"%\"}", longer.data()));
    step("token", [] { auth = tcauth::auth::token(token); });
    step("set_api_path", [] { auth->set_api_path("https://company.example/api"); });
    headers_in_all_ways();
    step("update_token", [] { auth->update_token(token, std::chrono::system_clock::from_time_t(1513703700)); });
    poll();
    step("complete", [] {
        renewal->complete(200, body);
        renewal.reset();
    });
    headers_in_all_ways();
    step("current_token", [] { wipe(auth->current_token().value); });
    step("update_token", [] { auth->update_token(token, std::chrono::system_clock::from_time_t(1513703700)); });
    step("update_token:bad", [] { auth->update_token(bad); }, TC_AUTH_STATUS_INVALID_TOKEN);
    step("headers:expired", [] { auth->headers("GET", SIGNED_TARGET); }, TC_AUTH_STATUS_TOKEN_EXPIRED);
    step("review", [] {
        tcauth::headers headers{"TC-Token ", {}};
        headers.authorization.append(token);
        auth->review(headers, 401, {}, "{\"message\":\"Unauthorized\"}");
        wipe(std::move(headers.authorization));
        // append() is called here, so its registers are the caller's
        tc_auth_header_list_line(nullptr, 0);
    });
    poll();
    body = view(around("{\"success\":false,\"message\":\"no: %\"}", token.data()));
    step("complete:refused", [] { renewal->complete(200, body); }, TC_AUTH_STATUS_RENEWAL_REFUSED);
    step("update_token", [] { auth->update_token(longer, std::chrono::system_clock::from_time_t(1513703700)); });
    poll();
    body = view(around("{\"success\":true,\"apiToken\":\"%", longer.data()));
    step("complete:cut-off", [] { renewal->complete(200, body); }, TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE);
    step("update_token", [] { auth->update_token(token, std::chrono::system_clock::from_time_t(1513703700)); });
    poll();
    step("cancel", [] {
        renewal->cancel();
        renewal.reset();
    });
    step("verify", [] { auth->verify("GET", "/", std::string_view(argument), {}); }, TC_AUTH_STATUS_SIGNATURE_MISMATCH);
    step("end", [] { auth.reset(); });
    std::puts("freed");
    step("token:bad", [] { tcauth::auth::token(bad); }, TC_AUTH_STATUS_INVALID_TOKEN);
}

static void tokens()
{
    argument = view(around("TC-Token %x", secret(TOKEN_60)));
    tokens_of(TOKEN_60, TOKEN_300);
}

static void seals()
{
    token = view(secret(TOKEN_60)), longer = view(secret(TOKEN_300)), key = view(secret(KEY_48));
    bad = view(around("%\n\n", key.data()));
    static std::string_view sealed;
    step("token", [] { auth = tcauth::auth::token(token); });
    step("update_token", [] { auth->update_token(longer); });
    step("family", [] { auth->family(); });
    step("seal", [] { sealed = view(add_text(room(1024), auth->seal(key).c_str())); });
    step("seal:bad", [] { auth->seal(bad); }, TC_AUTH_STATUS_INVALID_ARGUMENT);
    step("token", [] { auth = tcauth::auth::token(token); });
    step("unseal:bad", [] { auth->unseal(sealed, bad); }, TC_AUTH_STATUS_INVALID_ARGUMENT);
    step("unseal:other", [] { auth->unseal(sealed, token); }, TC_AUTH_STATUS_SEAL_INVALID);
    step("unseal", [] { auth->unseal(sealed, key); });
    step("end", [] { auth.reset(); });
    std::puts("freed");
    step("end", [] {});
}

static void short_and_long_tokens()
{
    argument = view(around("TC-Token %x", secret(TOKEN_60)));
    tokens_of(TOKEN_12, TOKEN_5000);
}

static void sources()
{
    static char *variables[2];
    json = view(around("{\"tc_token\":\"%\"}", secret(TOKEN_300))),
    argument = view(around("--tc_token=%", secret(TOKEN_60)));
    bad = view(around("{\"tc_token\":\"% x\"}", secret(TOKEN_300))), file_key = view(secret(FILE_KEY_16));
    arguments = new std::vector<std::string_view>{"program", argument};
    step("from_json", [] { tcauth::auth::from_json(json); });
    step("from_json:bad", [] { tcauth::auth::from_json(bad); }, TC_AUTH_STATUS_INVALID_TOKEN);
    step("from_args", [] { tcauth::auth::from_args(*arguments); });
    step("discover", [] { tcauth::auth::discover(*arguments); });
    arguments->push_back(argument);
    step("from_args:twice", [] { tcauth::auth::from_args(*arguments); }, TC_AUTH_STATUS_CONFIG_SYNTAX);
    step("discover:twice", [] { tcauth::auth::discover(*arguments); }, TC_AUTH_STATUS_CONFIG_SYNTAX);
    step("from_param_file", [] { tcauth::auth::from_param_file("1", file_key); });
    step("from_param_file:key", [] { tcauth::auth::from_param_file("3", file_key); }, TC_AUTH_STATUS_CONFIG_DECRYPT);
    variables[0] = around("TC_TOKEN=%", secret(TOKEN_60));
    environ = variables;
    step("from_env", [] { tcauth::auth::from_env(); });
    environ = variables + 1;
    std::puts("freed");
    step("end", [] {});
}

static void plant()
{
    key = view(secret(KEY_48));
    mallopt(M_ARENA_MAX, 1);
    say("planted", "secret-key", "[heap]");
    step("a-copy", [] { std::string unwiped(key); });
}

int main(int argc, char **argv)
{
    const struct {
        const char *name;
        void (*run)();
    } scenarios[] = {{"hmac", hmac},   {"tokens", tokens},   {"short-and-long-tokens", short_and_long_tokens},
                     {"seals", seals}, {"sources", sources}, {"plant-copy", plant}};
    if (argc == 2 && std::string_view(argv[1]) == "list") {
        for (const auto &scenario : scenarios)
            std::puts(scenario.name);
        return 0;
    }
    if (argc == 2) {
        std::puts(
            "needs lines OK\nneeds headers OK\nneeds complete:refused throws\nneeds seal OK\nneeds unseal OK\nneeds unseal:other throws");
        return 0;
    }
    start_arena();
    for (const auto &scenario : scenarios)
        if (std::string_view(scenario.name) == argv[1]) {
            if (std::string_view(argv[2]) != "new-thread") {
                scenario.run();
                return 0;
            }
            pthread_t thread;
            static void (*run)();
            run = scenario.run;
            return pthread_create(
                       &thread, nullptr,
                       [](void *) -> void * {
                           run();
                           return nullptr;
                       },
                       nullptr) ||
                   pthread_join(thread, nullptr);
        }
    return 2;
}
