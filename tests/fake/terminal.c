/* SPDX-License-Identifier: MIT
 *
 * See terminal.h.
 */
#include "tests/fake/terminal.h"

#include <assert.h>
#include <string.h>

#include "hv/console.h"
#include "hv/log.h"
#include "hv/readiness.h"
#include "hv/vm_life.h"

struct fake_terminal fake_terminal;
static char shown[sizeof fake.console_output + 1];

unsigned fake_terminal_watched;

bool readiness_output(struct vm *vm, uint8_t byte)
{
    (void)vm;
    fake_terminal_watched++;
    return byte != '!';
}

void vm_stop_all(enum machine_end machine_end)
{
    (void)machine_end;
    fake_terminal.stop_all_count++;
}

void fake_terminal_reset(void)
{
    fake_reset(0, 0);
    fake_terminal = (struct fake_terminal){ .read = 0 };
    log_code_set("TEST");
    log_level_set(LOG_INFO);
    console_init();
}

void fake_terminal_type(const char *keys, size_t count)
{
    assert(fake.console_input_bytes + count <= sizeof fake.console_input);
    memcpy(fake.console_input + fake.console_input_bytes, keys, count);
    fake.console_input_bytes += count;
}

const char *fake_terminal_shown(void)
{
    size_t count = fake.console_output_bytes - fake_terminal.read;

    memcpy(shown, fake.console_output + fake_terminal.read, count);
    shown[count] = '\0';
    fake_terminal.read = fake.console_output_bytes;
    return shown;
}

void fake_terminal_clear(void)
{
    fake.console_output_bytes = 0;
    fake.console_room = sizeof fake.console_output;
    fake_terminal.read = 0;
}
