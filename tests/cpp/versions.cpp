/* One of the parts of a program that were compiled with different versions of tc_auth.hpp, and with exceptions and
 * without: tests/run.sh links them, and each must use its own. PART is the name of its function. */
#include <cstdio>
#include <string>
#include <tc_auth.hpp>

std::string PART();

std::string PART()
{
    std::string answer = tcauth::category().name();
#if TC_AUTH_HPP_THROWS
    try {
        (void)tcauth::auth::try_hmac("", "a").value();
    } catch (const tcauth::error &error) {
        answer += " throws " + std::string(tcauth::name(error.status()));
    }
#else
    (void)tcauth::auth::try_hmac("1", "a").value(); /* would abort if there were none */
#endif
    return answer;
}

#ifdef OTHERS
#define CALL(name) std::string name();
OTHERS
#undef CALL
#define CALL(name) std::puts(name().c_str());

int main()
{
    std::puts(PART().c_str());
    OTHERS
}
#endif
