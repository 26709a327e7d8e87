/* Makes a call, and records what it left before anything else runs. For Linux, on x86-64 or arm64. */
#ifndef CALL_H
#define CALL_H

#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "secrets.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The caller's memory, which scan does not search: secrets, buffers, the report. */
enum { ARENA = 1 << 20 };
static char *arena;
static size_t arena_used;
static struct report *the_report;

/* Bits for CPU features beyond 16 vector registers of 128 bits. */
enum { AVX = 1, AVX512 = 2 };
uint32_t call_features;

/* Clears the vector registers, fills the stack with PAINT, calls the function with up to 12 arguments, and fills the
 * report. */
uint64_t call_and_note(const void *function, const uint64_t *arguments, struct report *report);

/* clang-format off: assembly, a step of it in a line */
#define OFFSET_GENERAL 2048
#define OFFSET_LOWER 2192
#define OFFSET_LATER (2192 + 65536)
#define TEXT(x) #x
#define NUMBER(x) TEXT(x)

#if defined __x86_64__
#define EACH_16(one) \
    one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11) one(12) one(13) one(14) \
        one(15)
#define EACH_UPPER_16(one) \
    one(16) one(17) one(18) one(19) one(20) one(21) one(22) one(23) one(24) one(25) one(26) one(27) one(28) one(29) \
        one(30) one(31)
#define CLEAR_XMM(n) "pxor %xmm" #n ", %xmm" #n "\n"
#define CLEAR_ZMM(n) "vpxord %zmm" #n ", %zmm" #n ", %zmm" #n "\n"
#define STORE(name, at) "mov %" #name ", " NUMBER(OFFSET_GENERAL) "+" #at "(%r13)\n"
#define STORE_XMM(n) "movups %xmm" #n ", 64*" #n "(%r13)\n"
#define STORE_YMM(n) "vmovups %ymm" #n ", 64*" #n "(%r13)\n"
#define STORE_ZMM(n) "vmovups %zmm" #n ", 64*" #n "(%r13)\n"
__asm__(
    ".text\n.globl call_and_note\n.type call_and_note, @function\ncall_and_note:\n"
    "push %rbp\nmov %rsp, %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\n"
    "mov %rdi, %rbx\nmov %rsi, %r12\nmov %rdx, %r13\nmov call_features(%rip), %r14d\n"
        /* clear */
    EACH_16(CLEAR_XMM) "test $1, %r14d\njz 1f\nvzeroall\n1: test $2, %r14d\njz 1f\n" EACH_UPPER_16(
        CLEAR_ZMM) "1:\n"
        /* paint */
                   "lea -65600(%rsp), %rdi\nmov $8200, %ecx\nmovabs $0xa5a5a5a5a5a5a5a5, %rax\ncld\nrep stosq\n"
        /* call */
                   "push 88(%r12)\npush 80(%r12)\npush 72(%r12)\npush 64(%r12)\npush 56(%r12)\npush 48(%r12)\n"
                   "mov (%r12), %rdi\nmov 8(%r12), %rsi\nmov 16(%r12), %rdx\nmov 24(%r12), %rcx\nmov 32(%r12), %r8\nmov 40(%r12), %r9\n"
                   "xor %r10d, %r10d\nxor %r11d, %r11d\nxor %eax, %eax\n"
                   "call *%rbx\n"
        /* note */
    STORE(rcx, 0) STORE(rdx, 8) STORE(rsi, 16) STORE(rdi, 24) STORE(r8, 32) STORE(r9, 40) STORE(r10, 48)
        STORE(r11, 56) "test $1, %r14d\njnz 1f\n" EACH_16(STORE_XMM) "jmp 2f\n1:\n" EACH_16(
            STORE_YMM) "2:\n"
                       "test $2, %r14d\njz 1f\n" EACH_16(STORE_ZMM) EACH_UPPER_16(
                           STORE_ZMM) "1:\n"
                                      "mov %rax, %rbx\n"
                                      "lea -65536(%rsp), %rsi\nlea " NUMBER(
                                          OFFSET_LOWER) "(%r13), %rdi\nmov $8192, %ecx\nrep movsq\n"
                                                        /* one more call, which makes the dynamic linker save the registers on the stack */
                                                        "call getsid@PLT\n"
                                                        "lea -65536(%rsp), %rsi\nlea " NUMBER(
                                                            OFFSET_LATER) "(%r13), %rdi\nmov $8192, %ecx\nrep movsq\n"
                                                                          "mov %rbx, %rax\nlea -32(%rbp), %rsp\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
                                                                          ".size call_and_note, . - call_and_note\n");
/* clang-format on */

