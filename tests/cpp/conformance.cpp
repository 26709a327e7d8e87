/* The program that tests/platform/conformance.py drives, for C++: tc_auth.hpp, and the session of the libcurl example. */
#define main example_main
#include "../../examples-c/curl_session.cpp"
#undef main

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

namespace {

using field = std::optional<std::string>; /* nothing is an absent value */
using fields = std::vector<field>;
using tcauth::time_point;

/* The language, or this program, can't express what is asked for. */
struct skipped {
    std::string reason;
};

struct named {
    const char *name;
    int value;
};

#define NAMED(name) {#name, TC_AUTH_STATUS_##name}
const std::vector<named> statuses{NAMED(OK),
                                  NAMED(NULL_ARGUMENT),
                                  NAMED(INVALID_METHOD),
                                  NAMED(INVALID_URI_FORM),
                                  NAMED(INVALID_URI_BYTE),
                                  NAMED(INVALID_ACCESS_ID),
                                  NAMED(INVALID_SECRET_KEY),
                                  NAMED(INVALID_TOKEN),
                                  NAMED(INVALID_TIME),
                                  NAMED(BUFFER_TOO_SMALL),
                                  NAMED(WRONG_KIND),
                                  NAMED(TOKEN_EXPIRED),
                                  NAMED(RENEWAL_REFUSED),
                                  NAMED(RENEWAL_BAD_RESPONSE),
                                  NAMED(RENEWAL_TIMEOUT),
                                  NAMED(ALREADY_SET),
                                  NAMED(NO_CREDENTIALS),
                                  NAMED(CONFIG_SYNTAX),
                                  NAMED(CONFIG_IO),
                                  NAMED(CONFIG_DECRYPT),
                                  NAMED(API_PATH_MISSING),
                                  NAMED(SIGNATURE_MISMATCH),
                                  NAMED(TIMESTAMP_OUT_OF_RANGE),
                                  NAMED(MALFORMED_AUTHORIZATION),
                                  NAMED(INVALID_ARGUMENT),
                                  NAMED(OTHER_ORIGIN),
                                  NAMED(SEAL_INVALID),
                                  NAMED(SEAL_VERSION),
                                  NAMED(STORE_IO),
                                  NAMED(PANIC)};
#undef NAMED
const std::vector<named> kinds{{"NONE", TC_AUTH_KIND_NONE}, {"HMAC", TC_AUTH_KIND_HMAC}, {"TOKEN", TC_AUTH_KIND_TOKEN}};
#define NAMED(name) {#name, TC_AUTH_ADVICE_##name}
const std::vector<named> advices{NAMED(ACCEPTED),       NAMED(RETRY),         NAMED(BAD_SIGNATURE), NAMED(CLOCK_SKEW),
                                 NAMED(TOKEN_REJECTED), NAMED(ACCESS_DENIED), NAMED(NOT_LICENSED),  NAMED(UNKNOWN)};
#undef NAMED

std::string name_of(const std::vector<named> &names, int value)
{
    const auto found = std::find_if(names.begin(), names.end(), [&](const named &one) { return one.value == value; });
    return found == names.end() ? std::to_string(value) : found->name;
}

fields listed(const std::vector<named> &names)
{
    fields lines;
    for (const auto &one : names)
        lines.push_back(std::string(one.name) + "=" + std::to_string(one.value));
    return lines;
}

#define NAMED(name) {#name, TC_AUTH_STATE_##name}
const std::vector<named> states{NAMED(NONE),   NAMED(VALID),   NAMED(DUE),          NAMED(UNDER_WAY),
                                NAMED(PAUSED), NAMED(REFUSED), NAMED(NOT_RENEWABLE)};
#undef NAMED
const std::vector<named> unsealeds{
    {"SAME", TC_AUTH_UNSEALED_SAME}, {"ADOPTED", TC_AUTH_UNSEALED_ADOPTED}, {"OLDER", TC_AUTH_UNSEALED_OLDER}};

/* A handle with what belongs to it. */
struct entry {
    tcauth::auth auth;
    std::optional<tcauth::renewal> ticket = {};
    std::unique_ptr<client> shared = {};
    std::unique_ptr<session> connection = {};
    std::future<fields> sent = {};
    std::mutex events_lock = {};
    fields events = {};

