/* A small client in C++: it signs, renews the token when it is due, and sends a refused request once more if that helps.
 * Build: make examples, or
 * c++ -std=c++17 curl_session.cpp $(pkg-config --cflags --libs tc_auth libcurl) */
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tc_auth.hpp>

struct response {
    long status = 0; /* 0 if there was none */
    std::string failure; /* why the transfer ended before the response did; empty if it is whole */
    std::string body;
    std::optional<std::string> date; /* the Date header, if it can be trusted */
};

/* ---- what you copy ---- */

/* What happened. It contains no secret. Later versions may have more. */
struct event {
    enum class type {
        renewed, /* the token; with the status STORE_IO it could not be saved for other processes yet */
        renewal_failed, /* status and message say why */
        adopted, /* a token of another process is used from now on */
        retried, /* a refused request is sent once more: advice, http_status */
        refused /* a refused request is not sent again: advice, http_status */
    };
    type what = type::renewed;
    std::optional<tc_auth_status> status = {}; /* of a renewal; nothing if there was no answer */
    std::string message = {}; /* what the server said to a renewal, or why there was no answer */
    tc_auth_advice advice = TC_AUTH_ADVICE_ACCEPTED;
    long http_status = 0;
};

/* To be set if you need them. */
struct options {
    std::function<void(const event &)> on_event = {}; /* may be called by several threads at once */
    std::string certificate_file = {}; /* a PEM file with the certificates to trust; empty for those of the system */
    std::optional<std::string> directory = {}; /* where processes share the token: tc_auth_share_in() */
    std::optional<std::string> key = {}; /* what seals it there; the client wipes its copy */
};

/* One for each tcauth::auth: what its sessions have in common. The auth must outlive it, and it the sessions. */
class client {
public:
    /* Throws tcauth::error unless the handle has an API path, without which it would sign for any server, or if the
     * directory can't be used. */
    explicit client(tcauth::auth &auth, options chosen = {}) : auth_(auth), options_(std::move(chosen))
    {
        tcauth::url(auth, "/");
        tcauth::result<void> shared;
        if (options_.directory)
            shared = auth.try_share_in(*options_.directory,
                                       options_.key ? std::optional<tcauth::text>(*options_.key) : std::nullopt);
        if (options_.key)
            tcauth::wipe(*options_.key);
        shared.value();
        change_token([] {});
    }

    /* That of the handle. A token that is set without this looks like one of another process. */
    void update_token(tcauth::text token, std::optional<tcauth::moment> expires = {})
    {
        change_token([&] { auth_.update_token(token, expires); });
    }

private:
    friend class session;

    void happened(const event &what) const
    {
        if (options_.on_event)
            options_.on_event(what);
    }

    tcauth::headers sign(const std::string &method, const std::string &url)
    {
        auto headers = auth_.headers(method, url);
        if (auth_.kind() == TC_AUTH_KIND_TOKEN) {
            std::unique_lock<std::mutex> guard(lock_);
            const bool is_new = remember(std::string_view(headers.authorization).substr(std::strlen("TC-Token ")));
            guard.unlock();
            if (is_new)
                happened({event::type::adopted});
        }
        return headers;
    }

    /* The new token is known before another session can sign with it and compare. */
    template <class call> auto change_token(call change) -> decltype(change())
    {
        struct at_end {
            client &self;
            ~at_end()
            {
                if (auto token = self.auth_.try_current_token()) {
                    self.remember(token->value);
                    tcauth::wipe(token->value);
                }
            }
        };
        const std::lock_guard<std::mutex> guard(lock_);
        const at_end then{*this};
        return change();
    }

    /* Whether it is none of the latest tokens: another session may still send an older one. */
    bool remember(std::string_view token) noexcept
    {
        const auto print = std::hash<std::string_view>{}(token); /* no copy of a token, which would have to be wiped */
        if (std::find(latest_.begin(), latest_.end(), print) != latest_.end())
            return false;
        latest_[next_++ % latest_.size()] = print;
        return true;
    }

    tcauth::auth &auth_;
    options options_;
    std::mutex lock_;
    std::array<std::size_t, 8> latest_ = {};
    std::size_t next_ = 0;
};

/* One for each thread. */
class session {
public:
    explicit session(client &shared) : client_(shared)
    {
        if (!curl_)
            throw std::runtime_error("libcurl can't be used");
    }

