/* SPDX-License-Identifier: MIT
 *
 * What tests of the kinds of guest share: a file that is made here, a guest that
 * is started from it in fake memory, and looks into that memory.
 *
 * The file is copied into a block of its exact size, so that AddressSanitizer
 * sees any read beyond it. Include it in one C file, behind cmocka.h.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "hv/guest_kind.h"
#include "tests/fake/images.h"
#include "tests/fake/machine.h"

#define BASE GIB(2)
#define MEMORY_BYTES MIB(16)
#define UNTOUCHED 0x5A

static const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MEMORY_BYTES);

static uint8_t file[0x20000];
static size_t file_bytes;
static struct guest_boot boot;
static struct guest_plan plan;
static struct refusal refusal;
static uint8_t *copy;

static int clean_up(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}

static inline void set(unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(file + offset, &value, bytes);
}

/* What is said against it; NULL: nothing. */
static const char *prepare(uint64_t memory_bytes)
{
    const struct guest_memory sized = GUEST_MEMORY_COMPACT(BASE, memory_bytes);
    free(copy);
    copy = malloc(file_bytes == 0 ? 1 : file_bytes);
    memcpy(copy, file, file_bytes);
    boot.kernel = (struct span){ file_bytes == 0 ? NULL : copy, file_bytes };
    return guest_kind_prepare(&sized, &boot, &plan, &refusal) ? NULL : refusal.text;
}

static inline void assert_says(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text == NULL ? "(no complaint)" : text);
}

static void assert_good(void)
{
    const char *text = prepare(MEMORY_BYTES);
    if (text != NULL)
        fail_msg("refused: %s", text);
}

/* Nothing may depend on what was in memory before. */
static struct entry_state load(void)
{
    assert_good();
    fake_reset(BASE, MEMORY_BYTES);
    memset(fake.memory, UNTOUCHED, MEMORY_BYTES);
    return guest_kind_load(&memory, &boot, &plan);
}

/* Loading again gives the same memory and the same beginning. */
static inline void assert_restarts(void)
{
    uint8_t *first = malloc(MEMORY_BYTES);
    struct entry_state entry = load();
    memcpy(first, fake.memory, MEMORY_BYTES);
    memset(fake.memory, UNTOUCHED, MEMORY_BYTES);
    struct entry_state again = guest_kind_load(&memory, &boot, &plan);
    assert_int_equal(entry.rip.value, again.rip.value);
    assert_int_equal(entry.rbx, again.rbx);
    assert_int_equal(memcmp(first, fake.memory, MEMORY_BYTES), 0);
    free(first);
}

static inline uint32_t guest_32(uint64_t gpa)
{
    uint32_t value;
    memcpy(&value, fake.memory + gpa, sizeof value);
    return value;
}

static inline uint64_t guest_64(uint64_t gpa)
{
    uint64_t value;
    memcpy(&value, fake.memory + gpa, sizeof value);
    return value;
}

static inline const char *guest_text(uint64_t gpa)
{
    return (const char *)fake.memory + gpa;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, clean_up)