static void find_features(void)
{
    __builtin_cpu_init();
    call_features = AVX * !!__builtin_cpu_supports("avx") | AVX512 * !!__builtin_cpu_supports("avx512f");
}
#elif defined __aarch64__
/* clang-format off */
#define EACH_32(one) one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11) one(12) one(13) one(14) one(15) \
    one(16) one(17) one(18) one(19) one(20) one(21) one(22) one(23) one(24) one(25) one(26) one(27) one(28) one(29) one(30) one(31)
#define CLEAR(n) "movi v" #n ".2d, #0\n"
#define STORE(n) "str q" #n ", [x20, #64*" #n "]\n"
__asm__(".text\n.globl call_and_note\n.type call_and_note, %function\ncall_and_note:\n"
        "stp x29, x30, [sp, #-48]!\nmov x29, sp\nstp x19, x20, [sp, #16]\nstp x21, x22, [sp, #32]\n"
        "sub sp, sp, #64\nstp d8, d9, [sp]\nstp d10, d11, [sp, #16]\nstp d12, d13, [sp, #32]\nstp d14, d15, [sp, #48]\n"
        "mov x19, x0\nmov x21, x1\nmov x20, x2\n"
        EACH_32(CLEAR)
        "mov x9, #0xa5a5\nmovk x9, #0xa5a5, lsl #16\nmovk x9, #0xa5a5, lsl #32\nmovk x9, #0xa5a5, lsl #48\n"
        "sub x10, sp, #65536\nsub x10, x10, #64\n1: stp x9, x9, [x10], #16\nmov x11, sp\ncmp x10, x11\nb.lo 1b\n"
        "ldp x9, x10, [x21, #80]\nstp x9, x10, [sp, #-16]!\nldp x9, x10, [x21, #64]\nstp x9, x10, [sp, #-16]!\n"
        "ldp x0, x1, [x21]\nldp x2, x3, [x21, #16]\nldp x4, x5, [x21, #32]\nldp x6, x7, [x21, #48]\n"
        "blr x19\n"
        EACH_32(STORE)
        "add x20, x20, #" NUMBER(OFFSET_GENERAL) "\n"
        "stp x1, x2, [x20]\nstp x3, x4, [x20, #16]\nstp x5, x6, [x20, #32]\nstp x7, x8, [x20, #48]\nstp x9, x10, [x20, #64]\n"
        "stp x11, x12, [x20, #80]\nstp x13, x14, [x20, #96]\nstp x15, x16, [x20, #112]\nstr x17, [x20, #128]\n"
        "sub x20, x20, #" NUMBER(OFFSET_GENERAL) "\nmov x19, x0\n"
        "sub x10, sp, #65536\nmov x11, #" NUMBER(OFFSET_LOWER) "\nadd x11, x20, x11\n1: ldp x12, x13, [x10], #16\nstp x12, x13, [x11], #16\nmov x9, sp\ncmp x10, x9\nb.lo 1b\n"
        "bl getsid\n"
        "sub x10, sp, #65536\nadd x11, x20, #" NUMBER(OFFSET_LOWER) "\nadd x11, x11, #65536\n1: ldp x12, x13, [x10], #16\nstp x12, x13, [x11], #16\nmov x9, sp\ncmp x10, x9\nb.lo 1b\n"
        "mov x0, x19\nadd sp, sp, #32\nldp d8, d9, [sp]\nldp d10, d11, [sp, #16]\nldp d12, d13, [sp, #32]\nldp d14, d15, [sp, #48]\nadd sp, sp, #64\n"
        "ldp x19, x20, [sp, #16]\nldp x21, x22, [sp, #32]\nldp x29, x30, [sp], #48\nret\n"
        ".size call_and_note, . - call_and_note\n");
/* clang-format on */

static void find_features(void) {}
#else
#error "this test is for x86-64 and arm64"
#endif

/* ---- lazy binding ---- */

/* The slot of the program's table through which it calls getsid(), and the slot's value before binding. */
static uintptr_t *binding, unbound;

static int find_binding(struct dl_phdr_info *program, size_t size, void *unused)
{
    const ElfW(Dyn) *dynamic = NULL;
    const ElfW(Sym) *symbols = NULL;
    const ElfW(Rela) *relocations = NULL;
    const char *names = NULL;
    size_t bytes = 0;
    (void)size, (void)unused;
    for (int i = 0; i < program->dlpi_phnum; i++)
        if (program->dlpi_phdr[i].p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr);
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_SYMTAB)
            symbols = (const ElfW(Sym) *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_STRTAB)
            names = (const char *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_JMPREL)
            relocations = (const ElfW(Rela) *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_PLTRELSZ)
            bytes = dynamic->d_un.d_val;
    }
    for (size_t i = 0; symbols && names && relocations && i < bytes / sizeof *relocations; i++)
        if (strcmp(names + symbols[ELF64_R_SYM(relocations[i].r_info)].st_name, "getsid") == 0)
            binding = (uintptr_t *)(program->dlpi_addr + relocations[i].r_offset);
    if (binding)
        unbound = *binding;
    return 1; /* the first one is the program itself */
}

