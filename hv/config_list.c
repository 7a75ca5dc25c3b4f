/* SPDX-License-Identifier: MIT
 *
 * See config_list.h.
 */
#include "hv/config_list.h"

#include "hv/text.h"

#define MORE_BYTES 16 /* " and 4294967295 more" does not come; " and 64 more" does */

void config_list_add(struct config_list *list, const char *item)
{
    const char *separator = list->length > 0 ? ", " : "";
    size_t length = strlen(separator) + strlen(item);

    if (list->hidden > 0 || list->length + length >= sizeof(list->text) - MORE_BYTES) {
        list->hidden++;
        return;
    }
    list->length += text_format(list->text + list->length, sizeof(list->text) - list->length,
                                "%s%s", separator, item);
}

const char *config_list_end(struct config_list *list)
{
    char *end = list->text + list->length;
    size_t room = sizeof(list->text) - list->length;

    if (list->hidden > 0)
        text_format(end, room, "%s%u more", list->length > 0 ? " and " : "", list->hidden);
    else if (list->length == 0)
        text_copy(end, room, "none");
    return list->text;
}
