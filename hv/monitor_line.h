/* SPDX-License-Identifier: MIT
 *
 * The monitor's command line: what keys do to it, its history, and how it is
 * drawn. Pure: bytes in, a line and a way to draw it out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MONITOR_LINE_MAX 120u
#define MONITOR_HISTORY 16u
#define MONITOR_PROMPT "monitor> "
/* Prompt, line, erasing, and the cursor's way back. */
#define MONITOR_DRAW_SIZE (sizeof MONITOR_PROMPT + 2 * MONITOR_LINE_MAX + 16)

enum monitor_key_result {
    MONITOR_KEY_NOTHING,
    MONITOR_KEY_DRAW,     /* the line has changed */
    MONITOR_KEY_APPENDED, /* by this letter, at its end */
    MONITOR_KEY_ENTER,    /* it is complete */
    MONITOR_KEY_COMPLETE, /* Tab */
    MONITOR_KEY_LEAVE,    /* Ctrl-D in an empty line */
};

struct monitor_line {
    char text[MONITOR_LINE_MAX + 1];
    unsigned length, cursor;
    bool cut; /* more was typed than there is room for */
    char history[MONITOR_HISTORY][MONITOR_LINE_MAX + 1]; /* a ring */
    unsigned entered; /* into it, so far */
    unsigned back;    /* how far in the history the line is; 0: it is new */
    char kept[MONITOR_LINE_MAX + 1]; /* the new line meanwhile */
    unsigned escape;  /* bytes of an escape sequence so far */
    uint8_t parameter;
};

enum monitor_key_result monitor_line_key(struct monitor_line *line, uint8_t byte);

/* At the cursor, as much as fits. */
void monitor_line_insert(struct monitor_line *line, const char *text);

/* Behind MONITOR_KEY_ENTER: into the history, and a new line. */
void monitor_line_next(struct monitor_line *line);

size_t monitor_line_draw(const struct monitor_line *line, char to[static MONITOR_DRAW_SIZE]);
