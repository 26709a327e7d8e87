/**
 * @file tc_auth.hpp
 *
 * The C++ face of tc_auth.h: authorization headers for the ThreatConnect API. Header-only, for C++17 or later; link
 * with -ltc_auth as in C: `c++ -std=c++17 program.cpp $(pkg-config --cflags --libs tc_auth)`
 *
 *     #include <iostream>
 *     #include <tc_auth.hpp>
 *
 *     int main()
 *     {
 *         try {
 *             const auto auth = tcauth::auth::hmac("12345678901234567890", "tc_auth-example-secret");
 *             const auto headers = auth.headers("GET", "/api/v3/indicators?resultLimit=10");
 *             for (const auto &[name, value] : headers.lines())
 *                 std::cout << name << ": " << value << '\n';
 *         } catch (const tcauth::error &error) {
 *             std::cerr << error.what() << '\n';
 *             return 1;
 *         }
 *     }
 *
 * For behaviour and errors see the C function in tc_auth.h; only differences are documented here.
 *
 * Errors are exceptions of the type tcauth::error, which carries the tc_auth_status. Exceptions, because constructors
 * can fail, and because what fails here stops a request: nobody should have to test each call for that. (C++17 has no
 * std::expected.) Nothing throws but tcauth::error and std::bad_alloc.
 *
 * Strings are taken as std::string_view. One that holds a NUL is refused with the status of any other character that
 * has no business there, and a char pointer that is NULL, such as that of an unset variable, with NULL_ARGUMENT.
 * Copies that are made of secret keys and tokens to end them with NUL are wiped. Headers and tokens that are returned to
 * you are yours to wipe: tcauth::wipe().
 *
 * Objects own what they hold, free it, and can be moved but not copied. One that was moved from can only be destroyed or
 * assigned to. An auth may be used by any number of threads at once, but destroyed or assigned to only when no other
 * thread uses it; a url or a renewal belongs to one thread at a time.
 */

#ifndef TC_AUTH_HPP
#define TC_AUTH_HPP

#if __cplusplus < 201703L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#error "tc_auth.hpp is for C++17 or later (-std=c++17); tc_auth.h is for all others."
#endif

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tc_auth.h"

namespace tcauth {

/** A moment in whole seconds. */
using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;

/** A call that failed. */
class error : public std::runtime_error {
public:
    /** The exception for a status, and what else there is to say. */
    explicit error(tc_auth_status status, const std::string &detail = {})
        : std::runtime_error(tc_auth_status_message(status) + (detail.empty() ? detail : " (" + detail + ")")),
          status_(status), detail_(std::make_shared<const std::string>(detail))
    {
    }

    /** Which error it is. */
    tc_auth_status status() const noexcept { return status_; }

    /** What the server said to a renewal, or what tcauth::auth::discover() looked at; else empty. Holds no secret. */
    const std::string &detail() const noexcept { return *detail_; }

private:
    tc_auth_status status_;
    std::shared_ptr<const std::string> detail_; // shared, for an exception must be copied without throwing
};

/** Overwrites a text, with all of its memory, and empties it: for headers, tokens, and responses that hold a token. */
inline void wipe(std::string &text)
{
    text.resize(text.capacity());
    volatile char *byte = text.data(); // volatile: else the compiler leaves it out, for nobody reads it
    for (std::size_t left = text.size(); left > 0; left--)
        *byte++ = 0;
    text.clear();
}

namespace detail {

inline void throw_unless_ok(tc_auth_status status)
{
    if (status != TC_AUTH_STATUS_OK)
        throw error(status);
}

template <auto release> struct deleter {
    template <class object> void operator()(object *pointer) const noexcept { release(pointer); }
};

using c_string = std::unique_ptr<char, deleter<tc_auth_string_free>>;

/** The text of a string that the library has handed out, which is wiped and freed. */
inline std::string take(char *string)
{
    const c_string owner(string);
    return owner ? std::string(owner.get()) : std::string();
}

template <class call> std::string text(call ask)
{
    char *string = nullptr;
    throw_unless_ok(ask(&string));
    return take(string);
}

/** A string that is passed in. */
class text_argument : public std::string_view {
public:
    text_argument(std::string_view text) noexcept : std::string_view(text) {}
    text_argument(const std::string &text) noexcept : std::string_view(text) {}
    text_argument(const char *text) : std::string_view(text ? text : throw error(TC_AUTH_STATUS_NULL_ARGUMENT)) {}
};

/** A moment that is passed in, of any precision. */
class moment_argument {
public:
    template <class precision>
    moment_argument(std::chrono::time_point<std::chrono::system_clock, precision> moment)
        : seconds_(std::chrono::floor<std::chrono::seconds>(moment).time_since_epoch().count())
    {
    }

