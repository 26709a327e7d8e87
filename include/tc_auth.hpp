/**
 * @file tc_auth.hpp
 *
 * C++17 wrapper of tc_auth.h: authorization headers for the ThreatConnect API. Header-only; link with -ltc_auth:
 * `c++ -std=c++17 program.cpp $(pkg-config --cflags --libs tc_auth)`
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
 * **Errors.** Each function that can fail exists twice. headers() throws tcauth::error; try_headers() returns a
 * tcauth::result, which holds the headers or a tcauth::failure. "try" means that it does not throw; it has nothing to
 * do with waiting. For a constructor the second function is try_make(). Without exceptions (-fno-exceptions) only the
 * functions with try_ exist. Either way std::bad_alloc can be thrown, and nothing else.
 *
 * The status of an error is a tc_auth_status, which is also a std::error_code of tcauth::category(). All enumerations
 * can be written to a std::ostream; tcauth::name() is the name of a value.
 *
 * **Strings** are taken as tcauth::text: any string, also a part of one. A string that contains a NUL is refused with
 * the status for an invalid character, and a char pointer that is NULL with NULL_ARGUMENT. The copies of secret keys
 * and tokens that are made for a call are wiped. Headers and tokens that are returned to you are yours to wipe:
 * tcauth::wipe().
 *
 * **Objects** own what they hold, free it, and can be moved but not copied. After a move, the old object can be
 * destroyed or assigned to; its other functions fail with NULL_ARGUMENT, or return an empty value. An auth may be used
 * by any number of threads at once, but destroyed or assigned to only when no other thread uses it. A url or a renewal
 * belongs to one thread at a time.
 *
 * Everything is in an inline namespace with the version, and with another name where there are no exceptions. So parts
 * of a program that were compiled with different versions can be linked, but can't pass these objects to each other.
 */

#ifndef TC_AUTH_HPP
#define TC_AUTH_HPP

#if __cplusplus < 201703L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#error "tc_auth.hpp is for C++17 or later (-std=c++17); tc_auth.h is for all others."
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tc_auth.h"

static_assert(TC_AUTH_VERSION_MAJOR == 0 && TC_AUTH_VERSION_MINOR == 1, "tc_auth.h has another version");

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
/** 1 if the functions that throw exist. */
#define TC_AUTH_HPP_THROWS 1
#else
#define TC_AUTH_HPP_THROWS 0
#endif

namespace std {
/** A tc_auth_status converts to a std::error_code. */
template <> struct is_error_code_enum<tc_auth_status> : true_type {};
} // namespace std

