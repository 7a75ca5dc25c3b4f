/* SPDX-License-Identifier: MIT
 *
 * The host's screen: what hv/screen.h keeps, drawn by drivers/framebuffer.h.
 * Without a screen nothing happens in these. The caller serialises, as the
 * console's lock does; a drawing costs at most one store for each pixel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/framebuffer.h"
#include "hv/machine.h"

/* With a layout without a problem. Nothing is drawn before host_screen_mapped().
 * False: it is too small for a console. */
bool host_screen_init(const struct framebuffer_layout *layout);

/* The framebuffer is seen there from now on; all of it is drawn again. */
void host_screen_mapped(volatile uint8_t *base);

bool host_screen_is_there(void);

void host_screen_write(enum machine_author author, const uint8_t *bytes, size_t count);

/* Draws some of what has changed. True: there may be more. */
bool host_screen_show(void);

void host_screen_new_guest(void);