    /** For C. Every negative time is refused, but -1, which would mean "now" to it. */
    std::int64_t unix_seconds() const { return seconds_ == TC_AUTH_NOW ? INT64_MIN : seconds_; }

private:
    std::int64_t seconds_;
};

/** A copy that ends in NUL, as C wants it, wiped afterwards. `refusal`: what a NUL inside is answered with. */
class terminated {
public:
    terminated(std::string_view text, tc_auth_status refusal) : text_(text)
    {
        if (text.find('\0') != text.npos) {
            wipe(text_);
            throw error(refusal);
        }
    }
    terminated(terminated &&other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
    terminated &operator=(terminated &&) = delete;
    ~terminated() { wipe(text_); }

    char *get() { return text_.data(); }

private:
    std::string text_;
};

/** The elements of argv. */
class arguments {
public:
    explicit arguments(const std::vector<std::string_view> &elements)
    {
        copies_.reserve(elements.size());
        for (const auto element : elements)
            argv_.push_back(copies_.emplace_back(element, TC_AUTH_STATUS_INVALID_ARGUMENT).get());
        if (argv_.size() > static_cast<std::size_t>(INT32_MAX))
            throw error(TC_AUTH_STATUS_INVALID_ARGUMENT);
    }

    std::int32_t argc() const { return static_cast<std::int32_t>(argv_.size()); }
    char *const *argv() const { return argv_.data(); }

private:
    std::vector<terminated> copies_;
    std::vector<char *> argv_;
};

inline std::int64_t unix_expiry(const std::optional<moment_argument> &expires)
{
    return expires ? expires->unix_seconds() : TC_AUTH_NO_EXPIRY;
}

} // namespace detail

/** The headers of one request. */
struct headers {
    /** The value of the Authorization header. */
    std::string authorization;

    /** The value of the Timestamp header; with a token there is none. */
    std::optional<std::int64_t> timestamp;

    /** All of them, as pairs of name and value: copies, which are yours to wipe. */
    std::vector<std::pair<std::string, std::string>> lines() const
    {
        std::vector<std::pair<std::string, std::string>> lines;
        lines.reserve(2); // an initializer list, or growing, would leave another copy behind
        lines.emplace_back("Authorization", authorization);
        if (timestamp)
            lines.emplace_back("Timestamp", std::to_string(*timestamp));
        return lines;
    }
};

/** A token and the moment at which it ends, if that is known. */
struct token {
    std::string value;                 /**< To be sent, not to be logged. */
    std::optional<time_point> expires; /**< When it ends, if that is known. */
};

/** You were chosen to renew: tc_auth_renewal. Destroying it cancels it. */
class renewal {
public:
    /** Takes a ticket over from C. */
    explicit renewal(tc_auth_renewal *ticket) noexcept : handle_(ticket) {}

    /**
     * The URL to GET: see tc_auth_renewal_url(). Valid until complete() or cancel(). It contains the token: pass it on
     * as it is, because nobody wipes a copy in a std::string.
     */
    std::string_view url() const noexcept
    {
        const std::string_view url(c_url());
        (void)c_url(); // strlen() left parts of the URL in registers: a call of the library clears them
        return url;
    }

    /** The same, ended by NUL, as libcurl takes it (and copies it). Never NULL. */
    const char *c_url() const noexcept
    {
        const char *url = tc_auth_renewal_url(handle_.get());
        return url ? url : ""; // of one that was used up
    }

    /**
     * Hands in the answer, which may hold a token: wipe your buffer afterwards. Returns the server's message, which is
     * mostly empty. The ticket is used up, also when it throws: RENEWAL_REFUSED or RENEWAL_BAD_RESPONSE, with the
     * message in detail().
     */
    std::string complete(std::int32_t http_status, std::string_view body)
    {
        char *message = nullptr;
        const auto status =
            tc_auth_renewal_complete(handle_.release(), http_status, body.data(), body.size(), &message);
        auto text = detail::take(message);
        if (status != TC_AUTH_STATUS_OK)
            throw error(status, text);
        return text;
    }

