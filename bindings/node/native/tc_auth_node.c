/*
 * The Node.js add-on: each function calls one of the C library. src/native.ts declares them, with their types.
 *
 * A function returns its value, or the number of a status; WRONG_TYPE if an argument has another type. Values that are
 * numbers go into an array that the thread's JavaScript shares with the add-on: a call for each of them would cost more
 * than the signature.
 *
 * Nothing here waits, except where it says so: this code runs in the thread of an event loop.
 */

#include "node_functions.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tc_auth.h>

#ifdef _WIN32
#include <windows.h>
typedef SRWLOCK mutex;
#define MUTEX_INIT SRWLOCK_INIT
#define lock(m) AcquireSRWLockExclusive(m)
#define unlock(m) ReleaseSRWLockExclusive(m)
#else
#include <pthread.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif
typedef pthread_mutex_t mutex;
#define MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define lock(m) pthread_mutex_lock(m)
#define unlock(m) pthread_mutex_unlock(m)
#endif

/* No status: an argument has another type than the declaration in src/native.ts. */
#define WRONG_TYPE (-1)

/* Where the functions of one thread leave numbers. */
enum { SECONDS, NUMBER, ADOPTED, NUMBERS };

/* What one thread has of the add-on. */
typedef struct {
    double *numbers;
    napi_ref array;
} environment;

enum { TOKEN_SCHEME_LENGTH = sizeof "TC-Token " - 1 };

/*
 * The longest argument, in characters or bytes. A longer one is refused by its length, and not copied before. No server takes
 * a request that is nearly as long.
 */
#define LONGEST ((size_t)16 << 20)

/* The most arguments of a command line, and the most bytes of all of them. No system starts a program with more. */
#define MOST_ARGUMENTS ((uint32_t)1 << 20)
#define LONGEST_COMMAND ((size_t)16 << 20)

/* --- handles, which the threads of the process share */

/*
 * A tc_auth, and who uses it: an Auth in each thread, tickets, and calls in libuv's pool. The last one frees it.
 *
 * It also knows which token came from another process. `last` is the hash of the current token, as far as this process
 * knows; `own` counts the calls that change the token and are running, `count` the changes that have ended.
 */
typedef struct handle {
    struct handle *next, **place; /* in the list; `place` is what points to this one, or NULL */
    char name[64];                /* in the list; it never changes */
    tc_auth *auth;
    bool is_token;
    unsigned uses;
    unsigned own;
    uint64_t count;
    uint64_t last;
    bool is_shared; /* after tc_auth_share_in() */
} handle;

/* Protects the list, and everything in a handle that changes. Nobody waits or calls the library while holding it. */
static mutex handles_mutex = MUTEX_INIT;

/* The handles that another thread can find, because share() has given them a name. */
static handle *handles;

/* The object that JavaScript has of a handle. It is closed if `used` is NULL. */
typedef struct {
    handle *used;
} auth_object;

/* The object that JavaScript has of a ticket. It has ended if `ticket` is NULL. */
typedef struct {
    tc_auth_renewal *ticket;
    handle *used;
} renewal_object;

static void wipe(void *memory, size_t size)
{
    volatile unsigned char *bytes = memory;
    while (size-- > 0)
        *bytes++ = 0;
}

/* If there is no memory the process ends, as it does in the library. */
static void *allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL)
        abort();
    return memory;
}

/* Hashes (FNV-1a) are compared instead of tokens. They stay in this process. */
static uint64_t fingerprint(const char *token, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)token[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t fingerprint_of_current(const tc_auth *auth)
{
    char *token = NULL;
    uint64_t hash = 0;
    if (tc_auth_token(auth, &token, NULL) == TC_AUTH_STATUS_OK)
        hash = fingerprint(token, strlen(token));
    tc_auth_string_free(token);
    return hash;
}

static handle *use(handle *used)
{
    lock(&handles_mutex);
    used->uses++;
    unlock(&handles_mutex);
    return used;
}

/* After tc_auth_share_in() this may wait for the disk, if a token could not be saved before. */
static void release(handle *used)
{
    lock(&handles_mutex);
    bool is_last = --used->uses == 0;
    if (is_last && used->place != NULL) {
        *used->place = used->next;
        if (used->next != NULL)
            used->next->place = used->place;
    }
    unlock(&handles_mutex);
    if (is_last) {
        tc_auth_free(used->auth);
        free(used);
    }
}

static handle *new_handle(tc_auth *auth)
{
    handle *made = allocate(sizeof *made);
    memset(made, 0, sizeof *made);
    made->auth = auth;
    made->uses = 1;
    made->is_token = tc_auth_get_kind(auth) == TC_AUTH_KIND_TOKEN;
    made->last = made->is_token ? fingerprint_of_current(auth) : 0;
    return made;
}

/* Before a call that gives the handle a token of this process. */
static void begin_change(handle *used)
{
    lock(&handles_mutex);
    used->own++;
    unlock(&handles_mutex);
}

static void end_change(handle *used, tc_auth_status status)
{
    bool has_changed = status == TC_AUTH_STATUS_OK || status == TC_AUTH_STATUS_STORE_IO;
    uint64_t now = has_changed ? fingerprint_of_current(used->auth) : 0;
    lock(&handles_mutex);
    used->own--;
    used->count++;
    if (has_changed)
        used->last = now;
    unlock(&handles_mutex);
}

static uint64_t counted(handle *used)
{
    lock(&handles_mutex);
    uint64_t count = used->count;
    unlock(&handles_mutex);
    return count;
}

/*
 * Whether a value of Authorization has a token that is used for the first time, and that came from another process.
 * `before` is counted() from before the request was signed: if there was a change since, the token may be an older one.
 */
static bool is_adopted(handle *used, const char *authorization, size_t length, uint64_t before)
{
    uint64_t hash = fingerprint(authorization + TOKEN_SCHEME_LENGTH, length - TOKEN_SCHEME_LENGTH);
    lock(&handles_mutex);
    bool adopted = used->own == 0 && used->count == before && used->last != hash;
    if (adopted) {
        used->last = hash;
        used->count++;
    }
    unlock(&handles_mutex);
    return adopted;
}

/* --- values of JavaScript */

static napi_value number(napi_env env, int32_t value)
{
    napi_value made = NULL;
    napi_create_int32(env, value, &made);
    return made;
}

static napi_value ascii(napi_env env, const char *text, size_t length)
{
    napi_value made = NULL;
    napi_create_string_latin1(env, text, length, &made);
    return made;
}

/* A string that is no secret, or NULL. */
static napi_value text_or_null(napi_env env, const char *text)
{
    napi_value made = NULL;
    if (text == NULL)
        napi_get_null(env, &made);
    else
        napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &made);
    return made;
}

