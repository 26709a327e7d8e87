/* The time to sign one request in C++, beside the usual way: OpenSSL's HMAC(). Prints a Markdown table. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <tc_auth.hpp>
#include <utility>
#include <vector>

namespace {

constexpr int rounds = 61;
constexpr int calls = 5000;

const std::string access_id = "12345678901234567890";
const std::string secret_key = "tc_auth-example-secret";
const std::string uri = "/api/v3/indicators?tql=typeName%20in%20(%22Host%22)&resultLimit=100&resultStart=1000";

using signature = std::pair<std::string, std::string>; /* Authorization, Timestamp */

signature usual()
{
    std::string timestamp = std::to_string(std::time(nullptr));
    const std::string text = uri + ":GET:" + timestamp;
    unsigned char mac[32];
    HMAC(EVP_sha256(), secret_key.data(), static_cast<int>(secret_key.size()),
         reinterpret_cast<const unsigned char *>(text.data()), text.size(), mac, nullptr);
    char base64[45];
    EVP_EncodeBlock(reinterpret_cast<unsigned char *>(base64), mac, sizeof mac);
    return {"TC " + access_id + ":" + base64, std::move(timestamp)};
}

signature ours(const tcauth::auth &auth)
{
    auto headers = auth.headers("GET", uri);
    return {std::move(headers.authorization), std::to_string(*headers.timestamp)};
}

template <typename Sign> double nanoseconds(const tcauth::auth &auth, Sign sign)
{
    signature last;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; i++)
        last = sign();
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
    auth.verify("GET", uri, last.first, last.second);
    return taken.count() / calls;
}

} // namespace

int main()
{
    const auto auth = tcauth::auth::hmac(access_id, secret_key);
    std::vector<double> theirs, mine;
    for (int round = 0; round < rounds; round++) {
        theirs.push_back(nanoseconds(auth, usual));
        mine.push_back(nanoseconds(auth, [&] { return ours(auth); }));
    }
    std::printf("| C++, %zu bytes | minimum | median | times as fast |\n| --- | --- | --- | --- |\n", uri.size());
    const double usual_minimum = *std::min_element(theirs.begin(), theirs.end());
    for (auto *way : {&theirs, &mine}) {
        std::sort(way->begin(), way->end());
        std::printf("| %s | %.0f ns | %.0f ns | %.2f |\n", way == &mine ? "`tcauth::auth`" : "`HMAC()` of OpenSSL",
                    way->front(), (*way)[rounds / 2], usual_minimum / way->front());
    }
}