namespace tcauth {
#if TC_AUTH_HPP_THROWS
inline namespace v0_1 {
#else
inline namespace v0_1_noexcept {
#endif

/** A moment in whole seconds. */
using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;

/** Overwrites all memory of a string, and empties it: for headers, tokens, and responses that contain a token. */
inline void wipe(std::string &string) noexcept
{
    string.resize(string.capacity());
    volatile char *byte = string.data(); // volatile: else the compiler leaves it out, for nobody reads it
    for (std::size_t left = string.size(); left > 0; left--)
        *byte++ = 0;
    string.clear();
}

// ---- names and codes

/** The name of a status, such as "TOKEN_EXPIRED"; empty for a number of a later library. */
constexpr std::string_view name(tc_auth_status status) noexcept
{
    // No default: the compiler warns if a status is missing.
    switch (status) {
    case TC_AUTH_STATUS_OK: return "OK";
    case TC_AUTH_STATUS_NULL_ARGUMENT: return "NULL_ARGUMENT";
    case TC_AUTH_STATUS_INVALID_METHOD: return "INVALID_METHOD";
    case TC_AUTH_STATUS_INVALID_URI_FORM: return "INVALID_URI_FORM";
    case TC_AUTH_STATUS_INVALID_URI_BYTE: return "INVALID_URI_BYTE";
    case TC_AUTH_STATUS_INVALID_ACCESS_ID: return "INVALID_ACCESS_ID";
    case TC_AUTH_STATUS_INVALID_SECRET_KEY: return "INVALID_SECRET_KEY";
    case TC_AUTH_STATUS_INVALID_TOKEN: return "INVALID_TOKEN";
    case TC_AUTH_STATUS_INVALID_TIME: return "INVALID_TIME";
    case TC_AUTH_STATUS_BUFFER_TOO_SMALL: return "BUFFER_TOO_SMALL";
    case TC_AUTH_STATUS_WRONG_KIND: return "WRONG_KIND";
    case TC_AUTH_STATUS_TOKEN_EXPIRED: return "TOKEN_EXPIRED";
    case TC_AUTH_STATUS_RENEWAL_REFUSED: return "RENEWAL_REFUSED";
    case TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE: return "RENEWAL_BAD_RESPONSE";
    case TC_AUTH_STATUS_RENEWAL_TIMEOUT: return "RENEWAL_TIMEOUT";
    case TC_AUTH_STATUS_ALREADY_SET: return "ALREADY_SET";
    case TC_AUTH_STATUS_NO_CREDENTIALS: return "NO_CREDENTIALS";
    case TC_AUTH_STATUS_CONFIG_SYNTAX: return "CONFIG_SYNTAX";
    case TC_AUTH_STATUS_CONFIG_IO: return "CONFIG_IO";
    case TC_AUTH_STATUS_CONFIG_DECRYPT: return "CONFIG_DECRYPT";
    case TC_AUTH_STATUS_API_PATH_MISSING: return "API_PATH_MISSING";
    case TC_AUTH_STATUS_SIGNATURE_MISMATCH: return "SIGNATURE_MISMATCH";
    case TC_AUTH_STATUS_TIMESTAMP_OUT_OF_RANGE: return "TIMESTAMP_OUT_OF_RANGE";
    case TC_AUTH_STATUS_MALFORMED_AUTHORIZATION: return "MALFORMED_AUTHORIZATION";
    case TC_AUTH_STATUS_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case TC_AUTH_STATUS_OTHER_ORIGIN: return "OTHER_ORIGIN";
    case TC_AUTH_STATUS_SEAL_INVALID: return "SEAL_INVALID";
    case TC_AUTH_STATUS_SEAL_VERSION: return "SEAL_VERSION";
    case TC_AUTH_STATUS_STORE_IO: return "STORE_IO";
    case TC_AUTH_STATUS_PANIC: return "PANIC";
    case TC_AUTH_STATUS_SIGNED: break; // no status
    }
    return {};
}

/** The name of a kind, such as "HMAC"; empty for a number of a later library. */
constexpr std::string_view name(tc_auth_kind kind) noexcept
{
    switch (kind) {
    case TC_AUTH_KIND_NONE: return "NONE";
    case TC_AUTH_KIND_HMAC: return "HMAC";
    case TC_AUTH_KIND_TOKEN: return "TOKEN";
    }
    return {};
}

/** The name of an advice, such as "RETRY"; empty for a number of a later library. */
constexpr std::string_view name(tc_auth_advice advice) noexcept
{
    switch (advice) {
    case TC_AUTH_ADVICE_ACCEPTED: return "ACCEPTED";
    case TC_AUTH_ADVICE_RETRY: return "RETRY";
    case TC_AUTH_ADVICE_BAD_SIGNATURE: return "BAD_SIGNATURE";
    case TC_AUTH_ADVICE_CLOCK_SKEW: return "CLOCK_SKEW";
    case TC_AUTH_ADVICE_TOKEN_REJECTED: return "TOKEN_REJECTED";
    case TC_AUTH_ADVICE_ACCESS_DENIED: return "ACCESS_DENIED";
    case TC_AUTH_ADVICE_NOT_LICENSED: return "NOT_LICENSED";
    case TC_AUTH_ADVICE_UNKNOWN: return "UNKNOWN";
    }
    return {};
}

/** The name of what a sealed token was, such as "ADOPTED"; empty for a number of a later library. */
constexpr std::string_view name(tc_auth_unsealed outcome) noexcept
{
    switch (outcome) {
    case TC_AUTH_UNSEALED_SAME: return "SAME";
    case TC_AUTH_UNSEALED_ADOPTED: return "ADOPTED";
    case TC_AUTH_UNSEALED_OLDER: return "OLDER";
    }
    return {};
}

/** The name of a state, such as "DUE"; empty for a number of a later library. */
constexpr std::string_view name(tc_auth_state state) noexcept
{
    switch (state) {
    case TC_AUTH_STATE_NONE: return "NONE";
    case TC_AUTH_STATE_VALID: return "VALID";
    case TC_AUTH_STATE_DUE: return "DUE";
    case TC_AUTH_STATE_UNDER_WAY: return "UNDER_WAY";
    case TC_AUTH_STATE_PAUSED: return "PAUSED";
    case TC_AUTH_STATE_REFUSED: return "REFUSED";
    case TC_AUTH_STATE_NOT_RENEWABLE: return "NOT_RENEWABLE";
    }
    return {};
}

namespace detail {

/** An object that is never destroyed, so that the destructors of static objects can still use it. */
template <class object> const object &immortal() noexcept
{
    alignas(object) static unsigned char memory[sizeof(object)];
    static const object *const made = ::new (static_cast<void *>(memory)) object();
    return *made;
}

class category final : public std::error_category {
public:
    const char *name() const noexcept override { return "tc_auth"; }
    std::string message(int status) const override { return tc_auth_status_message(status); }
};

/** Writes a name, or the number that has none. */
template <class traits, class enumeration>
std::basic_ostream<char, traits> &write(std::basic_ostream<char, traits> &out, enumeration number)
{
    const auto known = tcauth::name(number);
    return known.empty() ? out << static_cast<int>(number) : out << known;
}

} // namespace detail

/** The category of a std::error_code that is a tc_auth_status. */
inline const std::error_category &category() noexcept
{
    return detail::immortal<detail::category>();
}

/** A status as a std::error_code: `code == TC_AUTH_STATUS_TOKEN_EXPIRED` calls it. */
inline std::error_code make_error_code(tc_auth_status status) noexcept
{
    return {static_cast<int>(status), category()};
}

/** Writes the name of a status. */
template <class traits>
std::basic_ostream<char, traits> &operator<<(std::basic_ostream<char, traits> &out, tc_auth_status status)
{
    return detail::write(out, status);
}

/** Writes the name of a kind. */
template <class traits>
std::basic_ostream<char, traits> &operator<<(std::basic_ostream<char, traits> &out, tc_auth_kind kind)
{
    return detail::write(out, kind);
}

/** Writes the name of an advice. */
template <class traits>
std::basic_ostream<char, traits> &operator<<(std::basic_ostream<char, traits> &out, tc_auth_advice advice)
{
    return detail::write(out, advice);
}

/** Writes the name of what a sealed token was. */
template <class traits>
std::basic_ostream<char, traits> &operator<<(std::basic_ostream<char, traits> &out, tc_auth_unsealed outcome)
{
    return detail::write(out, outcome);
}

/** Writes the name of a state. */
template <class traits>
std::basic_ostream<char, traits> &operator<<(std::basic_ostream<char, traits> &out, tc_auth_state state)
{
    return detail::write(out, state);
}

// ---- errors and results

/** Why a call failed. Copying it does not throw. */
class failure {
public:
    /** No failure: the status is OK. */
    failure() noexcept = default;

    /** A status, and what else there is to say. */
    explicit failure(tc_auth_status status, const std::string &detail = {})
        : status_(status), detail_(detail.empty() ? nullptr : std::make_shared<const std::string>(detail))
    {
    }

    /** Which error it is. */
    tc_auth_status status() const noexcept { return status_; }

    /** The same, as a std::error_code. */
    std::error_code code() const noexcept { return make_error_code(status_); }

    /** What the server said to a renewal, or what auth::discover() looked at; else empty. Contains no secret. */
    const std::string &detail() const noexcept { return detail_ ? *detail_ : detail::immortal<std::string>(); }

    /** A sentence for a log, with the detail. */
    std::string message() const
    {
        return tc_auth_status_message(status_) + (detail_ ? " (" + *detail_ + ")" : std::string());
    }

private:
    tc_auth_status status_ = TC_AUTH_STATUS_OK;
    std::shared_ptr<const std::string> detail_;
};

#if TC_AUTH_HPP_THROWS
/** A call that failed, as an exception. code() is the status, too. */
class error : public std::system_error {
public:
    /** The exception for a failure. */
    explicit error(failure reason)
        : std::system_error(reason.code()), reason_(std::move(reason)),
          what_(reason_.detail().empty() ? nullptr : std::make_shared<const std::string>(reason_.message()))
    {
    }

    /** The exception for a status, and what else there is to say. */
    explicit error(tc_auth_status status, const std::string &detail = {}) : error(failure(status, detail)) {}

    /** failure::status() */
    tc_auth_status status() const noexcept { return reason_.status(); }

    /** failure::detail() */
    const std::string &detail() const noexcept { return reason_.detail(); }

    /** failure::message() */
    const char *what() const noexcept override { return what_ ? what_->c_str() : std::system_error::what(); }

private:
    failure reason_;
    std::shared_ptr<const std::string> what_; // shared, because an exception must be copied without throwing
};
#endif

namespace detail {

[[noreturn]] inline void stop(const failure &reason) noexcept
{
    std::fprintf(stderr, "tc_auth.hpp: value of a failed call: %s %s\n", tc_auth_status_message(reason.status()),
                 reason.detail().c_str());
    std::abort();
}

[[noreturn]] inline void raise(const failure &reason)
{
#if TC_AUTH_HPP_THROWS
    throw error(reason);
#else
    stop(reason);
#endif
}

} // namespace detail

/**
 * A value or a failure, like std::expected<T, failure>. T may be void.
 *
 *     if (auto headers = auth.try_headers("GET", "/api/v3/indicators"))
 *         send(headers->authorization);
 *     else
 *         std::cerr << headers.error().message() << '\n';
 *
 * Unlike std::expected, no use of it is undefined: the operators * and -> of a failure abort the program with its
 * message, and the error of a value has the status OK.
 */
template <class T> class [[nodiscard]] result {
    static_assert(!std::is_reference_v<T> && !std::is_same_v<std::remove_cv_t<T>, failure>, "T must be a value");
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    static_assert(std::is_nothrow_move_constructible_v<stored>, "else a result could hold neither");

public:
    using value_type = T;       /**< T */
    using error_type = failure; /**< failure */

    /** Success, of a result<void>. */
    template <class U = T, std::enable_if_t<std::is_void_v<U>, int> = 0> result() noexcept {}

    /** A value. */
    result(stored value) noexcept : state_(std::in_place_index<0>, std::move(value)) {}

    /** A failure, whose status is not OK. */
    result(failure reason) noexcept : state_(std::in_place_index<1>, std::move(reason)) {}

    /** Whether the call succeeded. */
    bool has_value() const noexcept { return state_.index() == 0; }

    /** has_value() */
    explicit operator bool() const noexcept { return has_value(); }

    /** The value; of a failure it throws tcauth::error. Without exceptions it aborts the program with the message. */
    std::add_lvalue_reference_t<T> value() & { return has_value() ? **this : (detail::raise(error()), **this); }
    /** The same. */
    std::add_lvalue_reference_t<const T> value() const &
    {
        return has_value() ? **this : (detail::raise(error()), **this);
    }
    /** The same, to be moved. */
    std::add_rvalue_reference_t<T> value() && { return static_cast<std::add_rvalue_reference_t<T>>(value()); }

    /** The value. Aborts the program if it is a failure. */
    std::add_lvalue_reference_t<T> operator*() & noexcept
    {
        return static_cast<std::add_lvalue_reference_t<T>>(*pointer());
    }
    /** The same. */
    std::add_lvalue_reference_t<const T> operator*() const & noexcept
    {
        return static_cast<std::add_lvalue_reference_t<const T>>(*pointer());
    }
    /** The same, to be moved. */
    std::add_rvalue_reference_t<T> operator*() && noexcept
    {
        return static_cast<std::add_rvalue_reference_t<T>>(*pointer());
    }

    /** A member of the value. Aborts the program if it is a failure. */
    T *operator->() noexcept { return pointer(); }
    /** The same. */
    const T *operator->() const noexcept { return pointer(); }

    /** Why it failed; the status is OK if it did not. */
    const failure &error() const & noexcept
    {
        const auto *reason = std::get_if<1>(&state_);
        return reason ? *reason : detail::immortal<failure>();
    }
    /** The same, of a temporary. */
    failure error() && noexcept { return error(); }

private:
    stored *pointer() noexcept { return const_cast<stored *>(std::as_const(*this).pointer()); }
    const stored *pointer() const noexcept
    {
        if (!has_value())
            detail::stop(error());
        return std::get_if<0>(&state_);
    }

    std::variant<stored, failure> state_;
};

// ---- arguments

/**
 * A string that is passed in: a std::string, a std::string_view or a type like them, a literal, or a char pointer. It
 * may be a part of a longer string. Only for parameters, because it refers to the memory of the caller.
 */
class text {
public:
    /** Ended by NUL. If it is NULL, the call fails with NULL_ARGUMENT. */
    text(const char *string) noexcept : view_(string ? string : std::string_view()), is_null_(!string) {}

    /** Any type that converts to std::string_view. */
    template <class string, std::enable_if_t<std::is_convertible_v<const string &, std::string_view> &&
                                                 !std::is_convertible_v<const string &, const char *>,
                                             int> = 0>
    text(const string &characters) : view_(characters)
    {
    }

    text(std::nullptr_t) = delete;

    /** The characters. */
    std::string_view view() const noexcept { return view_; }

    /** Whether it was made from a NULL pointer. */
    bool is_null() const noexcept { return is_null_; }

private:
    std::string_view view_;
    bool is_null_ = false;
};

/** A moment that is passed in, of any precision. It is rounded down to a second. */
class moment {
public:
    /** From a time point of the system clock. */
    template <class precision>
    moment(std::chrono::time_point<std::chrono::system_clock, precision> time)
        : seconds_(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count())
    {
    }

    /** For C. Every negative time is refused, but C takes -1 for "now". */
    std::int64_t unix_seconds() const noexcept { return seconds_ == TC_AUTH_NOW ? INT64_MIN : seconds_; }

private:
    std::int64_t seconds_;
};

namespace detail {

/** A copy that ends in NUL, for C. It is wiped afterwards. An absent text is NULL. */
class terminated {
public:
    /** `refusal` is the status for a NUL inside. */
    terminated(std::optional<text> argument, tc_auth_status refusal) : is_null_(!argument || argument->is_null())
    {
        if (is_null_)
            return;
        if (argument->view().find('\0') == std::string_view::npos)
            copy_ = argument->view();
        else
            refusal_ = refusal;
    }
    terminated(terminated &&) noexcept = default; // what a short string leaves behind, the destructor wipes
    terminated &operator=(terminated &&) = delete;
    ~terminated() { wipe(copy_); }

    char *get() noexcept { return is_null_ ? nullptr : copy_.data(); }
    const char *get() const noexcept { return is_null_ ? nullptr : copy_.c_str(); }
    tc_auth_status refusal() const noexcept { return refusal_; }

private:
    std::string copy_;
    tc_auth_status refusal_ = TC_AUTH_STATUS_OK;
    bool is_null_;
};

} // namespace detail

/**
 * Command-line arguments that are passed in: texts in braces, or any range of texts, such as a
 * std::vector<std::string>. They are copied, and the copies are wiped.
 */
class arguments {
public:
    /** `{"app", "--tc_token", token}` */
    arguments(std::initializer_list<text> elements) { add(elements); }

    /** Any range. */
    template <class range, class = decltype(text(*std::begin(std::declval<const range &>())))>
    arguments(const range &elements)
    {
        add(elements);
    }

    arguments(const arguments &) = delete;
    arguments &operator=(const arguments &) = delete;

    /** For C. */
    std::int32_t argc() const noexcept { return static_cast<std::int32_t>(argv_.size()); }
    /** For C. */
    char *const *argv() const noexcept { return argv_.data(); }
    /** Why C can't be asked; else OK. */
    tc_auth_status refusal() const noexcept { return refusal_; }

private:
    template <class range> void add(const range &elements)
    {
        for (const auto &element : elements)
            copies_.emplace_back(text(element), TC_AUTH_STATUS_INVALID_ARGUMENT);
        for (auto &copy : copies_) {
            argv_.push_back(copy.get());
            refusal_ = refusal_ == TC_AUTH_STATUS_OK ? copy.refusal() : refusal_;
        }
        if (argv_.size() > static_cast<std::size_t>(INT32_MAX))
            refusal_ = TC_AUTH_STATUS_INVALID_ARGUMENT;
    }

    std::vector<detail::terminated> copies_;
    std::vector<char *> argv_;
    tc_auth_status refusal_ = TC_AUTH_STATUS_OK;
};

namespace detail {

template <auto release> struct deleter {
    template <class object> void operator()(object *pointer) const noexcept { release(pointer); }
};

using c_string = std::unique_ptr<char, deleter<tc_auth_string_free>>;

/** The text of a string that the library has returned, which is wiped and freed. */
inline std::string take(char *string)
{
    const c_string owner(string);
    std::string copy;
    if (owner) {
        // Never inside of the object: moving it would leave a copy behind there, which nobody wipes.
        const std::size_t length = std::strlen(owner.get());
        copy.reserve(length < 64 ? 64 : length);
        copy.assign(owner.get(), length);
    }
    return copy;
}

/** Calls C, unless an input was refused before. */
template <class call, class... inputs> tc_auth_status attempt(call ask, const inputs &...checked)
{
    tc_auth_status refusal = TC_AUTH_STATUS_OK;
    ((refusal = refusal == TC_AUTH_STATUS_OK ? checked.refusal() : refusal), ...);
    return refusal == TC_AUTH_STATUS_OK ? ask() : refusal;
}

template <class call, class... inputs> result<void> run(call ask, const inputs &...checked)
{
    const auto status = attempt(ask, checked...);
    return status == TC_AUTH_STATUS_OK ? result<void>() : failure(status);
}

/** Of a call that returns a string. */
template <class call, class... inputs> result<std::string> string_of(call ask, const inputs &...checked)
{
    char *string = nullptr;
    const auto status = attempt([&] { return ask(&string); }, checked...);
    if (status != TC_AUTH_STATUS_OK)
        return failure(status);
    return take(string);
}

inline std::int64_t unix_expiry(const std::optional<moment> &expires)
{
    return expires ? expires->unix_seconds() : TC_AUTH_NO_EXPIRY;
}

} // namespace detail

// ---- what the calls return

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

/** A token and its expiry. */
struct token {
    std::string value; /**< To be sent, not to be logged. */
    std::optional<time_point> expires; /**< If it is known. */
};

/** What can be done with a token, and for how long, or from when on: see tc_auth_token_state(). */
struct token_state {
    tc_auth_state state; /**< Which state it is. */
    std::optional<std::chrono::seconds> left; /**< The time, rounded up, if it is known. */
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

    /** tc_auth_renewal_needed(): false of one that was used up. */
    bool needed() const noexcept
    {
        std::int32_t answer = 0;
        return tc_auth_renewal_needed(handle_.get(), &answer) == TC_AUTH_STATUS_OK && answer != 0;
    }

    /**
     * Hands in the response, which may hold a token: wipe your buffer afterwards. Returns the server's message, which
     * is mostly empty. The ticket is used up, also if it fails: RENEWAL_REFUSED or RENEWAL_BAD_RESPONSE, with the
     * message as detail.
     */
    result<std::string> try_complete(std::int32_t http_status, text body)
    {
        if (body.is_null()) {
            cancel();
            return failure(TC_AUTH_STATUS_NULL_ARGUMENT);
        }
        char *message = nullptr;
        const auto status = tc_auth_renewal_complete(handle_.release(), http_status, body.view().data(),
                                                     body.view().size(), &message);
        auto said = detail::take(message);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status, said);
        return said;
    }

    /** There was no response. The ticket is used up. */
    void cancel() noexcept { handle_.reset(); }

#if TC_AUTH_HPP_THROWS
    /** try_complete() */
    std::string complete(std::int32_t http_status, text body) { return try_complete(http_status, body).value(); }
#endif

private:
    std::unique_ptr<tc_auth_renewal, detail::deleter<tc_auth_renewal_cancel>> handle_;
};

/** One identity: tc_auth. Make it once and share it. */
class auth {
public:
    /** tc_auth_new_hmac() */
    static result<auth> try_hmac(text access_id, text secret_key)
    {
        const detail::terminated id(access_id, TC_AUTH_STATUS_INVALID_ACCESS_ID);
        const detail::terminated key(secret_key, TC_AUTH_STATUS_INVALID_SECRET_KEY);
        return make([&](tc_auth **out) { return tc_auth_new_hmac(id.get(), key.get(), out); }, id, key);
    }

    /** tc_auth_new_token(). `expires`: a moment, not a duration; nothing, or the Unix epoch, if it is not known. */
    static result<auth> try_token(text token, std::optional<moment> expires = {})
    {
        const detail::terminated value(token, TC_AUTH_STATUS_INVALID_TOKEN);
        const auto end = detail::unix_expiry(expires);
        return make([&](tc_auth **out) { return tc_auth_new_token(value.get(), end, out); }, value);
    }

    /** tc_auth_from_json() */
    static result<auth> try_from_json(text json)
    {
        if (json.is_null())
            return failure(TC_AUTH_STATUS_NULL_ARGUMENT);
        return make([&](tc_auth **out) { return tc_auth_from_json(json.view().data(), json.view().size(), out); });
    }

    /** tc_auth_from_args() */
    static result<auth> try_from_args(const arguments &args)
    {
        return make([&](tc_auth **out) { return tc_auth_from_args(args.argc(), args.argv(), out); }, args);
    }

    /** tc_auth_from_args() */
    static result<auth> try_from_args(int argc, char *const *argv)
    {
        return make([&](tc_auth **out) { return tc_auth_from_args(argc, argv, out); });
    }

    /** tc_auth_from_env() */
    static result<auth> try_from_env() { return make(tc_auth_from_env); }

    /** tc_auth_from_param_file() */
    static result<auth> try_from_param_file(text path, text key)
    {
        const detail::terminated file(path, TC_AUTH_STATUS_INVALID_ARGUMENT);
        const detail::terminated bytes(key, TC_AUTH_STATUS_INVALID_ARGUMENT);
        return make([&](tc_auth **out) { return tc_auth_from_param_file(file.get(), bytes.get(), out); }, file, bytes);
    }

    /** tc_auth_discover(). `why` receives what was looked at and found; the detail of a failure is the same text. */
    static result<auth> try_discover(int argc, char *const *argv, std::string *why = nullptr)
    {
        tc_auth *made = nullptr;
        char *looked_at = nullptr;
        const auto status = tc_auth_discover(argc, argv, &looked_at, &made);
        auto owner = auth(made);
        auto found = detail::take(looked_at);
        if (why)
            *why = found;
        if (status != TC_AUTH_STATUS_OK)
            return failure(status, found);
        return owner;
    }

    /** The same, for arguments that are not those of main(). */
    static result<auth> try_discover(const arguments &args, std::string *why = nullptr)
    {
        if (args.refusal() != TC_AUTH_STATUS_OK)
            return failure(args.refusal());
        return try_discover(args.argc(), args.argv(), why);
    }

    /** The C handle, for a function that has no counterpart here. It stays this object's. */
    tc_auth *get() const noexcept { return handle_.get(); }

    /** tc_auth_get_kind() */
    tc_auth_kind kind() const noexcept { return tc_auth_get_kind(get()); }

    /** tc_auth_describe(): one line for a log, without secrets. */
    result<std::string> try_describe() const
    {
        return detail::string_of([&](char **out) { return tc_auth_describe(get(), out); });
    }

    /** The headers of a request that is sent now. Allocates only the string that it returns; for a long token twice. */
    result<tcauth::headers> try_headers(text method, text uri) const { return headers_at(method, uri, TC_AUTH_NOW); }

    /** tc_auth_headers_at() */
    result<tcauth::headers> try_headers(text method, text uri, moment at) const
    {
        return headers_at(method, uri, at.unix_seconds());
    }

    /**
     * The server's side: tc_auth_verify(). Fails unless the headers that came with a request are right. A header that
     * is absent, or a NULL pointer, is missing in the request. No time means now.
     */
    result<void> try_verify(text method, text uri, std::optional<text> authorization, std::optional<text> timestamp,
                            std::optional<moment> at = {},
                            std::chrono::seconds tolerance = std::chrono::seconds(300)) const
    {
        const detail::terminated verb(method, TC_AUTH_STATUS_INVALID_METHOD);
        const detail::terminated target(uri, TC_AUTH_STATUS_INVALID_URI_BYTE);
        const detail::terminated shown(authorization, TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
        const detail::terminated when(timestamp, TC_AUTH_STATUS_MALFORMED_AUTHORIZATION);
        const auto second = at ? at->unix_seconds() : TC_AUTH_NOW;
        return detail::run(
            [&] {
                return tc_auth_verify(get(), verb.get(), target.get(), shown.get(), when.get(), second,
                                      tolerance.count());
            },
            verb, target, shown, when);
    }

    /** tc_auth_set_api_path() */
    result<void> try_set_api_path(text api_path)
    {
        const detail::terminated path(api_path, TC_AUTH_STATUS_INVALID_URI_BYTE);
        return detail::run([&] { return tc_auth_set_api_path(get(), path.get()); }, path);
    }

    /** tc_auth_api_path(): nothing if it is not set. Valid as long as the handle. */
    std::optional<std::string_view> api_path() const noexcept
    {
        const char *path = tc_auth_api_path(get());
        return path ? std::optional<std::string_view>(path) : std::nullopt;
    }

    /** tc_auth_update_token() */
    result<void> try_update_token(text token, std::optional<moment> expires = {})
    {
        const detail::terminated value(token, TC_AUTH_STATUS_INVALID_TOKEN);
        const auto end = detail::unix_expiry(expires);
        return detail::run([&] { return tc_auth_update_token(get(), value.get(), end); }, value);
    }

    /** tc_auth_token(): the current token and its expiry, of one moment. Not for a log. */
    result<tcauth::token> try_current_token() const
    {
        std::int64_t expires = TC_AUTH_NO_EXPIRY;
        auto value = detail::string_of([&](char **out) { return tc_auth_token(get(), out, &expires); });
        if (!value)
            return value.error();
        tcauth::token current{*std::move(value), {}};
        if (expires != TC_AUTH_NO_EXPIRY)
            current.expires = time_point(std::chrono::seconds(expires));
        return current;
    }

    /** tc_auth_token_state() */
    result<tcauth::token_state> try_token_state() const
    {
        std::int32_t number = TC_AUTH_STATE_NONE;
        std::int64_t seconds = 0;
        const auto status = tc_auth_token_state(get(), &number, &seconds);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        tcauth::token_state current{static_cast<tc_auth_state>(number), {}};
        if (seconds >= 0)
            current.left = std::chrono::seconds(seconds);
        return current;
    }

    /** tc_auth_set_renewal_window() */
    result<void> try_set_renewal_window(std::chrono::seconds window)
    {
        return detail::run([&] { return tc_auth_set_renewal_window(get(), window.count()); });
    }

    /** tc_auth_renewal_window() */
    result<std::chrono::seconds> try_renewal_window() const
    {
        return seconds_of([&](std::int64_t *out) { return tc_auth_renewal_window(get(), out); });
    }

    /** tc_auth_set_clock_offset() */
    result<void> try_set_clock_offset(std::chrono::seconds offset)
    {
        return detail::run([&] { return tc_auth_set_clock_offset(get(), offset.count()); });
    }

    /** tc_auth_clock_offset() */
    result<std::chrono::seconds> try_clock_offset() const
    {
        return seconds_of([&](std::int64_t *out) { return tc_auth_clock_offset(get(), out); });
    }

    /**
     * tc_auth_renewal_poll(), before each request. It waits for another thread's renewal, up to `max_wait`; zero does
     * not wait. The value is a ticket if you have to renew, and std::nullopt if you can go on, so look at both:
     *
     *     auto due = auth.try_poll(std::chrono::seconds(60));
     *     if (!due)
     *         return due.error(); // such as RENEWAL_TIMEOUT: another thread is still renewing
     *     if (auto &ticket = *due)
     *         renew(*ticket);
     */
    result<std::optional<renewal>> try_poll(std::chrono::milliseconds max_wait)
    {
        tc_auth_renewal *ticket = nullptr;
        const auto status = tc_auth_renewal_poll(get(), max_wait.count(), &ticket);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        return ticket ? std::optional<renewal>(ticket) : std::nullopt;
    }

    /** tc_auth_family(): what all processes that started with the same token have in common. */
    result<std::string> try_family() const
    {
        return detail::string_of([&](char **out) { return tc_auth_family(get(), out); });
    }

    /** tc_auth_seal(): the current token for the other processes of the family. No key, or a NULL pointer, is none. */
    result<std::string> try_seal(std::optional<text> key = {}) const
    {
        const detail::terminated keys(key, TC_AUTH_STATUS_INVALID_ARGUMENT);
        return detail::string_of([&](char **out) { return tc_auth_seal(get(), keys.get(), out); }, keys);
    }

    /** tc_auth_unseal(): uses the token that another process has sealed, if it is newer. */
    result<tc_auth_unsealed> try_unseal(text sealed, std::optional<text> key = {})
    {
        if (sealed.is_null())
            return failure(TC_AUTH_STATUS_NULL_ARGUMENT);
        const detail::terminated keys(key, TC_AUTH_STATUS_INVALID_ARGUMENT);
        std::int32_t outcome = TC_AUTH_UNSEALED_SAME;
        const auto status = detail::attempt(
            [&] { return tc_auth_unseal(get(), sealed.view().data(), sealed.view().size(), keys.get(), &outcome); },
            keys);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        // This type can't hold every number that a later library might return.
        return outcome < 0 || outcome > TC_AUTH_UNSEALED_OLDER ? TC_AUTH_UNSEALED_SAME
                                                               : static_cast<tc_auth_unsealed>(outcome);
    }

    /** tc_auth_share_in(): shares the token with all processes of the family that use the same directory. */
    result<void> try_share_in(text directory, std::optional<text> key = {})
    {
        const detail::terminated path(directory, TC_AUTH_STATUS_STORE_IO);
        const detail::terminated keys(key, TC_AUTH_STATUS_INVALID_ARGUMENT);
        return detail::run([&] { return tc_auth_share_in(get(), path.get(), keys.get()); }, path, keys);
    }

    /**
     * tc_auth_review(), after each response: says whether to send again. `date` is the Date header. Pass nothing (or a
     * NULL pointer) if there is none, if the response has an Age header, or if it did not come from the signed origin
     * over TLS.
     */
    result<tc_auth_advice> try_review(const tcauth::headers &sent, std::int32_t http_status, std::optional<text> date,
                                      text body)
    {
        if (body.is_null())
            return failure(TC_AUTH_STATUS_NULL_ARGUMENT);
        // With a NUL inside, C would read only a part of it: then it counts as absent.
        const detail::terminated when(date, TC_AUTH_STATUS_INVALID_ARGUMENT);
        std::int32_t advice = TC_AUTH_ADVICE_UNKNOWN;
        const auto status = tc_auth_review(get(), sent.authorization.data(), sent.authorization.size(),
                                           sent.timestamp.value_or(TC_AUTH_NO_TIMESTAMP), http_status,
                                           when.refusal() == TC_AUTH_STATUS_OK ? when.get() : nullptr,
                                           body.view().data(), body.view().size(), &advice);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        // This type can't hold every number that a later library might return.
        return advice < 0 || advice > TC_AUTH_ADVICE_UNKNOWN ? TC_AUTH_ADVICE_UNKNOWN
                                                             : static_cast<tc_auth_advice>(advice);
    }

#if TC_AUTH_HPP_THROWS
    /** try_hmac() */
    static auth hmac(text access_id, text secret_key) { return try_hmac(access_id, secret_key).value(); }
    /** try_token() */
    static auth token(text token, std::optional<moment> expires = {}) { return try_token(token, expires).value(); }
    /** try_from_json() */
    static auth from_json(text json) { return try_from_json(json).value(); }
    /** try_from_args() */
    static auth from_args(const arguments &args) { return try_from_args(args).value(); }
    /** try_from_args() */
    static auth from_args(int argc, char *const *argv) { return try_from_args(argc, argv).value(); }
    /** try_from_env() */
    static auth from_env() { return try_from_env().value(); }
    /** try_from_param_file() */
    static auth from_param_file(text path, text key) { return try_from_param_file(path, key).value(); }
    /** try_discover() */
    static auth discover(int argc, char *const *argv, std::string *why = nullptr)
    {
        return try_discover(argc, argv, why).value();
    }
    /** try_discover() */
    static auth discover(const arguments &args, std::string *why = nullptr) { return try_discover(args, why).value(); }
    /** try_describe() */
    std::string describe() const { return try_describe().value(); }
    /** try_headers() */
    tcauth::headers headers(text method, text uri) const { return try_headers(method, uri).value(); }
    /** try_headers() */
    tcauth::headers headers(text method, text uri, moment at) const { return try_headers(method, uri, at).value(); }
    /** try_verify() */
    void verify(text method, text uri, std::optional<text> authorization, std::optional<text> timestamp,
                std::optional<moment> at = {}, std::chrono::seconds tolerance = std::chrono::seconds(300)) const
    {
        try_verify(method, uri, authorization, timestamp, at, tolerance).value();
    }
    /** try_set_api_path() */
    void set_api_path(text api_path) { try_set_api_path(api_path).value(); }
    /** try_update_token() */
    void update_token(text token, std::optional<moment> expires = {}) { try_update_token(token, expires).value(); }
    /** try_current_token() */
    tcauth::token current_token() const { return try_current_token().value(); }
    /** try_token_state() */
    tcauth::token_state token_state() const { return try_token_state().value(); }
    /** try_set_renewal_window() */
    void set_renewal_window(std::chrono::seconds window) { try_set_renewal_window(window).value(); }
    /** try_renewal_window() */
    std::chrono::seconds renewal_window() const { return try_renewal_window().value(); }
    /** try_set_clock_offset() */
    void set_clock_offset(std::chrono::seconds offset) { try_set_clock_offset(offset).value(); }
    /** try_clock_offset() */
    std::chrono::seconds clock_offset() const { return try_clock_offset().value(); }
    /** try_poll(): a ticket if you have to renew, and std::nullopt if you can go on. */
    std::optional<renewal> poll(std::chrono::milliseconds max_wait) { return try_poll(max_wait).value(); }
    /** try_family() */
    std::string family() const { return try_family().value(); }
    /** try_seal() */
    std::string seal(std::optional<text> key = {}) const { return try_seal(key).value(); }
    /** try_unseal() */
    tc_auth_unsealed unseal(text sealed, std::optional<text> key = {}) { return try_unseal(sealed, key).value(); }
    /** try_share_in() */
    void share_in(text directory, std::optional<text> key = {}) { try_share_in(directory, key).value(); }
    /** try_review() */
    tc_auth_advice review(const tcauth::headers &sent, std::int32_t http_status, std::optional<text> date, text body)
    {
        return try_review(sent, http_status, date, body).value();
    }
#endif

private:
    explicit auth(tc_auth *handle) noexcept : handle_(handle) {}

    template <class call, class... inputs> static result<auth> make(call create, const inputs &...checked)
    {
        tc_auth *made = nullptr;
        const auto status = detail::attempt([&] { return create(&made); }, checked...);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        return auth(made);
    }

    template <class call> static result<std::chrono::seconds> seconds_of(call ask)
    {
        std::int64_t seconds = 0;
        const auto status = ask(&seconds);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        return std::chrono::seconds(seconds);
    }

    result<tcauth::headers> headers_at(text method, text uri, std::int64_t unix_time) const
    {
        if (method.is_null() || uri.is_null())
            return failure(TC_AUTH_STATUS_NULL_ARGUMENT);
        const auto verb = method.view(), target = uri.view();
        std::size_t length = 255; // a signature takes no more than 50 bytes and the access id
        std::int64_t timestamp = TC_AUTH_NO_TIMESTAMP;
        tc_auth_status status = TC_AUTH_STATUS_BUFFER_TOO_SMALL;
        tcauth::headers made;
        // Written in place: a copy would leave the token in a second buffer. In a loop, because another thread can set
        // a longer token in between.
        while (status == TC_AUTH_STATUS_BUFFER_TOO_SMALL) {
            made.authorization.resize(length + 1);
            status = tc_auth_headers_into(get(), verb.data(), verb.size(), target.data(), target.size(), unix_time,
                                          made.authorization.data(), made.authorization.size(), &length, &timestamp);
        }
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        made.authorization.resize(length);
        if (timestamp != TC_AUTH_NO_TIMESTAMP)
            made.timestamp = timestamp;
        return made;
    }

    std::unique_ptr<tc_auth, detail::deleter<tc_auth_free>> handle_;
};

/** A URL that is being built: tc_auth_url. Sign and send the same string. */
class url {
public:
    /** tc_auth_url_new() */
    static result<url> try_make(text base)
    {
        const detail::terminated start(base, TC_AUTH_STATUS_INVALID_URI_BYTE);
        return make([&](tc_auth_url **out) { return tc_auth_url_new(start.get(), out); }, start);
    }

    /** tc_auth_url_new_for(): joins a path to the handle's API path. */
    static result<url> try_make(const auth &identity, text path)
    {
        const detail::terminated end(path, TC_AUTH_STATUS_INVALID_URI_BYTE);
        return make([&](tc_auth_url **out) { return tc_auth_url_new_for(identity.get(), end.get(), out); }, end);
    }

    /** tc_auth_url_add_segment(). If it fails, the URL is as it was. */
    result<void> try_add_segment(text segment)
    {
        const detail::terminated part(segment, TC_AUTH_STATUS_INVALID_ARGUMENT);
        return detail::run([&] { return tc_auth_url_add_segment(handle_.get(), part.get()); }, part);
    }

    /** tc_auth_url_add_query(). If it fails, the URL is as it was. */
    result<void> try_add_query(text name, text value)
    {
        const detail::terminated left(name, TC_AUTH_STATUS_INVALID_ARGUMENT);
        const detail::terminated right(value, TC_AUTH_STATUS_INVALID_ARGUMENT);
        return detail::run([&] { return tc_auth_url_add_query(handle_.get(), left.get(), right.get()); }, left, right);
    }

    /** The URL as it is now, ended by NUL. Never NULL. Valid until the next change. */
    const char *c_str() const noexcept
    {
        const char *string = tc_auth_url_string(handle_.get());
        return string ? string : ""; // of one that was moved from
    }

    /** c_str() with its length. */
    std::string_view view() const noexcept { return c_str(); }

    /** A copy of it. */
    std::string str() const { return c_str(); }

#if TC_AUTH_HPP_THROWS
    /** try_make() */
    explicit url(text base) : url(try_make(base).value()) {}
    /** try_make() */
    url(const auth &identity, text path) : url(try_make(identity, path).value()) {}
    /** try_add_segment() */
    url &add_segment(text segment) & { return try_add_segment(segment).value(), *this; }
    /** try_add_query() */
    url &add_query(text name, text value) & { return try_add_query(name, value).value(), *this; }
    /** The same on a temporary, so that `url built = url("/api").add_segment("a");` moves it. */
    url add_segment(text segment) && { return std::move(add_segment(segment)); }
    /** The same on a temporary. */
    url add_query(text name, text value) && { return std::move(add_query(name, value)); }
#endif

private:
    explicit url(tc_auth_url *handle) noexcept : handle_(handle) {}

    template <class call, class... inputs> static result<url> make(call create, const inputs &...checked)
    {
        tc_auth_url *made = nullptr;
        const auto status = detail::attempt([&] { return create(&made); }, checked...);
        if (status != TC_AUTH_STATUS_OK)
            return failure(status);
        return url(made);
    }

    std::unique_ptr<tc_auth_url, detail::deleter<tc_auth_url_free>> handle_;
};

/** tc_auth_string_to_sign(): the string that is signed. */
inline result<std::string> try_string_to_sign(text method, text uri, moment at)
{
    const detail::terminated verb(method, TC_AUTH_STATUS_INVALID_METHOD);
    const detail::terminated target(uri, TC_AUTH_STATUS_INVALID_URI_BYTE);
    const auto second = at.unix_seconds();
    return detail::string_of([&](char **out) { return tc_auth_string_to_sign(verb.get(), target.get(), second, out); },
                             verb, target);
}

#if TC_AUTH_HPP_THROWS
/** try_string_to_sign() */
inline std::string string_to_sign(text method, text uri, moment at)
{
    return try_string_to_sign(method, uri, at).value();
}
#endif

/** The version of the library that is running. */
inline const char *version() noexcept
{
    return tc_auth_version();
}

/** The same, to compare with TC_AUTH_VERSION_NUMBER. */
inline std::uint32_t version_number() noexcept
{
    return tc_auth_version_number();
}

} // inline namespace
} // namespace tcauth

// The enumerations are in the global namespace, so these are looked up there.
using tcauth::make_error_code;
using tcauth::operator<<;

#endif // TC_AUTH_HPP
