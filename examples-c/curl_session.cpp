/* A small client in C++: it signs, renews the token when it is due, and sends a refused request once more if that helps.
 * Build: make examples, or
 * c++ -std=c++17 curl_session.cpp $(pkg-config --cflags --libs tc_auth libcurl) */
#include <curl/curl.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tc_auth.hpp>

struct response {
    long status = 0; /* 0 if there was none */
    std::string failure; /* why the transfer ended before the response did; empty if it is whole */
    std::string body;
    std::optional<std::string> date; /* the Date header, if it can be trusted */
};

/* ---- what you copy ---- */

/* One for each thread; they share the tcauth::auth, which must outlive them. */
class session {
public:
    /* Throws unless the handle has an API path: without one it would sign for any server. */
    explicit session(tcauth::auth &auth) : auth_(auth)
    {
        tcauth::url(auth, "/");
        if (!curl_)
            throw std::runtime_error("libcurl can't be used");
    }

    /* Sends a request to an absolute URL, with the method in upper case, once more if that is of any use. Throws
     * tcauth::error if it can't be signed, and std::runtime_error if there is no whole response. */
    response send(std::string method, const std::string &url, const std::optional<std::string> &body = {})
    {
        for (char &letter : method) /* as it is signed */
            letter = static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
        for (int attempt = 1;; attempt++) {
            renew_if_due();
            const auto headers = auth_.headers(method, url);
            auto answer = transfer(method, url.c_str(), &headers, body);
            if (answer.status == 0)
                throw std::runtime_error(answer.failure);
            /* A refusal is one, also if its end is missing. */
            const auto advice = auth_.review(headers, static_cast<std::int32_t>(answer.status), answer.date,
                                             answer.body);
            if (advice != TC_AUTH_ADVICE_RETRY || attempt == 2) {
                if (advice != TC_AUTH_ADVICE_ACCEPTED)
                    on_refusal(advice, answer.status);
                if (!answer.failure.empty())
                    throw std::runtime_error(answer.failure);
                return answer;
            }
        }
    }

    /* To be replaced, if you want to know: how a renewal ended (without a status if there was no answer), and why a
     * refused request was not sent again. */
    std::function<void(std::optional<tc_auth_status>, const std::string &message)> on_renewal = [](auto...) {};
    std::function<void(tc_auth_advice, long http_status)> on_refusal = [](auto...) {};
    std::string certificate_file; /* a PEM file with the certificates to trust; empty for those of the system */

private:
    /* Renews the token if it is this thread's turn, and waits if it is another's. */
    void renew_if_due()
    {
        /* Wait longer than the renewal itself may take (CURLOPT_TIMEOUT below). */
        auto renewal = auth_.poll(std::chrono::seconds(60));
        if (!renewal)
            return;
        auto answer = transfer("GET", renewal->c_url(), nullptr, {}); /* c_url(): a std::string would keep the token */
        /* Pass on what arrived before the transfer failed, too: it may be the whole new token, and the old one is then
         * invalid. */
        const auto result = renewal->try_complete(static_cast<std::int32_t>(answer.status), answer.body);
        tcauth::wipe(answer.body);
        if (result)
            on_renewal(TC_AUTH_STATUS_OK, *result);
        else if (result.error().status() == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE && !answer.failure.empty())
            on_renewal({}, answer.failure);
        else
            on_renewal(result.error().status(), result.error().detail());
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
        if (!certificate_file.empty())
            curl_easy_setopt(curl, CURLOPT_CAINFO, certificate_file.c_str());
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

    tcauth::auth &auth_;
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
        session session(auth);
        session.on_renewal = [](std::optional<tc_auth_status> status, const std::string &message) {
            std::cerr << "renewal: " << (status ? tc_auth_status_message(*status) : "no answer") << ' ' << message
                      << '\n';
        };
        session.on_refusal = [](tc_auth_advice advice, long http_status) {
            std::cerr << "refused with " << http_status << ": " << advice << '\n';
        };
        const auto answer = session.send("GET", tcauth::url(auth, argv[1]).add_query("resultLimit", "10").str());
        std::cout << answer.status << '\n' << answer.body << std::flush;
        return answer.status == 200 && std::cout ? 0 : 1;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