/* The result of a call that gives a string, which is freed. */
static napi_value text_or_status(napi_env env, tc_auth_status status, char *text)
{
    napi_value made = NULL;
    if (status != TC_AUTH_STATUS_OK)
        return number(env, status);
    made = text_or_null(env, text);
    tc_auth_string_free(text);
    return made;
}

/* An array of two. They are defined, not set: a setter of Array.prototype would get them instead. */
static napi_value pair(napi_env env, napi_value first, napi_value second)
{
    const napi_property_descriptor members[] = {
        {"0", NULL, NULL, NULL, NULL, first, napi_default_jsproperty, NULL},
        {"1", NULL, NULL, NULL, NULL, second, napi_default_jsproperty, NULL},
    };
    napi_value made = NULL;
    if (napi_create_array_with_length(env, 2, &made) == napi_ok)
        napi_define_properties(env, made, 2, members);
    return made;
}

static double *numbers(napi_env env)
{
    void *data = NULL;
    napi_get_instance_data(env, &data);
    return ((environment *)data)->numbers;
}

/* So many arguments; undefined for those that are missing. */
static void arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
    napi_get_cb_info(env, info, &count, values, NULL, NULL);
}

/* An argument as bytes, which end in NUL and are wiped. The memory is on the stack, or allocated if they are many. */
#define SHORT 1024
typedef struct {
    char *chars;
    size_t length;
    size_t size;
    tc_auth_status status; /* of the argument */
    bool is_absent;
    char stack[SHORT];
} bytes;

static void reserve(bytes *made, size_t length)
{
    made->length = length;
    made->size = length + 1;
    made->chars = made->size <= SHORT ? made->stack : allocate(made->size);
    made->chars[length] = 0;
}

/* What there is instead of an argument that can't be read. */
static tc_auth_status nothing(bytes *made, tc_auth_status status)
{
    reserve(made, 0);
    return status;
}

/* Bytes of a typed array, which other threads may change at the same time: so they are copied. */
static tc_auth_status copy_view(napi_env env, napi_value value, tc_auth_status refusal, bytes *made)
{
    napi_typedarray_type type;
    size_t length = 0;
    void *data = NULL;
    bool is_view = false;
    if (napi_is_typedarray(env, value, &is_view) != napi_ok || !is_view ||
        napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array)
        return nothing(made, (tc_auth_status)WRONG_TYPE);
    if (length > LONGEST)
        return nothing(made, refusal);
    reserve(made, length);
    if (length > 0)
        memcpy(made->chars, data, length);
    return TC_AUTH_STATUS_OK;
}

static void copy_string(napi_env env, napi_value value, bytes *made)
{
    size_t length = 0;
    /* Most are short, and then one call is enough. It reports a string that it has cut by its length alone. */
    napi_get_value_string_utf8(env, value, made->stack, SHORT, &length);
    if (length < SHORT - 4) {
        made->chars = made->stack;
        made->length = length;
        made->size = length + 1;
        return;
    }
    wipe(made->stack, SHORT);
    napi_get_value_string_utf8(env, value, NULL, 0, &length);
    reserve(made, length);
    napi_get_value_string_utf8(env, value, made->chars, made->size, &length);
    made->length = length;
}

/*
 * A string or bytes; `refusal` is the status of those that are too long. Strings with lone surrogates are refused in
 * JavaScript, where it matters: here they become U+FFFD.
 */
static void read_bytes(napi_env env, napi_value value, tc_auth_status refusal, bytes *made)
{
    size_t length = 0;
    made->is_absent = false;
    made->status = TC_AUTH_STATUS_OK;
    /* The length is known; other calls would first put together a string that consists of parts. */
    if (napi_get_value_string_utf16(env, value, NULL, 0, &length) != napi_ok)
        made->status = copy_view(env, value, refusal, made);
    else if (length > LONGEST)
        made->status = nothing(made, refusal);
    else
        copy_string(env, value, made);
}

/* A string for C. One with a NUL gets the status that its argument has for other bad characters. */
static void read_text(napi_env env, napi_value value, tc_auth_status refusal, bytes *made)
{
    read_bytes(env, value, refusal, made);
    if (made->status == TC_AUTH_STATUS_OK && memchr(made->chars, 0, made->length) != NULL)
        made->status = refusal;
}

/* The same, where null and undefined mean that there is none. */
static void read_optional(napi_env env, napi_value value, tc_auth_status refusal, bytes *made)
{
    napi_valuetype type = napi_undefined;
    napi_typeof(env, value, &type);
    if (type != napi_null && type != napi_undefined) {
        read_text(env, value, refusal, made);
        return;
    }
    made->status = nothing(made, TC_AUTH_STATUS_OK);
    made->is_absent = true;
}

static const char *optional(const bytes *read)
{
    return read->is_absent ? NULL : read->chars;
}

