/* SPDX-License-Identifier: MIT
 *
 * Ports, interrupts and addresses of the machine that a guest owns, in the
 * monitor's answers: in two lines, as one would not hold the most of them.
 */
#include "hv/monitor_state.h"
#include "hv/text.h"

typedef unsigned long long ull;

static void say_range(struct monitor_text *text, const struct config_range *range)
{
    monitor_say(text, " %llx", (ull)range->first);
    if (range->last != range->first)
        monitor_say(text, "-%llx", (ull)range->last);
}

static void say_ports(struct monitor_text *text, const struct config_parts *parts)
{
    if (parts->port_count != 0)
        monitor_say(text, "  ports");
    for (unsigned i = 0; i < parts->port_count; i++)
        say_range(text, &parts->ports[i]);
    if (parts->irq_count != 0)
        monitor_say(text, "  interrupts");
    for (unsigned i = 0; i < parts->irq_count; i++)
        monitor_say(text, " %u", parts->irqs[i].irq);
}

static void say_addresses(struct monitor_text *text, const struct config_parts *parts)
{
    if (parts->mmio_count != 0)
        monitor_say(text, "  addresses");
    for (unsigned i = 0; i < parts->mmio_count; i++)
        say_range(text, &parts->mmio[i]);
}

enum monitor_step monitor_say_parts(struct monitor_text *text, const struct config_parts *parts,
                                    unsigned line)
{
    if (line == 0 ? parts->port_count + parts->irq_count == 0 : parts->mmio_count == 0)
        return MONITOR_SKIP;
    if (line == 0)
        say_ports(text, parts);
    else
        say_addresses(text, parts);
    return MONITOR_LINE;
}
