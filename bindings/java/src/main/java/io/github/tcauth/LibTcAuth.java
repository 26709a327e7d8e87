package io.github.tcauth;

/**
 * The functions of {@code tc_auth.h} that the binding calls, with the same names. Pointers and {@code size_t} are long, so a
 * 64-bit machine is needed. {@code tc_auth_headers_into} is in {@link Bridge}, because it is called for each request and
 * must be fast. It replaces {@code tc_auth_headers}, {@code tc_auth_headers_at} and {@code tc_auth_header_list_*}.
 */
interface LibTcAuth {
    int tc_auth_new_hmac(long accessId, long secretKey, long out);

    int tc_auth_new_token(long token, long expires, long out);

    int tc_auth_from_json(long json, long jsonLength, long out);

    int tc_auth_from_args(int argc, long argv, long out);

    int tc_auth_from_env(long out);

    int tc_auth_from_param_file(long path, long key, long out);

    int tc_auth_discover(int argc, long argv, long why, long out);

    void tc_auth_free(long auth);

    int tc_auth_get_kind(long auth);

    int tc_auth_describe(long auth, long out);

    int tc_auth_header_block(long auth, long method, long uri, long block, long capacity);

    int tc_auth_string_to_sign(long method, long uri, long unixTime, long out);

    int tc_auth_verify(long auth, long method, long uri, long authorization, long timestamp, long unixTime, long tolerance);

    int tc_auth_update_token(long auth, long token, long expires);

    int tc_auth_token(long auth, long token, long expires);

    int tc_auth_set_api_path(long auth, long apiPath);

    long tc_auth_api_path(long auth);

    int tc_auth_set_renewal_window(long auth, long seconds);

    int tc_auth_renewal_window(long auth, long seconds);

    int tc_auth_set_clock_offset(long auth, long seconds);

    int tc_auth_clock_offset(long auth, long out);

    int tc_auth_token_state(long auth, long state, long seconds);

    int tc_auth_renewal_poll(long auth, long maxWaitMillis, long out);

    long tc_auth_renewal_url(long renewal);

    int tc_auth_renewal_needed(long renewal, long needed);

    int tc_auth_renewal_complete(long renewal, int httpStatus, long body, long bodyLength, long serverMessage);

    void tc_auth_renewal_cancel(long renewal);

    int tc_auth_review(long auth, long authorization, long authorizationLength, long timestamp, int httpStatus, long date,
            long body, long bodyLength, long advice);

    int tc_auth_family(long auth, long out);

    int tc_auth_seal(long auth, long key, long out);

    int tc_auth_unseal(long auth, long sealed, long sealedLength, long key, long outcome);

    int tc_auth_share_in(long auth, long directory, long key);

    int tc_auth_url_new(long base, long out);

    int tc_auth_url_new_for(long auth, long path, long out);

    int tc_auth_url_add_segment(long url, long segment);

    int tc_auth_url_add_query(long url, long name, long value);

    long tc_auth_url_string(long url);

    void tc_auth_url_free(long url);

    void tc_auth_string_free(long string);

    long tc_auth_version();

    int tc_auth_version_number();

    long tc_auth_status_name(int status);

    long tc_auth_status_message(int status);

    long tc_auth_advice_name(int advice);

    long tc_auth_advice_message(int advice);
}