static void end(bytes *read)
{
    wipe(read->chars, read->size);
    if (read->chars != read->stack)
        free(read->chars);
}

/* The first of two statuses that is a failure. */
static tc_auth_status either(const bytes *one, const bytes *other)
{
    return one->status != TC_AUTH_STATUS_OK ? one->status : other->status;
}

/* A whole number; JavaScript has checked its range. */
static int64_t whole(napi_env env, napi_value value)
{
    int64_t read = 0;
    napi_get_value_int64(env, value, &read);
    return read;
}

/* --- objects */

static void end_auth(napi_env env, void *data, void *hint)
{
    auth_object *object = data;
    (void)env;
    (void)hint;
    if (object->used != NULL)
        release(object->used);
    free(object);
}

static void end_renewal(napi_env env, void *data, void *hint)
{
    renewal_object *object = data;
    (void)env;
    (void)hint;
    if (object->ticket != NULL) {
        tc_auth_renewal_cancel(object->ticket);
        release(object->used);
    }
    free(object);
}

static void end_url(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    tc_auth_url_free(data);
}

/* The kinds of objects, and their tags, which make_tags() sets. */
enum { AN_AUTH, A_TICKET, A_BUILDER, KINDS };
static napi_type_tag tags[KINDS];

/* The address is in them because another copy of this add-on has handles and a lock of its own. */
static void make_tags(void)
{
    lock(&handles_mutex);
    for (int kind = 0; kind < KINDS && tags[kind].lower == 0; kind++) {
        tags[kind].lower = 0x9b1f64c05ae7d283u;
        tags[kind].upper = (uint64_t)(uintptr_t)&tags[kind];
    }
    unlock(&handles_mutex);
}

static napi_value external(napi_env env, int kind, void *data, napi_finalize finalize)
{
    napi_value made = NULL;
    if (napi_create_external(env, data, finalize, NULL, &made) != napi_ok)
        finalize(env, data, NULL);
    else if (napi_type_tag_object(env, made, &tags[kind]) == napi_ok)
        return made;
    return number(env, TC_AUTH_STATUS_NULL_ARGUMENT);
}

static napi_value new_auth(napi_env env, handle *used)
{
    auth_object *object = allocate(sizeof *object);
    object->used = used;
    return external(env, AN_AUTH, object, end_auth);
}

static napi_value auth_or_status(napi_env env, tc_auth_status status, tc_auth *auth)
{
    return status == TC_AUTH_STATUS_OK ? new_auth(env, new_handle(auth)) : number(env, status);
}

/* The data of an object of this add-on; NULL if it is another value, or of another kind. */
static void *data_of(napi_env env, int kind, napi_value value)
{
    void *data = NULL;
    bool is_own = false;
    if (napi_get_value_external(env, value, &data) != napi_ok ||
        napi_check_object_type_tag(env, value, &tags[kind], &is_own) != napi_ok || !is_own)
        return NULL;
    return data;
}

static handle *handle_of(napi_env env, napi_value value)
{
    auth_object *object = data_of(env, AN_AUTH, value);
    return object == NULL ? NULL : object->used;
}

/* NULL, for which the library returns NULL_ARGUMENT, if it is closed. */
static tc_auth *auth_of(napi_env env, napi_value value)
{
    handle *used = handle_of(env, value);
    return used == NULL ? NULL : used->auth;
}

/* --- create and close */

static napi_value new_hmac(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes id, key;
    tc_auth *auth = NULL;
    arguments(env, info, 2, values);
    read_text(env, values[0], TC_AUTH_STATUS_INVALID_ACCESS_ID, &id);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_SECRET_KEY, &key);
    tc_auth_status status = either(&id, &key);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_new_hmac(id.chars, key.chars, &auth);
    end(&id);
    end(&key);
    return auth_or_status(env, status, auth);
}

static napi_value new_token(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes token;
    tc_auth *auth = NULL;
    arguments(env, info, 2, values);
    read_text(env, values[0], TC_AUTH_STATUS_INVALID_TOKEN, &token);
    tc_auth_status status = token.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_new_token(token.chars, whole(env, values[1]), &auth);
    end(&token);
    return auth_or_status(env, status, auth);
}

static napi_value from_json(napi_env env, napi_callback_info info)
{
    napi_value value;
    bytes json;
    tc_auth *auth = NULL;
    arguments(env, info, 1, &value);
    read_bytes(env, value, TC_AUTH_STATUS_CONFIG_SYNTAX, &json);
    tc_auth_status status = json.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_from_json(json.chars, json.length, &auth);
    end(&json);
    return auth_or_status(env, status, auth);
}

static napi_value from_env(napi_env env, napi_callback_info info)
{
    tc_auth *auth = NULL;
    (void)info;
    tc_auth_status status = tc_auth_from_env(&auth);
    return auth_or_status(env, status, auth);
}

static napi_value from_parameter_file(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes path, key;
    tc_auth *auth = NULL;
    arguments(env, info, 2, values);
    read_text(env, values[0], TC_AUTH_STATUS_INVALID_ARGUMENT, &path);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_ARGUMENT, &key);
    tc_auth_status status = either(&path, &key);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_from_param_file(path.chars, key.chars, &auth);
    end(&path);
    end(&key);
    return auth_or_status(env, status, auth);
}

/* Command-line arguments, of an array of strings. */
typedef struct {
    char **texts;
    uint32_t count;
    tc_auth_status status;
} argument_list;

