/* A directory in which handles share a token, for one test at a time. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdio.h>
#include <string.h>
#include <tc_auth.h>

#ifdef _WIN32
#include <direct.h>
#include <windows.h>
#else
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "check.h"

static char shared_directory[300];

static inline int make_directory(const char *path)
{
#ifdef _WIN32
    return _mkdir(path);
#else
    return mkdir(path, 0700);
#endif
}

static inline int remove_directory(const char *path)
{
#ifdef _WIN32
    return _rmdir(path);
#else
    return rmdir(path);
#endif
}

static inline void begin_sharing(void)
{
#ifdef _WIN32
    DWORD length = GetTempPathA(256, shared_directory);
    CHECK(length > 0 && length < 256);
    snprintf(shared_directory + length, sizeof shared_directory - length, "tc_auth-%lu", GetCurrentProcessId());
    CHECK(make_directory(shared_directory) == 0);
#else
    strcpy(shared_directory, "/tmp/tc_auth-XXXXXX");
    CHECK(mkdtemp(shared_directory) != NULL);
#endif
}

/* The path of a file of the handle's family. */
static inline const char *shared_file(const tc_auth *auth, const char *kind)
{
    static char path[400];
    char *family = NULL;
    CHECK(tc_auth_family(auth, &family) == TC_AUTH_STATUS_OK);
    snprintf(path, sizeof path, "%s/%s.%s", shared_directory, family ? family : "", kind);
    tc_auth_string_free(family);
    return path;
}

/* Fails if there are other files than those of the handle's family. Frees the handle. */
static inline void end_sharing(tc_auth *last)
{
    static const char *const kinds[] = {"token", "record", "renewal-lock", "write-lock"};
    char files[4][400];
    for (int i = 0; i < 4; i++)
        strcpy(files[i], shared_file(last, kinds[i]));
    tc_auth_free(last); /* Windows deletes no file that is open */
    for (int i = 0; i < 4; i++)
        CHECK_IN(kinds[i], remove(files[i]) == 0);
    CHECK(remove_directory(shared_directory) == 0);
}

#endif
