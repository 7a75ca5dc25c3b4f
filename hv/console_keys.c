/* SPDX-License-Identifier: MIT
 *
 * See console_keys.h: one bit of state, whether the prefix came last.
 */
#include "hv/console_keys.h"

struct console_key console_keys_take(struct console_keys *keys, uint8_t byte)
{
    bool prefixed = keys->prefixed;
    keys->prefixed = !prefixed && byte == CONSOLE_KEYS_PREFIX;

    if (keys->prefixed)
        return (struct console_key){ CONSOLE_NOTHING, 0 };
    if (!prefixed || byte == CONSOLE_KEYS_PREFIX)
        return (struct console_key){ CONSOLE_INPUT, byte };
    if (byte >= '1' && byte <= '8')
        return (struct console_key){ CONSOLE_GUEST, (uint8_t)(byte - '1') };
    if (byte == 'n')
        return (struct console_key){ CONSOLE_NEXT, 0 };
    if (byte == 'm')
        return (struct console_key){ CONSOLE_MONITOR, 0 };
    if (byte == 'q')
        return (struct console_key){ CONSOLE_QUIT, 0 };
    return (struct console_key){ CONSOLE_HELP, 0 };
}