    explicit entry(tcauth::auth made) : auth(std::move(made)) {}

    void happened(const event &event)
    {
        const std::lock_guard<std::mutex> guard(events_lock);
        events.emplace_back(line_of(event));
    }

    static std::string line_of(const event &event)
    {
        const auto refusal = ' ' + name_of(advices, event.advice) + ' ' + std::to_string(event.http_status);
        switch (event.what) {
        case event::type::adopted: return "adopted";
        case event::type::retried: return "retried" + refusal;
        case event::type::refused: return "refused" + refusal;
        case event::type::renewed:
        case event::type::renewal_failed: break;
        }
        if (!event.status)
            return "renewal CANCELLED";
        return "renewal " + name_of(statuses, *event.status) + (event.message.empty() ? "" : " " + event.message);
    }
};

std::map<std::string, std::unique_ptr<entry>> entries;

void keep(const field &name, tcauth::auth made)
{
    entries[name.value()] = std::make_unique<entry>(std::move(made));
}

std::int64_t number(const field &text)
{
    return std::stoll(text.value());
}

time_point moment(const field &text)
{
    return time_point(std::chrono::seconds(number(text)));
}

std::optional<tcauth::moment> expiry(const field &text)
{
    return number(text) == 0 ? std::nullopt : std::optional<tcauth::moment>(moment(text));
}

std::vector<std::string_view> rest(const fields &arguments)
{
    std::vector<std::string_view> views;
    for (std::size_t i = 1; i < arguments.size(); i++)
        views.emplace_back(arguments[i].value());
    return views;
}

std::optional<std::string_view> view(const field &text)
{
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

fields send(session &connection, const std::string &method, const std::string &url, const field &body)
{
    const auto answer = connection.send(method, url, body);
    return {std::to_string(answer.status), answer.body};
}

fields storm(entry &handle, const std::string &url, std::int64_t count, std::int64_t seconds,
             const field &rejecting_url)
{
    std::atomic<long> requests{0}, rejected{0}, failed{0};
    std::vector<std::thread> threads;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    const auto work = [&](const std::string &target, long expected, std::atomic<long> &sent) {
        session connection(*handle.shared); /* each thread has its own */
        while (std::chrono::steady_clock::now() < end) {
            sent++;
            try {
                failed += connection.send("GET", target).status != expected;
            } catch (const std::exception &) {
                failed++;
            }
        }
    };
    for (std::int64_t i = 0; i < count; i++)
        threads.emplace_back(work, url, 200, std::ref(requests));
    if (rejecting_url)
        threads.emplace_back(work, *rejecting_url, 401, std::ref(rejected));
    for (auto &thread : threads)
        thread.join();
    fields answer{std::to_string(requests), std::to_string(failed)};
    if (rejecting_url)
        answer.emplace_back(std::to_string(rejected));
    return answer;
}

fields run(const std::string &command, const fields &a)
{
    const auto handle = [&]() -> entry & { return *entries.at(a.at(0).value()); };
    const auto auth = [&]() -> tcauth::auth & { return handle().auth; };
    const auto text = [&](std::size_t index) -> const std::string & { return a.at(index).value(); };
    const std::map<std::string, std::function<fields()>> commands{
        {"hello", [&] { return fields{"C++17", tcauth::version()}; }},
        {"statuses", [&] { return listed(statuses); }},
        {"kinds", [&] { return listed(kinds); }},
        {"advices", [&] { return listed(advices); }},
        {"states", [&] { return listed(states); }},
        {"unsealeds", [&] { return listed(unsealeds); }},
        {"status_name", [&] { return fields{tc_auth_status_name(static_cast<std::int32_t>(number(a.at(0))))}; }},
        {"advice_name", [&] { return fields{tc_auth_advice_name(static_cast<std::int32_t>(number(a.at(0))))}; }},
        {"advice_message", [&] { return fields{tc_auth_advice_message(static_cast<std::int32_t>(number(a.at(0))))}; }},
        {"version_number", [&] { return fields{std::to_string(tcauth::version_number())}; }},
        {"status_message", [&] { return fields{tc_auth_status_message(static_cast<std::int32_t>(number(a.at(0))))}; }},
        {"new_hmac", [&] { return keep(a.at(0), tcauth::auth::hmac(text(1), text(2))), fields{}; }},
        {"new_token", [&] { return keep(a.at(0), tcauth::auth::token(text(1), expiry(a.at(2)))), fields{}; }},
        {"from_json", [&] { return keep(a.at(0), tcauth::auth::from_json(text(1))), fields{}; }},
        {"from_args", [&] { return keep(a.at(0), tcauth::auth::from_args(rest(a))), fields{}; }},
        {"from_env", [&] { return keep(a.at(0), tcauth::auth::from_env()), fields{}; }},
        {"from_param_file", [&] { return keep(a.at(0), tcauth::auth::from_param_file(text(1), text(2))), fields{}; }},
        {"discover",
         [&] {
             std::string why;
             keep(a.at(0), tcauth::auth::discover(rest(a), &why));
             return fields{why};
         }},
        {"close", [&] { return entries.erase(text(0)), fields{}; }},
        {"kind", [&] { return fields{name_of(kinds, auth().kind())}; }},
        {"describe", [&] { return fields{auth().describe()}; }},
        {"headers",
         [&] {
             const auto headers = number(a.at(3)) == -1 ? auth().headers(text(1), text(2))
                                                        : auth().headers(text(1), text(2), moment(a.at(3)));
             const auto lines = headers.lines();
             return fields{lines.at(0).second, lines.size() > 1 ? field(lines.at(1).second) : field()};
         }},
        {"string_to_sign", [&] { return fields{tcauth::string_to_sign(text(0), text(1), moment(a.at(2)))}; }},
        {"set_api_path", [&] { return auth().set_api_path(text(1)), fields{}; }},
        {"header_block", [&] { return fields{auth().header_block(text(1), text(2))}; }},
        {"api_path",
         [&] {
             const auto path = auth().api_path();
             return fields{path ? field(std::string(*path)) : field()};
         }},
        {"renewal_window", [&] { return fields{std::to_string(auth().renewal_window().count())}; }},
        {"token_state",
         [&] {
             const auto now = auth().token_state();
             return fields{name_of(states, now.state),
                           std::to_string(now.left.value_or(std::chrono::seconds(-1)).count())};
         }},
        {"family", [&] { return fields{auth().family()}; }},
        {"seal", [&] { return fields{auth().seal(view(a.at(1)))}; }},
        {"unseal", [&] { return fields{name_of(unsealeds, auth().unseal(text(1), view(a.at(2))))}; }},
        {"share_in", [&] { return auth().share_in(text(1), view(a.at(2))), fields{}; }},
        {"needed", [&] { return fields{handle().ticket->needed() ? "1" : "0"}; }},
        {"set_renewal_window",
         [&] { return auth().set_renewal_window(std::chrono::seconds(number(a.at(1)))), fields{}; }},
        {"set_clock_offset", [&] { return auth().set_clock_offset(std::chrono::seconds(number(a.at(1)))), fields{}; }},
        {"clock_offset", [&] { return fields{std::to_string(auth().clock_offset().count())}; }},
        {"update_token",
         [&] {
             if (handle().shared)
                 handle().shared->update_token(text(1), expiry(a.at(2)));
             else
                 auth().update_token(text(1), expiry(a.at(2)));
             return fields{};
         }},
        {"token",
         [&] {
             const auto token = auth().current_token();
             return fields{token.value,
                           std::to_string(token.expires.value_or(time_point()).time_since_epoch().count())};
         }},
        {"poll",
         [&] {
             handle().ticket = auth().poll(std::chrono::milliseconds(number(a.at(1))));
             return fields{handle().ticket ? field(std::string(handle().ticket->url())) : field()};
         }},
        {"complete",
         [&] {
             const auto message = handle().ticket->complete(static_cast<std::int32_t>(number(a.at(1))), text(2));
             return fields{message.empty() ? field() : field(message)};
         }},
        {"cancel", [&] { return handle().ticket->cancel(), fields{}; }},
        {"review",
         [&] {
             const tcauth::headers sent{text(1), a.at(2) ? std::optional(number(a.at(2))) : std::nullopt};
             const auto status = static_cast<std::int32_t>(number(a.at(3)));
             return fields{name_of(advices, auth().review(sent, status, view(a.at(4)), text(5)))};
         }},
        {"verify",
         [&] {
             auth().verify(text(1), text(2), view(a.at(3)), view(a.at(4)), moment(a.at(5)),
                           std::chrono::seconds(number(a.at(6))));
             return fields{};
         }},
        {"url_new", [&] { return fields{tcauth::url(text(0)).c_str()}; }},
        {"url_new_for", [&] { return fields{tcauth::url(auth(), text(1)).c_str()}; }},
        {"url_add_segment", [&] { return fields{tcauth::url(text(0)).add_segment(text(1)).c_str()}; }},
        {"url_add_query", [&] { return fields{tcauth::url(text(0)).add_query(text(1), text(2)).c_str()}; }},
        {"client",
         [&] {
             options chosen;
             chosen.on_event = [&of = handle()](const event &event) { of.happened(event); };
             chosen.certificate_file = a.at(1).value_or("");
             chosen.directory = a.size() > 2 ? a[2] : field();
             chosen.key = a.size() > 3 ? a[3] : field();
             handle().connection.reset();
             handle().shared = std::make_unique<client>(auth(), chosen);
             handle().connection = std::make_unique<session>(*handle().shared);
             return fields{};
         }},
        {"send", [&] { return send(*handle().connection, text(1), text(2), a.at(3)); }},
        {"send_once", [&]() -> fields { throw skipped{"the example with libcurl keeps each body"}; }},
        {"start",
         [&] {
             handle().sent = std::async(std::launch::async, send, std::ref(*handle().connection), text(1), text(2),
                                        field());
             return fields{};
         }},
        {"finish", [&] { return handle().sent.get(); }},
        {"storm",
         [&] { return storm(handle(), text(1), number(a.at(2)), number(a.at(3)), a.size() > 4 ? a[4] : field()); }},
        {"events",
         [&] {
             const std::lock_guard<std::mutex> guard(handle().events_lock);
             return std::exchange(handle().events, {});
         }},
    };
    return commands.at(command)();
}

field decoded(const std::string &text)
{
    if (text == "-")
        return {};
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool escape = text[i] == '%';
        bytes += escape ? static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)) : text[i];
        i += escape ? 2 : 0;
    }
    return bytes;
}

