/* SPDX-License-Identifier: MIT
 *
 * See config_values.h: the values of [hypervisor].
 */
#include "hv/config_values.h"

#include "hv/check.h"
#include "hv/config_words.h"
#include "hv/text.h"

#define CONSOLE_CLOCK 115200 /* a UART's speed is this, divided by 16 bits */
#define CONSOLE_SPEED_MIN 50
#define CONSOLE_PORT_MIN 0x100 /* below are the board's own devices */
#define CONSOLE_PORT_MAX 0xfff8

static const struct word_row log_levels[] = {
    { "error", LOG_ERROR },
    { "warning", LOG_WARNING },
    { "info", LOG_INFO },
    { "debug", LOG_DEBUG },
};

static const struct word_row stop_actions[] = {
    { "poweroff", WHEN_ALL_STOPPED_POWEROFF },
    { "reboot", WHEN_ALL_STOPPED_REBOOT },
    { "wait", WHEN_ALL_STOPPED_WAIT },
};

static void set_console_port(struct hypervisor_config *hypervisor, const struct toml_value *value,
                             struct findings *findings)
{
    if (value->type == TOML_INTEGER) {
        if (value->integer >= CONSOLE_PORT_MIN && value->integer <= CONSOLE_PORT_MAX)
            hypervisor->console = (struct console_place){ .kind = CONSOLE_AT_PORT,
                                                          .port = (uint16_t)value->integer };
        else
            REPORT("%lld is not the port of a UART; write \"com1\" to \"com4\", or a port from "
                   "0x%x to 0x%x", (long long)value->integer, CONSOLE_PORT_MIN, CONSOLE_PORT_MAX);
        return;
    }
    if (!console_place_read(&hypervisor->console, value->string))
        REPORT("\"%s\" is not a console port; write \"com1\" to \"com4\", \"none\", an I/O port as "
               "in 0x3f8, or as in \"pci:02:00.0\" or \"mmio:0xfe032000\"", shown(value).text);
}

static void set_console_speed(struct hypervisor_config *hypervisor, const struct toml_value *value,
                              struct findings *findings)
{
    int64_t speed = value->integer;

    if (speed >= CONSOLE_SPEED_MIN && speed <= CONSOLE_CLOCK && CONSOLE_CLOCK % speed == 0)
        hypervisor->console_speed = (uint32_t)speed;
    else
        REPORT("a UART cannot run at %lld bit/s; write 115200 or what divides it: 57600, 38400, "
               "19200, 9600", (long long)speed);
}

static void set_log(struct hypervisor_config *hypervisor, const struct toml_value *value,
                    struct findings *findings)
{
    const struct word_row *row = find_word(log_levels, COUNT(log_levels), value->string);

    if (row != NULL)
        hypervisor->log = (enum log_level)row->value;
    else
        REPORT("\"%s\" is not a log level; write \"error\", \"warning\", \"info\" or \"debug\"",
               shown(value).text);
}

static void set_when_all_stopped(struct hypervisor_config *hypervisor,
                                 const struct toml_value *value, struct findings *findings)
{
    const struct word_row *row = find_word(stop_actions, COUNT(stop_actions), value->string);

    if (row != NULL)
        hypervisor->when_all_stopped = (enum when_all_stopped)row->value;
    else
        REPORT("\"%s\" is nothing that the machine can do; write \"poweroff\", \"reboot\" or "
               "\"wait\"", shown(value).text);
}

static void set_selftest(struct hypervisor_config *hypervisor, const struct toml_value *value,
                         struct findings *findings)
{
    if (text_equal(value->string, "vtd"))
        hypervisor->selftest = SELFTEST_VTD;
    else
        REPORT("there is no self-test \"%s\"; write \"vtd\", or leave the key out to start guests",
               shown(value).text);
}

void config_set_hypervisor(struct hypervisor_config *hypervisor, enum hypervisor_key key,
                           const struct toml_value *value, struct findings *findings)
{
    switch (key) {
    case HYPERVISOR_CONSOLE_PORT:
        set_console_port(hypervisor, value, findings);
        return;
    case HYPERVISOR_CONSOLE_SPEED:
        set_console_speed(hypervisor, value, findings);
        return;
    case HYPERVISOR_SCREEN:
        hypervisor->screen = value->boolean;
        return;
    case HYPERVISOR_LOG:
        set_log(hypervisor, value, findings);
        return;
    case HYPERVISOR_INVENTORY:
        hypervisor->inventory = value->boolean;
        return;
    case HYPERVISOR_WHEN_ALL_STOPPED:
        set_when_all_stopped(hypervisor, value, findings);
        return;
    case HYPERVISOR_SELFTEST:
        set_selftest(hypervisor, value, findings);
        return;
    case HYPERVISOR_KEY_COUNT:
        break;
    }
    CHECK(!"a key of [hypervisor]");
}