/* Reads them up to the first one that is wrong. */
static void read_arguments(napi_env env, napi_value array, argument_list *made)
{
    uint32_t count = 0;
    size_t size = 0;
    bytes read;
    memset(made, 0, sizeof *made);
    if (napi_get_array_length(env, array, &count) != napi_ok)
        made->status = (tc_auth_status)WRONG_TYPE;
    else if (count > MOST_ARGUMENTS)
        made->status = TC_AUTH_STATUS_INVALID_ARGUMENT;
    made->texts = allocate(made->status == TC_AUTH_STATUS_OK ? (count + (size_t)1) * sizeof *made->texts : 1);
    while (made->status == TC_AUTH_STATUS_OK && made->count < count) {
        napi_value value = NULL;
        napi_get_element(env, array, made->count, &value);
        read_text(env, value, TC_AUTH_STATUS_INVALID_ARGUMENT, &read);
        size += read.size;
        made->status = size > LONGEST_COMMAND ? TC_AUTH_STATUS_INVALID_ARGUMENT : read.status;
        if (made->status == TC_AUTH_STATUS_OK) {
            char *text = allocate(read.size);
            memcpy(text, read.chars, read.size);
            made->texts[made->count++] = text;
        }
        end(&read);
    }
    if (made->status == TC_AUTH_STATUS_OK)
        made->texts[count] = NULL;
}

static void end_arguments(argument_list *read)
{
    for (uint32_t i = 0; i < read->count; i++) {
        wipe(read->texts[i], strlen(read->texts[i]));
        free(read->texts[i]);
    }
    free(read->texts);
}

static napi_value from_args(napi_env env, napi_callback_info info)
{
    napi_value value;
    argument_list args;
    tc_auth *auth = NULL;
    arguments(env, info, 1, &value);
    read_arguments(env, value, &args);
    tc_auth_status status = args.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_from_args((int32_t)args.count, args.texts, &auth);
    end_arguments(&args);
    return auth_or_status(env, status, auth);
}

/* Returns an array: what was made, or a status; and what was found. */
static napi_value discover(napi_env env, napi_callback_info info)
{
    napi_value value, result = NULL;
    argument_list args;
    char *why = NULL;
    tc_auth *auth = NULL;
    arguments(env, info, 1, &value);
    read_arguments(env, value, &args);
    tc_auth_status status = args.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_discover((int32_t)args.count, args.texts, &why, &auth);
    end_arguments(&args);
    result = pair(env, auth_or_status(env, status, auth), text_or_null(env, why));
    tc_auth_string_free(why);
    return result;
}

static napi_value close_auth(napi_env env, napi_callback_info info)
{
    napi_value value;
    arguments(env, info, 1, &value);
    auth_object *object = data_of(env, AN_AUTH, value);
    if (object != NULL && object->used != NULL) {
        handle *used = object->used;
        object->used = NULL;
        release(used);
    }
    return NULL;
}

/* --- one handle in many threads */

/* A name by which other threads find the handle: the given one, or the one that it has already. */
static napi_value share(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes name;
    arguments(env, info, 2, values);
    handle *used = handle_of(env, values[0]);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_ARGUMENT, &name);
    tc_auth_status status = used == NULL ? TC_AUTH_STATUS_NULL_ARGUMENT : name.status;
    if (status == TC_AUTH_STATUS_OK && (name.length == 0 || name.length >= sizeof used->name))
        status = TC_AUTH_STATUS_INVALID_ARGUMENT;
    if (status == TC_AUTH_STATUS_OK) {
        lock(&handles_mutex);
        if (used->place == NULL) {
            memcpy(used->name, name.chars, name.size);
            used->next = handles;
            used->place = &handles;
            if (handles != NULL)
                handles->place = &used->next;
            handles = used;
        }
        unlock(&handles_mutex);
    }
    end(&name);
    return status == TC_AUTH_STATUS_OK ? text_or_null(env, used->name) : number(env, status);
}

static napi_value from_shared(napi_env env, napi_callback_info info)
{
    napi_value value;
    bytes name;
    handle *found = NULL;
    arguments(env, info, 1, &value);
    read_text(env, value, TC_AUTH_STATUS_INVALID_ARGUMENT, &name);
    tc_auth_status status = name.status;
    if (status == TC_AUTH_STATUS_OK) {
        lock(&handles_mutex);
        for (found = handles; found != NULL && strcmp(found->name, name.chars) != 0; found = found->next)
            continue;
        if (found != NULL)
            found->uses++;
        unlock(&handles_mutex);
        status = found == NULL ? TC_AUTH_STATUS_NULL_ARGUMENT : TC_AUTH_STATUS_OK;
    }
    end(&name);
    return found == NULL ? number(env, status) : new_auth(env, found);
}

/* --- what it is */

static napi_value kind(napi_env env, napi_callback_info info)
{
    napi_value value;
    arguments(env, info, 1, &value);
    return number(env, tc_auth_get_kind(auth_of(env, value)));
}

static napi_value describe(napi_env env, napi_callback_info info)
{
    napi_value value;
    char *text = NULL;
    arguments(env, info, 1, &value);
    tc_auth_status status = tc_auth_describe(auth_of(env, value), &text);
    return text_or_status(env, status, text);
}

static napi_value api_path(napi_env env, napi_callback_info info)
{
    napi_value value;
    arguments(env, info, 1, &value);
    return text_or_null(env, tc_auth_api_path(auth_of(env, value)));
}

static napi_value set_api_path(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes path;
    arguments(env, info, 2, values);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_URI_BYTE, &path);
    tc_auth_status status = path.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_set_api_path(auth_of(env, values[0]), path.chars);
    end(&path);
    return number(env, status);
}

static napi_value clock_offset(napi_env env, napi_callback_info info)
{
    napi_value value;
    int64_t seconds = 0;
    arguments(env, info, 1, &value);
    tc_auth_status status = tc_auth_clock_offset(auth_of(env, value), &seconds);
    numbers(env)[SECONDS] = (double)seconds;
    return number(env, status);
}

