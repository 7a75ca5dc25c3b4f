/* SPDX-License-Identifier: MIT
 *
 * The console from its first line on, and its interrupt: an NMI to one CPU, so
 * that the hypervisor never needs a maskable one.
 */
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/host.h"
#include "arch/host_screen.h"
#include "arch/insn.h"
#include "arch/lines.h"
#include "arch/vtd.h"
#include "boot/boot.h"
#include "drivers/i8042.h"
#include "drivers/rtc.h"
#include "drivers/serial.h"
#include "drivers/tick.h"
#include "hv/console.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/version.h"

#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK 0xA1
#define TIMER_IRQ 0
#define KEYBOARD_IRQ 1

/* Four characters that no guest can know: random where the CPU can, and made
 * from the time where it cannot. */
static void make_code(char code[static 5], uint64_t tsc)
{
    static const char alphabet[] = "23456789abcdefghjkmnpqrstuvwxyz";
    uint64_t seconds = 0, random = 0;
    (void)rtc_read(0, &seconds);
    if (cpu_features.rdrand)
        (void)rdrand(&random);
    uint64_t mixed = (tsc ^ random ^ seconds << 32) * 0x9E3779B97F4A7C15ull;
    for (unsigned i = 0; i < 4; i++) {
        code[i] = alphabet[(mixed >> 32) % (sizeof alphabet - 1)];
        mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9ull;
    }
    code[4] = '\0';
}

void boot_console_init(struct boot *boot)
{
    const struct hypervisor_config *config = &boot->config.hypervisor;
    char code[5];

    boot_serial_init(boot);
    console_init();
    boot_screen_init(boot);
    make_code(code, boot->tsc_at_entry);
    log_code_set(code);
    log_level_set(config->log);
    log_line(LOG_ERROR, "Bulkhead %s: lines of the hypervisor begin like this one",
             BULKHEAD_VERSION);
    boot_serial_report(boot);
    boot_screen_report(boot);
}

static void mask_pics(void)
{
    out8(PIC_MASTER_MASK, 0xFF);
    out8(PIC_SLAVE_MASK, 0xFF);
}

/* A CPU that no guest owns and an IOAPIC can name, or else the boot CPU. */
static unsigned choose_console_cpu(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (!cpus[i]->vcpu && cpus[i]->apic_id < IOAPIC_DESTINATIONS)
            return i;
    return 0;
}

/* An ISA interrupt becomes an NMI of the console's CPU. */
static bool route(uint8_t irq)
{
    struct acpi_override line = acpi_isa_interrupt(&host.acpi, irq);
    return lines_route(line.gsi, &(struct host_ioapic_route){
        .delivery = DELIVERY_NMI, .polarity = line.polarity, .trigger = line.trigger,
        .apic_id = cpus[host.console_cpu]->apic_id });
}

bool boot_console_route(const struct boot *boot)
{
    uint8_t irq = boot->config.hypervisor.console.irq;
    return host.serial_present && irq != 0 && route(irq);
}

static void start_keyboard(void)
{
    enum host_i8042_status status =
        host_screen_is_there() ? host_i8042_init() : HOST_I8042_ABSENT;

    host.keyboard_present = status != HOST_I8042_ABSENT;
    if (status == HOST_I8042_NO_KEYBOARD)
        log_line(LOG_WARNING, "no keyboard answers at the keyboard controller");
    if (host_screen_is_there() && !host.keyboard_present)
        log_line(LOG_WARNING, "no keyboard controller: if your keyboard is a USB one, enable legacy "
                 "USB support in the BIOS setup");
    if (!host.keyboard_present && !host.serial_present)
        log_line(LOG_WARNING, "neither serial port nor keyboard: nothing can be typed");
}

/* A tick in place of interrupts that reach nobody. */
static bool route_tick(void)
{
    host.serial_polled = host.serial_present;
    return tick_start() && route(TIMER_IRQ);
}

static bool route_all(const struct boot *boot)
{
    bool serial_routed = !host.serial_present || boot_console_route(boot);
    bool keyboard_routed = !host.keyboard_present || route(KEYBOARD_IRQ);

    return (serial_routed && keyboard_routed) || route_tick();
}

void boot_console_interrupts(const struct boot *boot)
{
    mask_pics();
    host.console_cpu = choose_console_cpu();
    vtd_call_on_faults(cpus[host.console_cpu]->apic_id);
    vtd_serve_faults();
    start_keyboard();
    if (!route_all(boot)) {
        log_line(LOG_WARNING, "no interrupt reaches the console, and no timer that could stand in: "
                 "what you type is seen only when a guest prints");
        return;
    }
    if (host.serial_present && !host.serial_polled)
        serial_interrupt_on_receive(true);
    console_use_interrupts();
    machine_console_acknowledge();
}
