/* SPDX-License-Identifier: MIT
 *
 * See text_search.h: the automaton of Knuth, Morris and Pratt.
 */
#include "hv/text_search.h"

#include "hv/check.h"
#include "hv/text.h"

/* How much matches behind one byte more. Each turn makes `matched` smaller. */
static uint8_t matched_with(const struct text_search *search, uint8_t matched, uint8_t byte)
{
    while (matched > 0 && (uint8_t)search->text[matched] != byte)
        matched = search->border[matched - 1];
    return (uint8_t)(matched + ((uint8_t)search->text[matched] == byte));
}

void text_search_init(struct text_search *search, const char *text)
{
    size_t length = strlen(text);

    CHECK(length >= 1 && length <= TEXT_SEARCH_MAX);
    *search = (struct text_search){ .text = text, .length = (uint8_t)length };
    for (uint8_t i = 1; i < length; i++)
        search->border[i] = matched_with(search, search->border[i - 1], (uint8_t)text[i]);
}

bool text_search_byte(struct text_search *search, uint8_t byte)
{
    search->matched = matched_with(search, search->matched, byte);
    if (search->matched < search->length)
        return false;
    search->matched = search->border[search->length - 1];
    return true;
}
