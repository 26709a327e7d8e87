/* Prints what a program sees whose library is older than its header: tests/run.sh pretends that it is. */
#include <cstdio>
#include <initializer_list>
#include <string>
#include <tc_auth.hpp>

int main()
{
    const std::string required = tcauth::try_require_version().error().message();
    std::string reason = tcauth::auth::try_hmac("1", "a").error().message();
#if TC_AUTH_HPP_THROWS
    try {
        tcauth::auth::token("a");
        if (tcauth::failure().message() != reason)
            reason = "hmac and token differ";
    } catch (const tcauth::error &error) {
        if (error.what() != reason || error.status() != TC_AUTH_STATUS_SIGNED)
            reason = "what() and message() differ";
    }
#endif
    for (const auto &other : {tcauth::auth::try_from_env().error(), tcauth::auth::try_discover({"app"}).error()})
        if ((other.status() == TC_AUTH_STATUS_SIGNED) != (tcauth::failure().message() != reason))
            reason = "not all functions check the version";
    if (required != reason)
        reason = "require_version() differs: " + required;
    std::puts(reason == tcauth::failure().message() ? "made" : ("refused: " + reason).c_str());
}