std::string encoded(const field &text)
{
    std::string line;
    for (const char byte : text.value_or("")) {
        const auto code = static_cast<unsigned char>(byte);
        const char *const digits = "0123456789ABCDEF";
        const bool plain = code > ' ' && code < 0x7f && byte != '%' && byte != '-';
        line += plain ? std::string(1, byte) : std::string{'%', digits[code >> 4], digits[code & 15]};
    }
    return text ? line : "-";
}

} // namespace

int main()
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (std::string line; std::getline(std::cin, line);) {
        fields arguments;
        std::istringstream parts(line);
        for (std::string part; std::getline(parts, part, '\t');)
            arguments.push_back(decoded(part));
        if (!line.empty() && line.back() == '\t')
            arguments.emplace_back("");
        const std::string command = arguments.at(0).value();
        arguments.erase(arguments.begin());
        std::string status = "OK";
        fields answer;
        try {
            answer = run(command, arguments);
        } catch (const skipped &nothing) {
            status = "SKIP", answer = {nothing.reason};
        } catch (const tcauth::error &error) {
            status = name_of(statuses, error.status());
            answer = {error.detail().empty() ? field() : field(error.detail())};
        } catch (const std::exception &error) {
            status = "ERROR", answer = {error.what()};
        }
        std::cout << status;
        for (const auto &one : answer)
            std::cout << '\t' << encoded(one);
        std::cout << std::endl;
    }
}
