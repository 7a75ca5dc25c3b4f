/* SPDX-License-Identifier: MIT
 *
 * The vocabulary of a configuration: its tables and their keys, as rows of
 * data, and which of them a misspelt word was probably meant to be.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/toml.h"

/* Where a key stands. */
enum section {
    SECTION_TOP,        /* before any table: no key belongs there */
    SECTION_HYPERVISOR, /* [hypervisor] */
    SECTION_VM,         /* [[vm]] */
    SECTION_UNKNOWN     /* a table that was reported; its keys are not looked at */
};

/* Types of value that a key takes: a set of enum toml_type. */
#define TAKES(type) (1u << (type))

struct key_row {
    const char *name;
    uint32_t types;
    bool required;
    const char *wanted;  /* the value in words, "a string, as in ..." */
    const char *example; /* the whole line */
};

struct key_rows {
    const struct key_row *rows; /* indexed by enum hypervisor_key or enum vm_key */
    uint32_t count;
};

struct key_rows config_keys(enum section section);

/* The table as it is written: "[[vm]]". */
const char *config_section_header(enum section section);

#define CONFIG_NO_KEY UINT32_MAX

/* Its index, or CONFIG_NO_KEY. */
uint32_t config_key_find(enum section section, const char *name);

/* The key that `name` resembles most, or CONFIG_NO_KEY: it resembles none. */
uint32_t config_key_nearest(enum section section, const char *name);

/*
 * Letters to insert, remove, replace, or exchange with their neighbour, to make
 * one word of the other. UINT32_MAX where one has more than EDIT_WORD_MAX.
 */
#define EDIT_WORD_MAX 31
uint32_t edit_distance(const char *a, const char *b);