    /* Sends a request to an absolute URL, with the method in upper case, once more if that is of any use. Throws
     * tcauth::error if it can't be signed, and std::runtime_error if there is no whole response. */
    response send(std::string method, const std::string &url, const std::optional<std::string> &body = {})
    {
        for (char &letter : method) /* as it is signed */
            letter = static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
        std::optional<event> again;
        for (;;) {
            renew_if_due();
            const auto headers = client_.sign(method, url);
            if (again)
                client_.happened(*again);
            auto answer = transfer(method, url.c_str(), &headers, body);
            if (answer.status == 0)
                throw std::runtime_error(answer.failure);
            /* A refusal is one, also if its end is missing. */
            const auto advice = client_.auth_.review(headers, static_cast<std::int32_t>(answer.status), answer.date,
                                                     answer.body);
            if (advice == TC_AUTH_ADVICE_RETRY && !again) {
                again = event{event::type::retried, {}, {}, advice, answer.status};
                continue;
            }
            if (advice != TC_AUTH_ADVICE_ACCEPTED)
                client_.happened({event::type::refused, {}, {}, advice, answer.status});
            if (!answer.failure.empty())
                throw std::runtime_error(answer.failure);
            return answer;
        }
    }

private:
    /* Renews the token if it is this thread's turn, and waits if it is another's. */
    void renew_if_due()
    {
        /* Wait longer than the renewal itself may take (CURLOPT_TIMEOUT below). */
        auto renewal = client_.auth_.poll(std::chrono::seconds(60));
        if (!renewal)
            return;
        auto answer = transfer("GET", renewal->c_url(), nullptr, {}); /* c_url(): a std::string would keep the token */
        /* Pass on what arrived before the transfer failed, too: it may be the whole new token, and the old one is then
         * invalid. */
        const auto result = client_.change_token(
            [&] { return renewal->try_complete(static_cast<std::int32_t>(answer.status), answer.body); });
        tcauth::wipe(answer.body);
        const auto status = result.error().status();
        if (result || status == TC_AUTH_STATUS_STORE_IO)
            client_.happened({event::type::renewed, status, result ? *result : result.error().detail()});
        else if (status == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE && !answer.failure.empty())
            client_.happened({event::type::renewal_failed, {}, answer.failure});
        else
            client_.happened({event::type::renewal_failed, status, result.error().detail()});
        /* Sign in any case: signing says whether the token is usable. */
    }

    /* ---- libcurl ---- */

    response transfer(const std::string &method, const char *url, const tcauth::headers *headers,
                      const std::optional<std::string> &body)
    {
        CURL *const curl = curl_.get();
        std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> lines(nullptr, curl_slist_free_all);
        const auto add = [&](const std::string &line) {
            curl_slist *longer = curl_slist_append(lines.get(), line.c_str());
            if (!longer)
                throw std::bad_alloc();
            (void)lines.release(); /* it is the end of the longer one now */
            lines.reset(longer);
        };
        if (headers)
            for (const auto &[name, value] : headers->lines())
                add(name + ": " + value);
        if (body)
            add("Content-Type: application/json");
        response answer;
        curl_easy_reset(curl);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
        curl_easy_setopt(curl, CURLOPT_NOBODY, method == "HEAD" ? 1L : 0L);
        if (body) {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data());
        } else if (method == "POST" || method == "PUT" || method == "PATCH") {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ""); /* with a Content-Length of 0 */
        }
        /* The renewal must be sent only once: the first request invalidates the token of the second. libcurl repeats a
         * GET if a kept connection is closed, or a stream of HTTP/2 refused. So the renewal uses HTTP/1.1 on a new
         * connection. */
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, headers ? 0L : 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, headers ? 0L : 1L);
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, headers ? CURL_HTTP_VERSION_NONE : CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
        if (!client_.options_.certificate_file.empty())
            curl_easy_setopt(curl, CURLOPT_CAINFO, client_.options_.certificate_file.c_str());
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
        if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK)
            answer.failure = curl_easy_strerror(code);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
        /* Only the server itself may correct a clock: no plain HTTP, and no cache. */
        curl_header *date = nullptr, *age = nullptr;
        if (std::strncmp(url, "https://", 8) == 0 &&
            curl_easy_header(curl, "Age", 0, CURLH_HEADER, -1, &age) != CURLHE_OK &&
            curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK && date->amount == 1)
            answer.date = date->value;
        return answer;
    }

    /* No response is longer: a server must not take all memory. */
    static constexpr std::size_t body_limit = 16 << 20;

    static std::size_t append(char *data, std::size_t size, std::size_t count, void *user)
    {
        std::string &body = *static_cast<std::string *>(user);
        if (size * count > body_limit - body.size())
            return 0; /* libcurl fails then */
        try {
            body.append(data, size * count);
            return size * count;
        } catch (const std::bad_alloc &) {
            return 0; /* no exception may pass through C */
        }
    }

    client &client_;
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_{curl_easy_init(), curl_easy_cleanup};
};

/* ---- an example of its use ---- */

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::cerr << "usage: " << argv[0]
                  << " PATH, such as /v3/indicators\nwith TC_API_PATH, such as https://company.example/api, and "
                  << "TC_TOKEN (and TC_TOKEN_EXPIRES), or TC_API_ACCESS_ID and TC_API_SECRET_KEY, in the environment\n";
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    try {
        auto auth = tcauth::auth::from_env();
        options chosen;
        chosen.on_event = [](const event &event) {
            if (event.what == event::type::refused)
                std::cerr << "refused with " << event.http_status << ": " << tcauth::message(event.advice) << '\n';
            else if (event.what == event::type::renewal_failed)
                std::cerr << "renewal: " << (event.status ? tc_auth_status_message(*event.status) : "no answer") << ' '
                          << event.message << '\n';
        };
        client shared(auth, chosen);
        session session(shared);
        const auto answer = session.send("GET", tcauth::url(auth, argv[1]).add_query("resultLimit", "10").str());
        std::cout << answer.status << '\n' << answer.body << std::flush;
        return answer.status == 200 && std::cout ? 0 : 1;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
