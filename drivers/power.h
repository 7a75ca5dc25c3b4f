/* SPDX-License-Identifier: MIT
 *
 * The end of the machine: power off and reset.
 *
 * Tries each way that the machine describes and then those that PCs have had
 * since ever, with a bounded wait after each. A function that returns has
 * failed, and the caller says so. Only the last CPU that does anything calls.
 */
#pragma once

#include "drivers/acpi.h"

/* ACPI S5. */
void power_off(const struct acpi_machine *machine);

/* FADT reset register, then port CF9h, then the keyboard controller. */
void power_reset(const struct acpi_machine *machine);
