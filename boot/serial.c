/* SPDX-License-Identifier: MIT
 *
 * The console's serial port, wherever the configuration says that it is. Memory
 * is below 4 GiB, where the boot map shows it.
 */
#include "arch/host.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "boot/boot.h"
#include "drivers/serial_pci.h"
#include "hv/log.h"

#define REGISTERS 8

static const char *find(const struct console_place *from, struct serial_place *place)
{
    *place = (struct serial_place){ .doublewords = from->doublewords };
    switch (from->kind) {
    case CONSOLE_AT_NONE:
        return "the configuration says console_port = \"none\"";
    case CONSOLE_AT_PORT:
        place->port = from->port;
        return NULL;
    case CONSOLE_AT_MEMORY:
        place->base = (volatile uint8_t *)(uintptr_t)from->address;
        return NULL;
    case CONSOLE_AT_PCI:
        return serial_pci_find(from->pci, place);
    }
    return "the configuration names none";
}

static uint64_t memory_of(const struct serial_place *place)
{
    return (uint64_t)place->base;
}

static uint64_t bytes_of(const struct serial_place *place)
{
    return REGISTERS * (place->doublewords ? sizeof(uint32_t) : 1);
}

static const char *problem_of(const struct boot *boot, const struct serial_place *place)
{
    uint64_t first = memory_of(place);
    uint64_t bytes = bytes_of(place);

    if (place->base != NULL && boot_memory_holds_ram(boot, first, first + bytes))
        return "RAM is where the configuration says that the serial port is";
    if (place->base != NULL && first + bytes > GIB(4))
        return "the serial port's memory ends beyond 4 GiB";
    return NULL;
}

void boot_serial_init(struct boot *boot)
{
    const struct hypervisor_config *config = &boot->config.hypervisor;

    boot->serial_problem = find(&config->console, &boot->serial);
    if (boot->serial_problem == NULL)
        boot->serial_problem = problem_of(boot, &boot->serial);
    if (boot->serial_problem == NULL
        && !serial_init(boot->serial, (uint16_t)(SERIAL_CLOCK_HZ / config->console_speed)))
        boot->serial_problem = "nothing answers as a UART where the configuration says, or by default "
                               "at COM1; enable it in the BIOS setup, or set console_port";
    host.serial_present = boot->serial_problem == NULL;
}

void boot_serial_map(const struct boot *boot)
{
    if (!host.serial_present || boot->serial.base == NULL)
        return;
    uint64_t page = align_down(memory_of(&boot->serial), PAGE_SIZE_4K);
    uint64_t end = align_up(memory_of(&boot->serial) + bytes_of(&boot->serial), PAGE_SIZE_4K);
    paging_map(SERIAL_VIRTUAL, HPA(page), end - page, PAGE_DEVICE);
}

void boot_serial_mapped(const struct boot *boot)
{
    if (host.serial_present && boot->serial.base != NULL)
        serial_moved((volatile uint8_t *)(SERIAL_VIRTUAL
                                          + memory_of(&boot->serial) % PAGE_SIZE_4K));
}

void boot_serial_report(const struct boot *boot)
{
    if (boot->serial_problem != NULL)
        log_line(boot->config.hypervisor.console.kind == CONSOLE_AT_NONE ? LOG_INFO : LOG_WARNING,
                 "no serial line: %s", boot->serial_problem);
}
