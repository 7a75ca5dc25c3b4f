/* SPDX-License-Identifier: MIT
 *
 * ACPI Specification 6.5, "4.8.3.2.1 PM1 Control Registers" and "4.8.3.6 Reset
 * Register"; port CF9h is Intel's Reset Control Register, as in every chipset's
 * data sheet. Hardware-reduced machines (sleep control register) and reset
 * registers in memory are left to the ways that follow.
 */
#include "drivers/power.h"

#include "arch/insn.h"

enum {
    PM1_SCI_EN = 1u << 0, /* the machine is in ACPI mode */
    PM1_SLP_TYP_SHIFT = 10,
    PM1_SLP_TYP_MASK = 7u << 10,
    PM1_SLP_EN = 1u << 13,
};

#define RESET_CONTROL 0xCF9
enum { RESET_CONTROL_SYSTEM = 1u << 1, RESET_CONTROL_GO = 1u << 2 };

#define KEYBOARD_COMMAND 0x64
enum { KEYBOARD_INPUT_FULL = 1u << 1, KEYBOARD_PULSE_RESET = 0xFE };

#define PCI_ADDRESS 0xCF8
#define PCI_DATA 0xCFC

/* Reading port 80h takes about a microsecond on a PC, and never hangs. */
#define DELAY_PORT 0x80
#define WAIT_LOOPS_MAX 100000
#define ACPI_MODE_LOOPS_MAX 1000000

static void wait_for_effect(void)
{
    for (unsigned i = 0; i < WAIT_LOOPS_MAX; i++)
        (void)in8(DELAY_PORT);
}

/* "16.3.2 Legacy to ACPI": firmware may ignore SLP_EN before. */
static void enter_acpi_mode(const struct acpi_machine *machine)
{
    if (machine->smi_command == 0 || machine->acpi_enable == 0)
        return;
    if ((in16(machine->pm1a_control) & PM1_SCI_EN) != 0)
        return;
    out8(machine->smi_command, machine->acpi_enable);
    for (unsigned i = 0; i < ACPI_MODE_LOOPS_MAX; i++) {
        if ((in16(machine->pm1a_control) & PM1_SCI_EN) != 0)
            return;
        (void)in8(DELAY_PORT);
    }
}

static uint16_t sleep_value(uint16_t port, uint8_t type)
{
    uint16_t kept = (uint16_t)(in16(port) & ~(PM1_SLP_TYP_MASK | PM1_SLP_EN));
    return (uint16_t)(kept | type << PM1_SLP_TYP_SHIFT);
}

/* The type first and the start after it, as there is hardware that takes them
 * in that order only. */
void power_off(const struct acpi_machine *machine)
{
    uint16_t a = machine->pm1a_control, b = machine->pm1b_control;
    if (a == 0 || !machine->s5.present)
        return;
    enter_acpi_mode(machine);

    uint16_t value_a = sleep_value(a, machine->s5.type_a);
    uint16_t value_b = b != 0 ? sleep_value(b, machine->s5.type_b) : 0;
    out16(a, value_a);
    if (b != 0)
        out16(b, value_b);
    out16(a, (uint16_t)(value_a | PM1_SLP_EN));
    if (b != 0)
        out16(b, (uint16_t)(value_b | PM1_SLP_EN));
    wait_for_effect();
}

/* "5.2.3.2 Generic Address Structure (GAS)", PCI configuration space: device in
 * bits 47:32, function in 31:16, offset in 15:0, always on bus 0. */
static void write_pci_register(uint64_t address, uint8_t value)
{
    uint32_t device = (uint32_t)(address >> 32) & 0x1F;
    uint32_t function = (uint32_t)(address >> 16) & 7;
    uint32_t offset = (uint32_t)address & 0xFF;
    out32(PCI_ADDRESS, 1u << 31 | device << 11 | function << 8 | (offset & 0xFC));
    out8((uint16_t)(PCI_DATA + (offset & 3)), value);
}

static void reset_by_acpi(const struct acpi_reset *reset)
{
    if (!reset->present)
        return;
    if (reset->space == ACPI_SPACE_IO && reset->address <= UINT16_MAX)
        out8((uint16_t)reset->address, reset->value);
    else if (reset->space == ACPI_SPACE_PCI)
        write_pci_register(reset->address, reset->value);
    else
        return;
    wait_for_effect();
}

static void reset_by_chipset(void)
{
    uint8_t control = in8(RESET_CONTROL) & (uint8_t)~(RESET_CONTROL_SYSTEM | RESET_CONTROL_GO);
    out8(RESET_CONTROL, control | RESET_CONTROL_SYSTEM);
    out8(RESET_CONTROL, control | RESET_CONTROL_SYSTEM | RESET_CONTROL_GO);
    wait_for_effect();
}

static void reset_by_keyboard_controller(void)
{
    for (unsigned i = 0; i < WAIT_LOOPS_MAX; i++) {
        if ((in8(KEYBOARD_COMMAND) & KEYBOARD_INPUT_FULL) == 0)
            break;
        (void)in8(DELAY_PORT);
    }
    out8(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
    wait_for_effect();
}

void power_reset(const struct acpi_machine *machine)
{
    reset_by_acpi(&machine->reset);
    reset_by_chipset();
    reset_by_keyboard_controller();
}