/* ---- the caller's memory ---- */

static void start_arena(void)
{
    arena = (char *)mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == (char *)MAP_FAILED)
        exit(2);
    the_report = (struct report *)(void *)arena;
    arena_used = (sizeof *the_report + 63) / 64 * 64;
    printf("arena %lx %x\n", (unsigned long)(uintptr_t)arena, ARENA);
    find_features();
    dl_iterate_phdr(find_binding, NULL);
}

static char *room(size_t size)
{
    char *start = arena + arena_used;
    arena_used += (size + 64) / 64 * 64;
    if (arena_used > ARENA)
        abort();
    return start;
}

/* Byte by byte, because memcpy() would leave some in registers. */
static char *add_text(char *to, const char *text)
{
    volatile char *end = to + strlen(to);
    while ((*end++ = *text++)) {}
    return to;
}

static char *secret(enum secret which)
{
    char *text = room(secret_lengths[which] + 1u);
    write_secret(which, text);
    return text;
}

/* A text in which every "%" is replaced by the secret. */
static char *around(const char *form, const char *text)
{
    char *made = room(strlen(form) + 4 * strlen(text) + 1), one[2] = "";
    for (; *form; form++) {
        one[0] = *form;
        add_text(made, *form == '%' ? text : one);
    }
    return made;
}

/* ---- the library's allocations: the programs replace these functions, also in shared libraries ---- */

static int in_library;

static void remember(void *start, size_t size)
{
    if (in_library && start)
        for (size_t i = 0; i < 4096; i++)
            if (!the_report->live[i][0]) {
                the_report->live[i][1] = size;
                the_report->live[i][0] = (uintptr_t)start;
                return;
            }
}

static void forget(void *start)
{
    if (the_report && start)
        for (size_t i = 0; i < 4096; i++)
            if (the_report->live[i][0] == (uintptr_t)start)
                the_report->live[i][0] = 0;
}

#ifdef __cplusplus
#define NOEXCEPT noexcept
#else
#define NOEXCEPT
#endif

#ifdef __GLIBC__
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t size) NOEXCEPT
{
    void *start = __libc_malloc(size);
    remember(start, size);
    return start;
}

void *calloc(size_t count, size_t size) NOEXCEPT
{
    void *start = __libc_calloc(count, size);
    remember(start, count * size);
    return start;
}

void *realloc(void *before, size_t size) NOEXCEPT
{
    void *start = __libc_realloc(before, size);
    if (start || !size) {
        forget(before);
        remember(start, size);
    }
    return start;
}

int posix_memalign(void **out, size_t alignment, size_t size) NOEXCEPT
{
    *out = __libc_memalign(alignment, size);
    remember(*out, size);
    return *out ? 0 : 12;
}

void *aligned_alloc(size_t alignment, size_t size) NOEXCEPT
{
    void *start = __libc_memalign(alignment, size);
    remember(start, size);
    return start;
}

void free(void *start) NOEXCEPT
{
    forget(start);
    __libc_free(start);
}
#endif

void *mmap(void *start, size_t len, int access, int flags, int file, off_t offset) NOEXCEPT
{
    void *mapped = (void *)syscall(SYS_mmap, start, len, access, flags, file, offset);
    if (the_report && mapped != MAP_FAILED)
        remember(mapped, len);
    return mapped;
}

int munmap(void *start, size_t len) NOEXCEPT
{
    forget(start);
    return (int)syscall(SYS_munmap, start, len);
}

/* The time that is signed. */
time_t time(time_t *out) NOEXCEPT
{
    if (out)
        *out = SIGNED_TIME;
    return SIGNED_TIME;
}

/* ---- one call ---- */

static void say(const char *word, const char *name, const char *status)
{
    printf("%s %s %s\n", word, name, status);
}

static uint64_t call(const void *function, const uint64_t *arguments)
{
    uint64_t result;
    if (binding)
        *binding = unbound;
    in_library = 1;
    result = call_and_note(function, arguments, the_report);
    in_library = 0;
    if (binding && *binding == unbound)
        abort(); /* the program was not bound lazily */
    return result;
}

/* Lets scan search, and waits until it is done. */
static void look(const char *name, const char *status, enum promise promise)
{
    char answer;
    the_report->promise = (uint64_t)promise;
    printf("check %s %s %lx\n", name, status, (unsigned long)(uintptr_t)the_report);
    fflush(stdout);
    if (read(0, &answer, 1) != 1)
        exit(3);
}

#ifdef __cplusplus
}
#endif

#endif
