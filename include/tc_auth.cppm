/* tc_auth.hpp as a module, for C++20 and later: `import tc_auth;`. Compile this file with your program (clang 22):
 *
 *     clang++ -std=c++20 --precompile tc_auth.cppm -o tc_auth.pcm
 *     clang++ -std=c++20 -fmodule-file=tc_auth=tc_auth.pcm program.cpp tc_auth.pcm -ltc_auth
 *
 * Macros can't be exported: for those, and for the functions of C, include <tc_auth.h> as well. */
module;

#include "tc_auth.hpp"

export module tc_auth;

/* Of the C header: what the names below need. */
export {
using ::tc_auth;
using ::tc_auth_renewal;

using ::tc_auth_status;
using ::TC_AUTH_STATUS_OK;
using ::TC_AUTH_STATUS_NULL_ARGUMENT;
using ::TC_AUTH_STATUS_INVALID_METHOD;
using ::TC_AUTH_STATUS_INVALID_URI_FORM;
using ::TC_AUTH_STATUS_INVALID_URI_BYTE;
using ::TC_AUTH_STATUS_INVALID_ACCESS_ID;
using ::TC_AUTH_STATUS_INVALID_SECRET_KEY;
using ::TC_AUTH_STATUS_INVALID_TOKEN;
using ::TC_AUTH_STATUS_INVALID_TIME;
using ::TC_AUTH_STATUS_BUFFER_TOO_SMALL;
using ::TC_AUTH_STATUS_WRONG_KIND;
using ::TC_AUTH_STATUS_TOKEN_EXPIRED;
using ::TC_AUTH_STATUS_RENEWAL_REFUSED;
using ::TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE;
using ::TC_AUTH_STATUS_RENEWAL_TIMEOUT;
using ::TC_AUTH_STATUS_ALREADY_SET;
using ::TC_AUTH_STATUS_NO_CREDENTIALS;
using ::TC_AUTH_STATUS_CONFIG_SYNTAX;
using ::TC_AUTH_STATUS_CONFIG_IO;
using ::TC_AUTH_STATUS_CONFIG_DECRYPT;
using ::TC_AUTH_STATUS_API_PATH_MISSING;
using ::TC_AUTH_STATUS_SIGNATURE_MISMATCH;
using ::TC_AUTH_STATUS_TIMESTAMP_OUT_OF_RANGE;
using ::TC_AUTH_STATUS_MALFORMED_AUTHORIZATION;
using ::TC_AUTH_STATUS_INVALID_ARGUMENT;
using ::TC_AUTH_STATUS_OTHER_ORIGIN;
using ::TC_AUTH_STATUS_SEAL_INVALID;
using ::TC_AUTH_STATUS_SEAL_VERSION;
using ::TC_AUTH_STATUS_STORE_IO;
using ::TC_AUTH_STATUS_PANIC;
using ::tc_auth_kind;
using ::TC_AUTH_KIND_NONE;
using ::TC_AUTH_KIND_HMAC;
using ::TC_AUTH_KIND_TOKEN;
using ::tc_auth_advice;
using ::TC_AUTH_ADVICE_ACCEPTED;
using ::TC_AUTH_ADVICE_RETRY;
using ::TC_AUTH_ADVICE_BAD_SIGNATURE;
using ::TC_AUTH_ADVICE_CLOCK_SKEW;
using ::TC_AUTH_ADVICE_TOKEN_REJECTED;
using ::TC_AUTH_ADVICE_ACCESS_DENIED;
using ::TC_AUTH_ADVICE_NOT_LICENSED;
using ::TC_AUTH_ADVICE_UNKNOWN;
using ::tc_auth_state;
using ::TC_AUTH_STATE_NONE;
using ::TC_AUTH_STATE_VALID;
using ::TC_AUTH_STATE_DUE;
using ::TC_AUTH_STATE_UNDER_WAY;
using ::TC_AUTH_STATE_PAUSED;
using ::TC_AUTH_STATE_REFUSED;
using ::TC_AUTH_STATE_NOT_RENEWABLE;
using ::tc_auth_unsealed;
using ::TC_AUTH_UNSEALED_SAME;
using ::TC_AUTH_UNSEALED_ADOPTED;
using ::TC_AUTH_UNSEALED_OLDER;

using ::make_error_code;
using ::operator<<;
}

export namespace tcauth {
using tcauth::arguments;
using tcauth::auth;
using tcauth::category;
#if TC_AUTH_HPP_THROWS
using tcauth::error;
using tcauth::require_version;
using tcauth::string_to_sign;
#endif
using tcauth::failure;
using tcauth::headers;
using tcauth::make_error_code;
using tcauth::message;
using tcauth::moment;
using tcauth::name;
using tcauth::operator<<;
using tcauth::renewal;
using tcauth::result;
using tcauth::text;
using tcauth::time_point;
using tcauth::token;
using tcauth::token_state;
using tcauth::try_require_version;
using tcauth::try_string_to_sign;
using tcauth::url;
using tcauth::version;
using tcauth::version_number;
using tcauth::wipe;
}
