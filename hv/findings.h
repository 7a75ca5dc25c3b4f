/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a configuration, all of it, in the order of the file.
 *
 * A checker adds findings and goes on, so that its user corrects a file in one
 * round. The list is bounded: when it is full, those nearest to the beginning
 * of the file stay and the others are counted. Errors are counted apart, so
 * that none is forgotten by being cut off.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDINGS_MAX 64
#define FINDING_TEXT_SIZE 316 /* of an unknown key: all those that there are */
#define FINDING_GUEST_SIZE 32

/* A finding as a line: place, severity, guest and text, terminator included. */
#define FINDING_LINE_SIZE 400

/* Where in the file. Both count from 1, columns in characters; line 0: nowhere. */
struct place {
    uint32_t line;
    uint32_t column;
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct finding {
    enum severity severity;
    struct place place;
    char guest[FINDING_GUEST_SIZE]; /* empty: it is not about one guest */
    char text[FINDING_TEXT_SIZE];   /* "what is wrong; what would be right" */
};

struct findings {
    uint32_t count;
    uint32_t omitted;       /* found beyond FINDINGS_MAX */
    uint32_t error_count;   /* omitted ones included */
    uint32_t warning_count; /* likewise */
    struct finding list[FINDINGS_MAX]; /* by line, then column, then arrival */
};

/* Empties the list; to be called before its first use. */
void findings_clear(struct findings *findings);

/* `guest` may be empty, not NULL. */
void findings_add(struct findings *findings, enum severity severity, struct place place,
                  const char *guest, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Puts the guest's name to all findings from line `first` to `last` that name none. */
void findings_name_guest(struct findings *findings, uint32_t first, uint32_t last,
                         const char *guest);

/* A piece of the user's text, fit to stand in a finding. */
struct excerpt {
    char text[48];
};

/*
 * Shows what is not printable ASCII as '?', and cuts what is long with "...".
 * For use within a call: findings_add(..., excerpt(name, strlen(name)).text).
 */
struct excerpt excerpt(const char *text, size_t length);

/*
 * `FILE:LINE:COLUMN: error: vm "name": text`, in one line without its end.
 * Returns its length. Without a place in the file: `FILE: error: text`.
 */
size_t finding_format(char *to, size_t size, const struct finding *finding, const char *file);