static napi_value set_clock_offset(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    arguments(env, info, 2, values);
    return number(env, tc_auth_set_clock_offset(auth_of(env, values[0]), whole(env, values[1])));
}

static napi_value renewal_window(napi_env env, napi_callback_info info)
{
    napi_value value;
    int64_t seconds = 0;
    arguments(env, info, 1, &value);
    tc_auth_status status = tc_auth_renewal_window(auth_of(env, value), &seconds);
    numbers(env)[SECONDS] = (double)seconds;
    return number(env, status);
}

static napi_value set_renewal_window(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    arguments(env, info, 2, values);
    return number(env, tc_auth_set_renewal_window(auth_of(env, values[0]), whole(env, values[1])));
}

/* --- sign and check */

/* Authorization as a string; the timestamp is left in SECONDS. */
static napi_value authorization(napi_env env, handle *used, napi_value method, napi_value url, int64_t at, bool notice)
{
    char stack[SHORT], *buffer = stack;
    size_t capacity = sizeof stack, length = 0;
    int64_t timestamp = 0;
    napi_value result;
    bytes verb, target;
    read_bytes(env, method, TC_AUTH_STATUS_INVALID_METHOD, &verb);
    read_bytes(env, url, TC_AUTH_STATUS_INVALID_URI_BYTE, &target);
    tc_auth_status status = either(&verb, &target);
    bool is_watched = notice && used != NULL && used->is_token;
    uint64_t before = is_watched ? counted(used) : 0;
    while (status == TC_AUTH_STATUS_OK) {
        length = 0;
        status = tc_auth_headers_into(used == NULL ? NULL : used->auth, verb.chars, verb.length, target.chars,
                                      target.length, at, buffer, capacity, &length, &timestamp);
        if (status != TC_AUTH_STATUS_BUFFER_TOO_SMALL)
            break;
    /* A loop, because another thread can set a longer token between two calls. */
        if (buffer != stack)
            free(buffer);
        capacity = length + 1;
        buffer = allocate(capacity);
        status = TC_AUTH_STATUS_OK;
    }
    if (status == TC_AUTH_STATUS_OK) {
        double *out = numbers(env);
        out[SECONDS] = (double)timestamp;
        if (notice)
            out[ADOPTED] = is_watched && is_adopted(used, buffer, length, before);
        result = ascii(env, buffer, length);
    } else {
        result = number(env, status);
    }
    wipe(buffer, length < capacity ? length : capacity);
    if (buffer != stack)
        free(buffer);
    if (verb.chars != verb.stack)
        free(verb.chars);
    if (target.chars != target.stack)
        free(target.chars);
    return result;
}

static napi_value headers(napi_env env, napi_callback_info info)
{
    napi_value values[4];
    arguments(env, info, 4, values);
    return authorization(env, handle_of(env, values[0]), values[1], values[2], whole(env, values[3]), false);
}

/* For an adapter: it also leaves in ADOPTED whether the token came from another process. */
static napi_value sign(napi_env env, napi_callback_info info)
{
    napi_value values[3];
    arguments(env, info, 3, values);
    return authorization(env, handle_of(env, values[0]), values[1], values[2], TC_AUTH_NOW, true);
}

static napi_value header_block(napi_env env, napi_callback_info info)
{
    napi_value values[3], result;
    char stack[SHORT], *buffer = stack;
    size_t capacity = sizeof stack;
    bytes method, url;
    arguments(env, info, 3, values);
    tc_auth *auth = auth_of(env, values[0]);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_METHOD, &method);
    read_text(env, values[2], TC_AUTH_STATUS_INVALID_URI_BYTE, &url);
    tc_auth_status status = either(&method, &url);
    buffer[0] = 0;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_header_block(auth, method.chars, url.chars, buffer, capacity);
    while (status == TC_AUTH_STATUS_BUFFER_TOO_SMALL) {
        if (buffer != stack)
            free(buffer);
        capacity *= 2;
        buffer = allocate(capacity);
        buffer[0] = 0;
        status = tc_auth_header_block(auth, method.chars, url.chars, buffer, capacity);
    }
    size_t length = status == TC_AUTH_STATUS_OK ? strlen(buffer) : 0;
    result = status == TC_AUTH_STATUS_OK ? ascii(env, buffer, length) : number(env, status);
    wipe(buffer, length);
    if (buffer != stack)
        free(buffer);
    end(&method);
    end(&url);
    return result;
}

static napi_value string_to_sign(napi_env env, napi_callback_info info)
{
    napi_value values[3];
    bytes method, url;
    char *text = NULL;
    arguments(env, info, 3, values);
    read_text(env, values[0], TC_AUTH_STATUS_INVALID_METHOD, &method);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_URI_BYTE, &url);
    tc_auth_status status = either(&method, &url);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_string_to_sign(method.chars, url.chars, whole(env, values[2]), &text);
    end(&method);
    end(&url);
    return text_or_status(env, status, text);
}

static napi_value verify(napi_env env, napi_callback_info info)
{
    napi_value values[7];
    bytes method, url, received, timestamp;
    arguments(env, info, 7, values);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_METHOD, &method);
    read_text(env, values[2], TC_AUTH_STATUS_INVALID_URI_BYTE, &url);
    read_optional(env, values[3], TC_AUTH_STATUS_MALFORMED_AUTHORIZATION, &received);
    read_optional(env, values[4], TC_AUTH_STATUS_MALFORMED_AUTHORIZATION, &timestamp);
    tc_auth_status status = either(&method, &url);
    if (status == TC_AUTH_STATUS_OK)
        status = either(&received, &timestamp);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_verify(auth_of(env, values[0]), method.chars, url.chars, optional(&received),
                                optional(&timestamp), whole(env, values[5]), whole(env, values[6]));
    end(&method);
    end(&url);
    end(&received);
    end(&timestamp);
    return number(env, status);
}

