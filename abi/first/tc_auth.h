/* The declarations of the first version, for program.c. They never change. */

#ifndef TC_AUTH_H
#define TC_AUTH_H

#include <stddef.h>
#include <stdint.h>

#define TC_AUTH_NOW -1

#define TC_AUTH_NO_TIMESTAMP -1

#define TC_AUTH_NO_EXPIRY 0

typedef enum {
  TC_AUTH_STATUS_OK = 0,
  TC_AUTH_STATUS_NULL_ARGUMENT = 1,
  TC_AUTH_STATUS_INVALID_METHOD = 2,
  TC_AUTH_STATUS_INVALID_URI_FORM = 3,
  TC_AUTH_STATUS_INVALID_URI_BYTE = 4,
  TC_AUTH_STATUS_INVALID_ACCESS_ID = 5,
  TC_AUTH_STATUS_INVALID_SECRET_KEY = 6,
  TC_AUTH_STATUS_INVALID_TOKEN = 7,
  TC_AUTH_STATUS_INVALID_TIME = 8,
  TC_AUTH_STATUS_BUFFER_TOO_SMALL = 9,
  TC_AUTH_STATUS_WRONG_KIND = 10,
  TC_AUTH_STATUS_TOKEN_EXPIRED = 11,
  TC_AUTH_STATUS_RENEWAL_REFUSED = 12,
  TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE = 13,
  TC_AUTH_STATUS_RENEWAL_TIMEOUT = 14,
  TC_AUTH_STATUS_ALREADY_SET = 15,
  TC_AUTH_STATUS_NO_CREDENTIALS = 16,
  TC_AUTH_STATUS_CONFIG_SYNTAX = 17,
  TC_AUTH_STATUS_CONFIG_IO = 18,
  TC_AUTH_STATUS_CONFIG_DECRYPT = 19,
  TC_AUTH_STATUS_API_PATH_MISSING = 20,
  TC_AUTH_STATUS_SIGNATURE_MISMATCH = 21,
  TC_AUTH_STATUS_TIMESTAMP_OUT_OF_RANGE = 22,
  TC_AUTH_STATUS_MALFORMED_AUTHORIZATION = 23,
  TC_AUTH_STATUS_INVALID_ARGUMENT = 24,
  TC_AUTH_STATUS_OTHER_ORIGIN = 25,
  TC_AUTH_STATUS_PANIC = 99,
} tc_auth_status;

typedef enum {
  TC_AUTH_KIND_NONE = 0,
  TC_AUTH_KIND_HMAC = 1,
  TC_AUTH_KIND_TOKEN = 2,
} tc_auth_kind;

typedef struct tc_auth tc_auth;

typedef struct tc_auth_header_list tc_auth_header_list;

typedef struct tc_auth_url tc_auth_url;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

tc_auth_status tc_auth_new_hmac(const char *access_id,
                                const char *secret_key,
                                tc_auth **out);

tc_auth_status tc_auth_new_token(const char *token, int64_t expires, tc_auth **out);

void tc_auth_free(tc_auth *auth);

tc_auth_kind tc_auth_get_kind(const tc_auth *auth);

tc_auth_status tc_auth_describe(const tc_auth *auth,
                                char **out);

tc_auth_status tc_auth_headers(const tc_auth *auth,
                               const char *method,
                               const char *uri,
                               tc_auth_header_list **out);

tc_auth_status tc_auth_headers_at(const tc_auth *auth,
                                  const char *method,
                                  const char *uri,
                                  int64_t unix_time,
                                  tc_auth_header_list **out);

tc_auth_status tc_auth_headers_into(const tc_auth *auth,
                                    const char *method,
                                    size_t method_len,
                                    const char *uri,
                                    size_t uri_len,
                                    int64_t unix_time,
                                    char *authorization,
                                    size_t capacity,
                                    size_t *authorization_len,
                                    int64_t *timestamp);

tc_auth_status tc_auth_string_to_sign(const char *method,
                                      const char *uri,
                                      int64_t unix_time,
                                      char **out);

tc_auth_status tc_auth_verify(const tc_auth *auth,
                              const char *method,
                              const char *uri,
                              const char *authorization,
                              const char *timestamp,
                              int64_t unix_time,
                              int64_t tolerance_seconds);

tc_auth_status tc_auth_update_token(tc_auth *auth,
                                    const char *token,
                                    int64_t expires);

tc_auth_status tc_auth_token(const tc_auth *auth,
                             char **token,
                             int64_t *expires);

tc_auth_status tc_auth_set_api_path(tc_auth *auth,
                                    const char *api_path);

tc_auth_status tc_auth_set_clock_offset(tc_auth *auth,
                                        int64_t seconds);

tc_auth_status tc_auth_clock_offset(const tc_auth *auth, int64_t *out);

size_t tc_auth_header_list_len(const tc_auth_header_list *list);

const char *tc_auth_header_list_name(const tc_auth_header_list *list, size_t index);

const char *tc_auth_header_list_value(const tc_auth_header_list *list, size_t index);

const char *tc_auth_header_list_line(const tc_auth_header_list *list,
                                     size_t index);

int64_t tc_auth_header_list_timestamp(const tc_auth_header_list *list);

void tc_auth_header_list_free(tc_auth_header_list *list);

tc_auth_status tc_auth_url_new(const char *base,
                               tc_auth_url **out);

tc_auth_status tc_auth_url_new_for(const tc_auth *auth,
                                   const char *path,
                                   tc_auth_url **out);

tc_auth_status tc_auth_url_add_segment(tc_auth_url *url,
                                       const char *segment);

tc_auth_status tc_auth_url_add_query(tc_auth_url *url,
                                     const char *name,
                                     const char *value);

const char *tc_auth_url_string(const tc_auth_url *url);

void tc_auth_url_free(tc_auth_url *url);

void tc_auth_string_free(char *string);

const char *tc_auth_version(void);

const char *tc_auth_status_message(int32_t status);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TC_AUTH_H */
