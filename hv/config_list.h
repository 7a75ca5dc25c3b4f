/* SPDX-License-Identifier: MIT
 *
 * Lists of names or numbers within a finding: "0, 2, 3", "none", "a, b and 7
 * more".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Empty: all zero. */
struct config_list {
    size_t length;
    uint32_t hidden;
    char text[100];
};

/* Adds ", item"; what does not fit is counted. */
void config_list_add(struct config_list *list, const char *item);

/* The whole list; nothing can be added afterwards. */
const char *config_list_end(struct config_list *list);