    /** There was no answer. The ticket is used up. */
    void cancel() noexcept { handle_.reset(); }

private:
    std::unique_ptr<tc_auth_renewal, detail::deleter<tc_auth_renewal_cancel>> handle_;
};

/** One identity: tc_auth. Make it once and share it. */
class auth {
public:
    /** tc_auth_new_hmac(). */
    static auth hmac(detail::text_argument access_id, detail::text_argument secret_key)
    {
        detail::terminated id(access_id, TC_AUTH_STATUS_INVALID_ACCESS_ID);
        detail::terminated key(secret_key, TC_AUTH_STATUS_INVALID_SECRET_KEY);
        return make([&](tc_auth **out) { return tc_auth_new_hmac(id.get(), key.get(), out); });
    }

    /**
     * tc_auth_new_token(). `expires`: a moment, not how long it lives; nothing, or the Unix epoch, if it is not known.
     */
    static auth token(detail::text_argument token, std::optional<detail::moment_argument> expires = {})
    {
        detail::terminated value(token, TC_AUTH_STATUS_INVALID_TOKEN);
        const auto moment = detail::unix_expiry(expires);
        return make([&](tc_auth **out) { return tc_auth_new_token(value.get(), moment, out); });
    }

    /** tc_auth_from_json(). */
    static auth from_json(detail::text_argument json)
    {
        return make([&](tc_auth **out) { return tc_auth_from_json(json.data(), json.size(), out); });
    }

    /** tc_auth_from_args(). */
    static auth from_args(const std::vector<std::string_view> &arguments)
    {
        const detail::arguments args(arguments);
        return make([&](tc_auth **out) { return tc_auth_from_args(args.argc(), args.argv(), out); });
    }

    /** tc_auth_from_args(). */
    static auth from_args(int argc, char *const *argv)
    {
        return make([&](tc_auth **out) { return tc_auth_from_args(argc, argv, out); });
    }

    /** tc_auth_from_env(). */
    static auth from_env() { return make(tc_auth_from_env); }

    /** tc_auth_from_param_file(). */
    static auth from_param_file(detail::text_argument path, detail::text_argument key)
    {
        detail::terminated file(path, TC_AUTH_STATUS_INVALID_ARGUMENT);
        detail::terminated bytes(key, TC_AUTH_STATUS_INVALID_ARGUMENT);
        return make([&](tc_auth **out) { return tc_auth_from_param_file(file.get(), bytes.get(), out); });
    }

    /**
     * tc_auth_discover(). `why`: receives what was looked at and found, if you want to know; when it throws, detail()
     * has it.
     */
    static auth discover(int argc, char *const *argv, std::string *why = nullptr)
    {
        tc_auth *made = nullptr;
        char *looked_at = nullptr;
        const auto status = tc_auth_discover(argc, argv, &looked_at, &made);
        auto owner = auth(made);
        auto text = detail::take(looked_at);
        if (status != TC_AUTH_STATUS_OK)
            throw error(status, text);
        if (why)
            *why = std::move(text);
        return owner;
    }

    /** The same, for arguments that are not those of main(). */
    static auth discover(const std::vector<std::string_view> &arguments, std::string *why = nullptr)
    {
        const detail::arguments args(arguments);
        return discover(args.argc(), args.argv(), why);
    }

    /** The C handle, for a function that has no counterpart here. It stays this object's. */
    tc_auth *get() const noexcept { return handle_.get(); }

    /** tc_auth_get_kind(). */
    tc_auth_kind kind() const noexcept { return tc_auth_get_kind(get()); }

    /** tc_auth_describe(): one line for a log, without secrets. */
    std::string describe() const
    {
        return detail::text([&](char **out) { return tc_auth_describe(get(), out); });
    }

    /** The headers of a request that is sent now. Allocates only the string that it returns; for a long token twice. */
    tcauth::headers headers(detail::text_argument method, detail::text_argument uri) const
    {
        return headers_at(method, uri, TC_AUTH_NOW);
    }

    /** tc_auth_headers_at(). */
    tcauth::headers headers(detail::text_argument method, detail::text_argument uri, detail::moment_argument at) const
    {
        return headers_at(method, uri, at.unix_seconds());
    }

