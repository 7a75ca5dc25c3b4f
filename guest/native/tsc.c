/* SPDX-License-Identifier: MIT
 *
 * Prints the time-stamp counter, "tsc=N", as a Linux program without a C
 * library: on Bochs, how many instructions a boot has taken until here.
 */
#include <stddef.h>
#include <stdint.h>

#define DIGITS_MAX 20

enum { SYSTEM_WRITE = 1, SYSTEM_EXIT = 60 };

static long system_call(long number, long a, long b, long c)
{
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
                 : "rcx", "r11", "memory");
    return result;
}

/* Writes the digits, from the last to the first, before `end`. */
static char *decimal(char *end, uint64_t value)
{
    do
        *--end = (char)('0' + value % 10);
    while (value /= 10);
    return end;
}

_Noreturn void _start(void);

_Noreturn void _start(void)
{
    static const char label[] = "tsc=";
    char line[sizeof label + DIGITS_MAX + 1];
    char *end = line + sizeof line;

    *--end = '\n';
    char *at = decimal(end, __builtin_ia32_rdtsc());
    for (size_t i = sizeof label - 1; i > 0; i--)
        *--at = label[i - 1];
    (void)system_call(SYSTEM_WRITE, 1, (long)at, line + sizeof line - at);
    system_call(SYSTEM_EXIT, 0, 0, 0);
    for (;;)
        ;
}