/* --- work that waits for the disk, in a thread of libuv's pool */

/* A token to set, or a response to hand in. */
typedef struct {
    napi_async_work work;
    napi_deferred deferred;
    handle *used;
    tc_auth_renewal *ticket; /* NULL: set a token */
    bytes text;
    int64_t expires;
    int32_t http_status;
    tc_auth_status status;
    char *message;
} job;

static void run_job(job *running)
{
    begin_change(running->used);
    if (running->ticket != NULL) {
        tc_auth_renewal *ticket = running->ticket;
        running->ticket = NULL;
        running->status = tc_auth_renewal_complete(ticket, running->http_status, running->text.chars,
                                                   running->text.length, &running->message);
    } else {
        running->status = tc_auth_update_token(running->used->auth, running->text.chars, running->expires);
    }
    end_change(running->used, running->status);
}

static void execute_job(napi_env env, void *data)
{
    (void)env;
    run_job(data);
}

/* An array of the status and the server's message. */
static napi_value result_of(napi_env env, const job *ended)
{
    return pair(env, number(env, ended->status), text_or_null(env, ended->message));
}

static void end_job(job *ended)
{
    tc_auth_renewal_cancel(ended->ticket); /* of a job that was cancelled */
    tc_auth_string_free(ended->message);
    end(&ended->text);
    release(ended->used);
    free(ended);
}

static void complete_job(napi_env env, napi_status status, void *data)
{
    job *ended = data;
    if (status == napi_ok)
        napi_resolve_deferred(env, ended->deferred, result_of(env, ended));
    napi_delete_async_work(env, ended->work);
    end_job(ended);
}

/* Without a shared directory there is no disk to wait for: the job is done at once. Otherwise a promise is returned. */
static napi_value start_job(napi_env env, job *made)
{
    napi_value name, result = NULL;
    lock(&handles_mutex);
    bool is_shared = made->used->is_shared;
    unlock(&handles_mutex);
    if (is_shared && made->text.status == TC_AUTH_STATUS_OK &&
        napi_create_string_latin1(env, "tc_auth", NAPI_AUTO_LENGTH, &name) == napi_ok &&
        napi_create_async_work(env, NULL, name, execute_job, complete_job, made, &made->work) == napi_ok &&
        napi_create_promise(env, &made->deferred, &result) == napi_ok &&
        napi_queue_async_work(env, made->work) == napi_ok)
        return result;
    if (made->work != NULL)
        napi_delete_async_work(env, made->work);
    if (made->text.status == TC_AUTH_STATUS_OK)
        run_job(made);
    else
        made->status = made->text.status;
    result = result_of(env, made);
    end_job(made);
    return result;
}

static job *new_job(handle *used)
{
    job *made = allocate(sizeof *made);
    memset(made, 0, sizeof *made);
    made->used = use(used);
    return made;
}

/* --- tokens and renewals */

static napi_value update_token(napi_env env, napi_callback_info info)
{
    napi_value values[3];
    arguments(env, info, 3, values);
    handle *used = handle_of(env, values[0]);
    if (used == NULL)
        return number(env, TC_AUTH_STATUS_NULL_ARGUMENT);
    job *made = new_job(used);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_TOKEN, &made->text);
    made->expires = whole(env, values[2]);
    return start_job(env, made);
}

/* The token; its expiry is left in SECONDS. */
static napi_value current_token(napi_env env, napi_callback_info info)
{
    napi_value value;
    char *token = NULL;
    int64_t expires = 0;
    arguments(env, info, 1, &value);
    tc_auth_status status = tc_auth_token(auth_of(env, value), &token, &expires);
    numbers(env)[SECONDS] = (double)expires;
    return text_or_status(env, status, token);
}

/* The state is left in NUMBER, its time in SECONDS. */
static napi_value state(napi_env env, napi_callback_info info)
{
    napi_value value;
    int32_t found = 0;
    int64_t seconds = 0;
    arguments(env, info, 1, &value);
    tc_auth_status status = tc_auth_token_state(auth_of(env, value), &found, &seconds);
    numbers(env)[NUMBER] = found;
    numbers(env)[SECONDS] = (double)seconds;
    return number(env, status);
}

/* A ticket, null, or a status. */
static napi_value poll(napi_env env, napi_callback_info info)
{
    napi_value value, none = NULL;
    tc_auth_renewal *ticket = NULL;
    arguments(env, info, 1, &value);
    handle *used = handle_of(env, value);
    tc_auth_status status = tc_auth_renewal_poll(used == NULL ? NULL : used->auth, 0, &ticket);
    if (status != TC_AUTH_STATUS_OK)
        return number(env, status);
    if (ticket == NULL) {
        napi_get_null(env, &none);
        return none;
    }
    renewal_object *object = allocate(sizeof *object);
    object->ticket = ticket;
    object->used = use(used);
    return external(env, A_TICKET, object, end_renewal);
}

/* Secret; null if the renewal has ended. */
static napi_value renewal_url(napi_env env, napi_callback_info info)
{
    napi_value value;
    arguments(env, info, 1, &value);
    renewal_object *object = data_of(env, A_TICKET, value);
    return text_or_null(env, object == NULL ? NULL : tc_auth_renewal_url(object->ticket));
}

static napi_value renewal_needed(napi_env env, napi_callback_info info)
{
    napi_value value, result = NULL;
    int32_t needed = 0;
    arguments(env, info, 1, &value);
    renewal_object *object = data_of(env, A_TICKET, value);
    if (object != NULL && object->ticket != NULL &&
        tc_auth_renewal_needed(object->ticket, &needed) != TC_AUTH_STATUS_OK)
        needed = 0;
    napi_get_boolean(env, needed != 0, &result);
    return result;
}

