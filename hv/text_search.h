/* SPDX-License-Identifier: MIT
 *
 * Looks for a text in a stream that comes byte by byte, and keeps none of it but
 * how much of the text the stream ends with. A byte takes one step on average and
 * never more than the text has characters, whatever the stream is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TEXT_SEARCH_MAX 63u

struct text_search {
    const char *text;
    uint8_t length;
    uint8_t matched; /* so many of its characters are what came last */
    uint8_t border[TEXT_SEARCH_MAX]; /* by index: the longest shorter beginning of the text
                                      * that its beginning up to this character ends with */
};

/* From 1 to TEXT_SEARCH_MAX characters, which stay the caller's. */
void text_search_init(struct text_search *search, const char *text);

/* True: the text is complete with this byte. */
bool text_search_byte(struct text_search *search, uint8_t byte);
