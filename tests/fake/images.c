/* SPDX-License-Identifier: MIT
 *
 * See images.h.
 */
#include "tests/fake/images.h"

#include <string.h>

static void set(uint8_t *image, unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(image + offset, &value, bytes);
}

void fake_bzimage(uint8_t image[static FAKE_BZIMAGE_BYTES], uint64_t load_address,
                  uint32_t init_bytes)
{
    memset(image, 0, FAKE_BZIMAGE_BYTES);
    set(image, 0x1F1, 1, 1);                            /* setup sectors */
    set(image, 0x1F4, FAKE_BZIMAGE_CODE_BYTES / 16, 4); /* code */
    set(image, 0x1FE, 0xAA55, 2);
    set(image, 0x200, 0x6AEB, 2);                       /* the header ends at 26C */
    set(image, 0x202, 0x53726448, 4);                   /* HdrS */
    set(image, 0x206, 0x020F, 2);
    set(image, 0x211, 1, 1);                            /* loaded high */
    set(image, 0x22C, 0x7FFFFFFF, 4);                   /* highest of an initrd */
    set(image, 0x230, 4096, 4);                         /* alignment */
    set(image, 0x234, 1, 1);                            /* relocatable */
    set(image, 0x236, 1, 2);                            /* 64-bit entry */
    set(image, 0x238, 2047, 4);                         /* command line */
    set(image, 0x258, load_address, 8);
    set(image, 0x260, init_bytes, 4);
    for (unsigned i = 0; i < FAKE_BZIMAGE_CODE_BYTES; i++)
        image[FAKE_BZIMAGE_SETUP_BYTES + i] = fake_code(i);
}