    /** The server's side: throws unless the headers that came with a request are right. No time means now. */
    void verify(detail::text_argument method, detail::text_argument uri, std::optional<std::string_view> authorization,
                std::optional<std::string_view> timestamp, std::optional<detail::moment_argument> at = {},
                std::chrono::seconds tolerance = std::chrono::seconds(300)) const
    {
        detail::terminated verb(method, TC_AUTH_STATUS_INVALID_METHOD);
        detail::terminated target(uri, TC_AUTH_STATUS_INVALID_URI_BYTE);
        detail::terminated shown(authorization.value_or(""), TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
        detail::terminated when(timestamp.value_or(""), TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
        detail::throw_unless_ok(tc_auth_verify(get(), verb.get(), target.get(), authorization ? shown.get() : nullptr,
                                     timestamp ? when.get() : nullptr, at ? at->unix_seconds() : TC_AUTH_NOW,
                                     tolerance.count()));
    }

    /** tc_auth_set_api_path(). */
    void set_api_path(detail::text_argument api_path)
    {
        detail::terminated path(api_path, TC_AUTH_STATUS_INVALID_URI_BYTE);
        detail::throw_unless_ok(tc_auth_set_api_path(get(), path.get()));
    }

    /** tc_auth_update_token(). */
    void update_token(detail::text_argument token, std::optional<detail::moment_argument> expires = {})
    {
        detail::terminated value(token, TC_AUTH_STATUS_INVALID_TOKEN);
        detail::throw_unless_ok(tc_auth_update_token(get(), value.get(), detail::unix_expiry(expires)));
    }

    /** The current token and its expiry, of one moment. Not for a log. */
    tcauth::token current_token() const
    {
        std::int64_t expires = TC_AUTH_NO_EXPIRY;
        tcauth::token token{detail::text([&](char **out) { return tc_auth_token(get(), out, &expires); }), {}};
        if (expires != TC_AUTH_NO_EXPIRY)
            token.expires = time_point(std::chrono::seconds(expires));
        return token;
    }

    /** tc_auth_set_renewal_window(). */
    void set_renewal_window(std::chrono::seconds window) { detail::throw_unless_ok(tc_auth_set_renewal_window(get(), window.count())); }

    /** tc_auth_set_clock_offset(). */
    void set_clock_offset(std::chrono::seconds offset) { detail::throw_unless_ok(tc_auth_set_clock_offset(get(), offset.count())); }

    /** tc_auth_clock_offset(). */
    std::chrono::seconds clock_offset() const
    {
        std::int64_t offset = 0;
        detail::throw_unless_ok(tc_auth_clock_offset(get(), &offset));
        return std::chrono::seconds(offset);
    }

    /** Before each request: nothing means "go ahead". Waits for another thread's renewal, no longer than `max_wait`. */
    std::optional<renewal> poll(std::chrono::milliseconds max_wait)
    {
        tc_auth_renewal *ticket = nullptr;
        detail::throw_unless_ok(tc_auth_renewal_poll(get(), max_wait.count(), &ticket));
        return ticket ? std::optional<renewal>(ticket) : std::nullopt;
    }

    /**
     * After each response: says whether to send again. `date` is the Date header, or nothing: also if the response
     * carries an Age header, or did not come from the signed origin over TLS.
     */
    tc_auth_advice review(const tcauth::headers &sent, std::int32_t http_status, std::optional<std::string_view> date,
                          detail::text_argument body)
    {
        // A date that C would read only in part is none.
        const std::string when(date && date->find('\0') == date->npos ? *date : "");
        std::int32_t advice = TC_AUTH_ADVICE_UNKNOWN;
        detail::throw_unless_ok(tc_auth_review(get(), sent.authorization.data(), sent.authorization.size(),
                                     sent.timestamp.value_or(TC_AUTH_NO_TIMESTAMP), http_status,
                                     when.empty() ? nullptr : when.c_str(), body.data(), body.size(), &advice));
        // A number of a later library would be none that this type can hold.
        return advice < 0 || advice > TC_AUTH_ADVICE_UNKNOWN ? TC_AUTH_ADVICE_UNKNOWN
                                                             : static_cast<tc_auth_advice>(advice);
    }

private:
    explicit auth(tc_auth *handle) noexcept : handle_(handle) {}

    template <class call> static auth make(call create)
    {
        tc_auth *handle = nullptr;
        detail::throw_unless_ok(create(&handle));
        return auth(handle);
    }

    tcauth::headers headers_at(std::string_view method, std::string_view uri, std::int64_t unix_time) const
    {
        std::size_t length = 255; // a signature takes no more than 50 bytes and the access id
        std::int64_t timestamp = TC_AUTH_NO_TIMESTAMP;
        tc_auth_status status = TC_AUTH_STATUS_BUFFER_TOO_SMALL;
        tcauth::headers headers;
        // Written in place: a copy would leave the token in a second buffer. In a loop, because another thread can set a
        // longer token in between.
        while (status == TC_AUTH_STATUS_BUFFER_TOO_SMALL) {
            headers.authorization.resize(length + 1);
            status = tc_auth_headers_into(get(), method.data(), method.size(), uri.data(), uri.size(), unix_time,
                                          headers.authorization.data(), headers.authorization.size(), &length, &timestamp);
        }
        detail::throw_unless_ok(status);
        headers.authorization.resize(length);
        if (timestamp != TC_AUTH_NO_TIMESTAMP)
            headers.timestamp = timestamp;
        return headers;
    }

    std::unique_ptr<tc_auth, detail::deleter<tc_auth_free>> handle_;
};

/** A URL that is being built: tc_auth_url. Sign and send the same string. */
class url {
public:
    /** tc_auth_url_new(). */
    explicit url(detail::text_argument base)
    {
        detail::terminated text(base, TC_AUTH_STATUS_INVALID_URI_BYTE);
        make([&](tc_auth_url **out) { return tc_auth_url_new(text.get(), out); });
    }

    /** tc_auth_url_new_for(): joins a path to the handle's API path. */
    url(const auth &auth, detail::text_argument path)
    {
        detail::terminated text(path, TC_AUTH_STATUS_INVALID_URI_BYTE);
        make([&](tc_auth_url **out) { return tc_auth_url_new_for(auth.get(), text.get(), out); });
    }

    /** tc_auth_url_add_segment(). */
    url &add_segment(detail::text_argument segment) &
    {
        detail::terminated text(segment, TC_AUTH_STATUS_INVALID_ARGUMENT);
        detail::throw_unless_ok(tc_auth_url_add_segment(handle_.get(), text.get()));
        return *this;
    }

    /** tc_auth_url_add_query(). */
    url &add_query(detail::text_argument name, detail::text_argument value) &
    {
        detail::terminated left(name, TC_AUTH_STATUS_INVALID_ARGUMENT), right(value, TC_AUTH_STATUS_INVALID_ARGUMENT);
        detail::throw_unless_ok(tc_auth_url_add_query(handle_.get(), left.get(), right.get()));
        return *this;
    }

    /** The same on a temporary, so that `url built = url("/api").add_segment("a");` moves it. */
    url add_segment(detail::text_argument segment) && { return std::move(add_segment(segment)); }
    /** The same on a temporary. */
    url add_query(detail::text_argument name, detail::text_argument value) && { return std::move(add_query(name, value)); }

    /** The URL as it is now, ended by NUL. Never NULL. Valid until the next change. */
    const char *c_str() const noexcept
    {
        const char *text = tc_auth_url_string(handle_.get());
        return text ? text : ""; // of one that was moved from
    }

    /** c_str() with its length. */
    std::string_view view() const noexcept { return c_str(); }

    /** A copy of it. */
    std::string str() const { return c_str(); }

private:
    template <class call> void make(call create)
    {
        tc_auth_url *made = nullptr;
        detail::throw_unless_ok(create(&made));
        handle_.reset(made);
    }

    std::unique_ptr<tc_auth_url, detail::deleter<tc_auth_url_free>> handle_;
};

/** The string that is signed: tc_auth_string_to_sign(). */
inline std::string string_to_sign(detail::text_argument method, detail::text_argument uri, detail::moment_argument at)
{
    detail::terminated verb(method, TC_AUTH_STATUS_INVALID_METHOD);
    detail::terminated target(uri, TC_AUTH_STATUS_INVALID_URI_BYTE);
    const auto second = at.unix_seconds();
    return detail::text([&](char **out) { return tc_auth_string_to_sign(verb.get(), target.get(), second, out); });
}

/** The version of the library that is running. */
inline const char *version() noexcept { return tc_auth_version(); }

} // namespace tcauth

#endif // TC_AUTH_HPP
