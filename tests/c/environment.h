/* setenv() and unsetenv(); on Windows for its environment in UTF-16. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#ifdef _WIN32
#include <windows.h>

static inline int setenv(const char *name, const char *value, int overwrite)
{
    wchar_t wide_name[64], wide_value[4096];
    (void)overwrite; /* every call overwrites */
    return MultiByteToWideChar(CP_UTF8, 0, name, -1, wide_name, 64) > 0 &&
                   MultiByteToWideChar(CP_UTF8, 0, value, -1, wide_value, 4096) > 0 &&
                   SetEnvironmentVariableW(wide_name, wide_value)
               ? 0
               : -1;
}

static inline void unsetenv(const char *name)
{
    SetEnvironmentVariableA(name, NULL);
}
#else
#include <stdlib.h>
#endif

#endif
