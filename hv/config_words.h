/* SPDX-License-Identifier: MIT
 *
 * For the files that judge values of the configuration: words that stand for
 * numbers, and how a wrong value is reported and shown.
 */
#pragma once

#include "hv/findings.h"
#include "hv/text.h"
#include "hv/toml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A word that stands for a number. */
struct word_row {
    const char *word;
    uint32_t value;
};

static inline const struct word_row *find_word(const struct word_row *rows, size_t count,
                                               const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(rows[i].word, word))
            return &rows[i];
    return NULL;
}

static inline struct excerpt shown(const struct toml_value *value)
{
    return excerpt(value->string, strlen(value->string));
}

/* Where `value` is wrong, to `findings`. */
#define REPORT(...) findings_add(findings, SEVERITY_ERROR, value->place, "", __VA_ARGS__)