static napi_value complete(napi_env env, napi_callback_info info)
{
    napi_value values[3];
    arguments(env, info, 3, values);
    renewal_object *object = data_of(env, A_TICKET, values[0]);
    if (object == NULL || object->ticket == NULL)
        return number(env, TC_AUTH_STATUS_NULL_ARGUMENT);
    job *made = new_job(object->used);
    read_bytes(env, values[2], TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE, &made->text);
    if (made->text.status == TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE)
        made->text.status = TC_AUTH_STATUS_OK; /* the renewal ends also with a body that is too long: as with none */
    if (made->text.status == TC_AUTH_STATUS_OK) {
        napi_get_value_int32(env, values[1], &made->http_status);
        made->ticket = object->ticket;
        object->ticket = NULL;
        release(object->used);
        object->used = NULL;
    }
    return start_job(env, made);
}

/* After tc_auth_share_in() this may wait for the disk, if a token could not be saved before. */
static napi_value cancel(napi_env env, napi_callback_info info)
{
    napi_value value;
    arguments(env, info, 1, &value);
    renewal_object *object = data_of(env, A_TICKET, value);
    if (object != NULL && object->ticket != NULL) {
        tc_auth_renewal_cancel(object->ticket);
        object->ticket = NULL;
        release(object->used);
        object->used = NULL;
    }
    return NULL;
}

/* The advice is left in NUMBER. */
static napi_value review(napi_env env, napi_callback_info info)
{
    napi_value values[6];
    bytes sent, date, body;
    int32_t http_status = 0, advice = 0;
    arguments(env, info, 6, values);
    read_text(env, values[1], TC_AUTH_STATUS_MALFORMED_AUTHORIZATION, &sent);
    napi_get_value_int32(env, values[3], &http_status);
    read_optional(env, values[4], TC_AUTH_STATUS_INVALID_ARGUMENT, &date);
    read_bytes(env, values[5], TC_AUTH_STATUS_INVALID_ARGUMENT, &body);
    tc_auth_status status = either(&sent, &body);
    if (date.status == TC_AUTH_STATUS_INVALID_ARGUMENT) /* C could not read it to its end, or it is too long */
        date.is_absent = true;
    else if (status == TC_AUTH_STATUS_OK)
        status = date.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_review(auth_of(env, values[0]), sent.chars, sent.length, whole(env, values[2]), http_status,
                                optional(&date), body.chars, body.length, &advice);
    numbers(env)[NUMBER] = advice;
    end(&sent);
    end(&date);
    end(&body);
    return number(env, status);
}

/* --- one token, many processes */

static napi_value family(napi_env env, napi_callback_info info)
{
    napi_value value;
    char *text = NULL;
    arguments(env, info, 1, &value);
    tc_auth_status status = tc_auth_family(auth_of(env, value), &text);
    return text_or_status(env, status, text);
}

static napi_value seal(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes key;
    char *text = NULL;
    arguments(env, info, 2, values);
    read_optional(env, values[1], TC_AUTH_STATUS_INVALID_ARGUMENT, &key);
    tc_auth_status status = key.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_seal(auth_of(env, values[0]), optional(&key), &text);
    end(&key);
    return text_or_status(env, status, text);
}

/* The outcome is left in NUMBER. */
static napi_value unseal(napi_env env, napi_callback_info info)
{
    napi_value values[3];
    bytes line, key;
    int32_t outcome = 0;
    arguments(env, info, 3, values);
    read_bytes(env, values[1], TC_AUTH_STATUS_SEAL_INVALID, &line);
    read_optional(env, values[2], TC_AUTH_STATUS_INVALID_ARGUMENT, &key);
    tc_auth_status status = either(&line, &key);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_unseal(auth_of(env, values[0]), line.chars, line.length, optional(&key), &outcome);
    numbers(env)[NUMBER] = outcome;
    end(&line);
    end(&key);
    return number(env, status);
}

/* It reads and writes files, and can wait for other processes: a program calls it when it starts. */
static napi_value share_in(napi_env env, napi_callback_info info)
{
    napi_value values[3];
    bytes directory, key;
    arguments(env, info, 3, values);
    handle *used = handle_of(env, values[0]);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_ARGUMENT, &directory);
    read_optional(env, values[2], TC_AUTH_STATUS_INVALID_ARGUMENT, &key);
    tc_auth_status status = either(&directory, &key);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_share_in(used == NULL ? NULL : used->auth, directory.chars, optional(&key));
    end(&directory);
    end(&key);
    if (status == TC_AUTH_STATUS_OK) {
        lock(&handles_mutex);
        used->is_shared = true;
        unlock(&handles_mutex);
    }
    return number(env, status);
}

/* --- URLs */

static napi_value new_url(napi_env env, napi_callback_info info)
{
    napi_value value;
    bytes base;
    tc_auth_url *url = NULL;
    arguments(env, info, 1, &value);
    read_text(env, value, TC_AUTH_STATUS_INVALID_URI_BYTE, &base);
    tc_auth_status status = base.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_url_new(base.chars, &url);
    end(&base);
    return status == TC_AUTH_STATUS_OK ? external(env, A_BUILDER, url, end_url) : number(env, status);
}

static napi_value new_url_for(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes path;
    tc_auth_url *url = NULL;
    arguments(env, info, 2, values);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_URI_BYTE, &path);
    tc_auth_status status = path.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_url_new_for(auth_of(env, values[0]), path.chars, &url);
    end(&path);
    return status == TC_AUTH_STATUS_OK ? external(env, A_BUILDER, url, end_url) : number(env, status);
}

static napi_value add_segment(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    bytes segment;
    arguments(env, info, 2, values);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_ARGUMENT, &segment);
    tc_auth_status status = segment.status;
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_url_add_segment(data_of(env, A_BUILDER, values[0]), segment.chars);
    end(&segment);
    return number(env, status);
}

