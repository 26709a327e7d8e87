/*
 * The functions of Node.js. On Windows they are found in the running program when the add-on is loaded: so it needs no
 * import library, and also works in a program that is not called node.exe.
 */

#ifndef NODE_FUNCTIONS_H
#define NODE_FUNCTIONS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>

#ifdef _WIN32

#include <windows.h>

/* All that the add-on calls. */
#define NODE_FUNCTIONS(X) \
    X(napi_check_object_type_tag) \
    X(napi_create_array_with_length) \
    X(napi_create_arraybuffer) \
    X(napi_create_async_work) \
    X(napi_create_external) \
    X(napi_create_int32) \
    X(napi_create_promise) \
    X(napi_create_reference) \
    X(napi_create_string_latin1) \
    X(napi_create_string_utf8) \
    X(napi_create_typedarray) \
    X(napi_define_properties) \
    X(napi_delete_async_work) \
    X(napi_get_array_length) \
    X(napi_get_boolean) \
    X(napi_get_cb_info) \
    X(napi_get_element) \
    X(napi_get_instance_data) \
    X(napi_get_null) \
    X(napi_get_typedarray_info) \
    X(napi_get_value_external) \
    X(napi_get_value_int32) \
    X(napi_get_value_int64) \
    X(napi_get_value_string_utf16) \
    X(napi_get_value_string_utf8) \
    X(napi_is_typedarray) \
    X(napi_queue_async_work) \
    X(napi_resolve_deferred) \
    X(napi_set_instance_data) \
    X(napi_type_tag_object) \
    X(napi_typeof)

#define X(name) static __typeof__(name) *found_##name;
NODE_FUNCTIONS(X)
#undef X

static bool find_node_functions(void)
{
    HMODULE program = GetModuleHandleA(NULL), pinned;
  /* The library has data for each thread, which must not be unloaded with the last worker that uses it. */
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                       (LPCSTR)&find_node_functions, &pinned);
    if (GetProcAddress(program, "napi_create_int32") == NULL)
        program = GetModuleHandleA("libnode.dll");
    if (program == NULL)
        return false;
#define X(name) \
    if ((found_##name = (__typeof__(found_##name))(void *)GetProcAddress(program, #name)) == NULL) \
        return false;
    NODE_FUNCTIONS(X)
#undef X
    return true;
}

#define napi_check_object_type_tag (*found_napi_check_object_type_tag)
#define napi_create_array_with_length (*found_napi_create_array_with_length)
#define napi_create_arraybuffer (*found_napi_create_arraybuffer)
#define napi_create_async_work (*found_napi_create_async_work)
#define napi_create_external (*found_napi_create_external)
#define napi_create_int32 (*found_napi_create_int32)
#define napi_create_promise (*found_napi_create_promise)
#define napi_create_reference (*found_napi_create_reference)
#define napi_create_string_latin1 (*found_napi_create_string_latin1)
#define napi_create_string_utf8 (*found_napi_create_string_utf8)
#define napi_create_typedarray (*found_napi_create_typedarray)
#define napi_define_properties (*found_napi_define_properties)
#define napi_delete_async_work (*found_napi_delete_async_work)
#define napi_get_array_length (*found_napi_get_array_length)
#define napi_get_boolean (*found_napi_get_boolean)
#define napi_get_cb_info (*found_napi_get_cb_info)
#define napi_get_element (*found_napi_get_element)
#define napi_get_instance_data (*found_napi_get_instance_data)
#define napi_get_null (*found_napi_get_null)
#define napi_get_typedarray_info (*found_napi_get_typedarray_info)
#define napi_get_value_external (*found_napi_get_value_external)
#define napi_get_value_int32 (*found_napi_get_value_int32)
#define napi_get_value_int64 (*found_napi_get_value_int64)
#define napi_get_value_string_utf16 (*found_napi_get_value_string_utf16)
#define napi_get_value_string_utf8 (*found_napi_get_value_string_utf8)
#define napi_is_typedarray (*found_napi_is_typedarray)
#define napi_queue_async_work (*found_napi_queue_async_work)
#define napi_resolve_deferred (*found_napi_resolve_deferred)
#define napi_set_instance_data (*found_napi_set_instance_data)
#define napi_type_tag_object (*found_napi_type_tag_object)
#define napi_typeof (*found_napi_typeof)

#else

static bool find_node_functions(void)
{
    return true;
}

#endif

#endif
