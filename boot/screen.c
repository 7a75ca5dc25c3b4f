/* SPDX-License-Identifier: MIT
 *
 * The screen that the boot loader handed over, from the first line on as far as
 * the boot map shows it, which is below 4 GiB; above, from the lasting map on,
 * with all lines until then.
 */
#include "arch/host_screen.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "boot/boot.h"
#include "hv/log.h"

#define BOOT_MAP_END GIB(4)

static struct framebuffer_colour colour(struct boot_color from)
{
    return (struct framebuffer_colour){ from.position, from.bits };
}

static struct framebuffer_layout layout_of(const struct boot_framebuffer *from)
{
    bool text = from->type == MULTIBOOT2_FRAMEBUFFER_TEXT;
    return (struct framebuffer_layout){
        .kind = text ? FRAMEBUFFER_TEXT : FRAMEBUFFER_PIXELS,
        .address = from->address.value,
        .pitch_bytes = from->pitch_bytes,
        .width = from->width,
        .height = from->height,
        .bits_per_pixel = from->bits_per_pixel,
        .red = colour(from->red), .green = colour(from->green), .blue = colour(from->blue),
    };
}

/* Why there is no screen, or NULL. */
static const char *problem_of(const struct boot *boot, struct framebuffer_layout *layout)
{
    const struct boot_framebuffer *from = &boot->info.framebuffer;

    if (!from->present)
        return "the boot loader handed over no screen";
    if (from->type != MULTIBOOT2_FRAMEBUFFER_RGB && from->type != MULTIBOOT2_FRAMEBUFFER_TEXT)
        return "the boot loader set a screen mode with a palette; let it set one of 16 bits or more";
    *layout = layout_of(from);
    const char *problem = framebuffer_problem(layout);
    if (problem != NULL)
        return problem;
    if (boot_memory_holds_ram(boot, layout->address,
                                 layout->address + framebuffer_bytes(layout)))
        return "it is said to be where RAM is";
    return host_screen_init(layout) ? NULL : "it is too small for text";
}

void boot_screen_init(struct boot *boot)
{
    if (!boot->config.hypervisor.screen) {
        boot->screen_problem = "the configuration says screen = false";
        return;
    }
    boot->screen_problem = problem_of(boot, &boot->screen);
    uint64_t bytes = framebuffer_bytes(&boot->screen);
    if (boot->screen_problem == NULL && boot->screen.address + bytes <= BOOT_MAP_END)
        host_screen_mapped((volatile uint8_t *)boot->screen.address);
}

void boot_screen_map(const struct boot *boot)
{
    if (boot->screen_problem != NULL)
        return;
    const struct framebuffer_layout *layout = &boot->screen;
    bool text = layout->kind == FRAMEBUFFER_TEXT;
    uint64_t skip = layout->address % PAGE_SIZE_4K;
    uint64_t virtual = SCREEN_VIRTUAL + align_down(layout->address, PAGE_SIZE_4K) % PAGE_SIZE_2M;
    uint64_t bytes = align_up(skip + framebuffer_bytes(layout), PAGE_SIZE_4K);

    paging_map(virtual, HPA(layout->address - skip), bytes,
               text ? PAGE_DEVICE : PAGE_WRITE_COMBINING);
}

void boot_screen_mapped(const struct boot *boot)
{
    if (boot->screen_problem == NULL)
        host_screen_mapped((volatile uint8_t *)(SCREEN_VIRTUAL
                                                + boot->screen.address % PAGE_SIZE_2M));
}

void boot_screen_report(const struct boot *boot)
{
    const struct framebuffer_layout *layout = &boot->screen;

    if (boot->screen_problem != NULL)
        log_line(LOG_WARNING, "no screen: %s", boot->screen_problem);
    else
        log_line(LOG_INFO, "screen: %ux%u %s at %llx", layout->width, layout->height,
                 layout->kind == FRAMEBUFFER_TEXT ? "characters" : "pixels",
                 (unsigned long long)layout->address);
}