static napi_value add_query(napi_env env, napi_callback_info info)
{
    napi_value values[3];
    bytes name, text;
    arguments(env, info, 3, values);
    read_text(env, values[1], TC_AUTH_STATUS_INVALID_ARGUMENT, &name);
    read_text(env, values[2], TC_AUTH_STATUS_INVALID_ARGUMENT, &text);
    tc_auth_status status = either(&name, &text);
    if (status == TC_AUTH_STATUS_OK)
        status = tc_auth_url_add_query(data_of(env, A_BUILDER, values[0]), name.chars, text.chars);
    end(&name);
    end(&text);
    return number(env, status);
}

static napi_value url_string(napi_env env, napi_callback_info info)
{
    napi_value value;
    arguments(env, info, 1, &value);
    return text_or_null(env, tc_auth_url_string(data_of(env, A_BUILDER, value)));
}

/* --- ask the library */

static int32_t code(napi_env env, napi_callback_info info)
{
    napi_value value;
    int32_t read = 0;
    arguments(env, info, 1, &value);
    napi_get_value_int32(env, value, &read);
    return read;
}

static napi_value status_name(napi_env env, napi_callback_info info)
{
    return text_or_null(env, tc_auth_status_name(code(env, info)));
}

static napi_value status_message(napi_env env, napi_callback_info info)
{
    return text_or_null(env, tc_auth_status_message(code(env, info)));
}

static napi_value advice_name(napi_env env, napi_callback_info info)
{
    return text_or_null(env, tc_auth_advice_name(code(env, info)));
}

static napi_value advice_message(napi_env env, napi_callback_info info)
{
    return text_or_null(env, tc_auth_advice_message(code(env, info)));
}

static napi_value version(napi_env env, napi_callback_info info)
{
    (void)info;
    return text_or_null(env, tc_auth_version());
}

static napi_value version_number(napi_env env, napi_callback_info info)
{
    (void)info;
    return number(env, (int32_t)tc_auth_version_number());
}

/* --- the module */

/* Defined, not set, so that a setter of Object.prototype does not get them. */
#define FUNCTION(name, function) {name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL}
static const napi_property_descriptor FUNCTIONS[] = {
    FUNCTION("newHmac", new_hmac),
    FUNCTION("newToken", new_token),
    FUNCTION("fromJson", from_json),
    FUNCTION("fromArgs", from_args),
    FUNCTION("fromEnv", from_env),
    FUNCTION("fromParameterFile", from_parameter_file),
    FUNCTION("discover", discover),
    FUNCTION("close", close_auth),
    FUNCTION("share", share),
    FUNCTION("fromShared", from_shared),
    FUNCTION("kind", kind),
    FUNCTION("describe", describe),
    FUNCTION("apiPath", api_path),
    FUNCTION("setApiPath", set_api_path),
    FUNCTION("clockOffset", clock_offset),
    FUNCTION("setClockOffset", set_clock_offset),
    FUNCTION("renewalWindow", renewal_window),
    FUNCTION("setRenewalWindow", set_renewal_window),
    FUNCTION("headers", headers),
    FUNCTION("sign", sign),
    FUNCTION("headerBlock", header_block),
    FUNCTION("stringToSign", string_to_sign),
    FUNCTION("verify", verify),
    FUNCTION("updateToken", update_token),
    FUNCTION("token", current_token),
    FUNCTION("state", state),
    FUNCTION("poll", poll),
    FUNCTION("renewalUrl", renewal_url),
    FUNCTION("renewalNeeded", renewal_needed),
    FUNCTION("complete", complete),
    FUNCTION("cancel", cancel),
    FUNCTION("review", review),
    FUNCTION("family", family),
    FUNCTION("seal", seal),
    FUNCTION("unseal", unseal),
    FUNCTION("shareIn", share_in),
    FUNCTION("newUrl", new_url),
    FUNCTION("newUrlFor", new_url_for),
    FUNCTION("addSegment", add_segment),
    FUNCTION("addQuery", add_query),
    FUNCTION("urlString", url_string),
    FUNCTION("statusName", status_name),
    FUNCTION("statusMessage", status_message),
    FUNCTION("adviceName", advice_name),
    FUNCTION("adviceMessage", advice_message),
    FUNCTION("version", version),
    FUNCTION("versionNumber", version_number),
};

static void end_environment(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    free(data);
}

/* Called in each thread that loads the add-on. */
NAPI_MODULE_INIT(/* napi_env env, napi_value exports */)
{
    napi_value buffer, array;
    void *data = NULL;
    if (!find_node_functions())
        return NULL;
    make_tags();
#ifdef __GLIBC__
    /* With this function musl refuses this add-on when it is loaded. Else it could load it, and crash later. */
    if (gnu_get_libc_version() == NULL)
        return NULL;
#endif
    environment *made = allocate(sizeof *made);
    if (napi_create_arraybuffer(env, NUMBERS * sizeof(double), &data, &buffer) != napi_ok ||
        napi_create_typedarray(env, napi_float64_array, NUMBERS, buffer, 0, &array) != napi_ok ||
        /* The memory must stay, whatever JavaScript does with the array. */
        napi_create_reference(env, array, 1, &made->array) != napi_ok ||
        napi_set_instance_data(env, made, end_environment, NULL) != napi_ok) {
        free(made);
        return NULL;
    }
    made->numbers = data;
    const napi_property_descriptor shared = {"numbers", NULL, NULL, NULL, NULL, array, napi_enumerable, NULL};
    napi_define_properties(env, exports, 1, &shared);
    napi_define_properties(env, exports, sizeof FUNCTIONS / sizeof *FUNCTIONS, FUNCTIONS);
    return exports;
}
