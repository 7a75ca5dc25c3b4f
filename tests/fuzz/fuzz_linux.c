/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: any bytes as a kernel image. Input: one byte of choices,
 * one of initrd size in 16 KiB, then either an image, or what is to differ from
 * a good one in its setup header. Whatever is not refused is loaded, and the
 * fake machine stops at any access outside the guest's memory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/spec/linux_boot.h"
#include "hv/check.h"
#include "hv/linux.h"
#include "tests/fake/images.h"
#include "tests/fake/machine.h"

#define BASE GIB(1)
#define MEMORY_MAX MIB(8)
#define CHOOSE_MEMORY 0x03
#define CHOOSE_CMDLINE 0x40
#define CHOOSE_GOOD 0x80
#define GOOD_BYTES FAKE_BZIMAGE_BYTES

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t initrd[256 * 16384];

/* A good image but for the bits that are set in `differs`. */
static void put_good(uint8_t *image, const uint8_t *differs, size_t size)
{
    fake_bzimage(image, MIB(1), MIB(1));
    for (size_t i = 0; i < size && SETUP_SECTS + i < SETUP_END_MAX; i++)
        image[SETUP_SECTS + i] ^= differs[i];
}

static void check_plan(const struct guest_memory *memory, const struct guest_boot *boot,
                       const struct linux_plan *plan)
{
    uint64_t kernel_end = plan->image.load_address + plan->image.runtime_bytes;
    uint64_t initrd_end = plan->initrd.value + boot->initrd.size;

    CHECK(plan->image.load_address >= MIB(1) && kernel_end <= guest_memory_low_end(memory));
    CHECK(plan->image.setup_bytes + (uint64_t)plan->image.kernel_bytes <= boot->kernel.size);
    if (boot->initrd.size == 0)
        return;
    CHECK(plan->initrd.value % PAGE_SIZE_4K == 0 && plan->initrd.value >= MIB(1));
    CHECK(initrd_end <= guest_memory_low_end(memory) && initrd_end - 1 <= plan->image.initrd_max);
    CHECK(initrd_end <= plan->image.load_address || plan->initrd.value >= kernel_end);
}

static void load(const struct guest_memory *memory, const struct guest_boot *boot)
{
    struct linux_plan plan;
    struct refusal refusal = { .text = "" };

    if (!linux_prepare(memory, boot, &plan, &refusal)) {
        CHECK(refusal.text[0] != '\0' && strlen(refusal.text) < sizeof refusal.text - 1);
        return;
    }
    check_plan(memory, boot, &plan);
    fake.memory_bytes = memory->bytes;
    linux_load(memory, boot, &plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (fake.memory == NULL)
        fake_reset(BASE, MEMORY_MAX);
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MIB(2) * (1 + (data[0] & CHOOSE_MEMORY)));
    size_t image_bytes = data[0] & CHOOSE_GOOD ? GOOD_BYTES : size - 2;
    uint8_t *image = malloc(image_bytes);
    if (data[0] & CHOOSE_GOOD)
        put_good(image, data + 2, size - 2);
    else
        memcpy(image, data + 2, size - 2);
    const struct guest_boot boot = {
        .kernel = { image, image_bytes },
        .initrd = { initrd, data[1] * 16384u },
        .cmdline = data[0] & CHOOSE_CMDLINE ? "console=ttyS0" : "",
        .rsdp = GPA(GUEST_BIOS_AREA),
    };
    load(&memory, &boot);
    free(image);
    return 0;
}
