/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a boot information structure: nothing outside them is read, and
 * what comes out is within its bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/multiboot2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    static struct memory_map map;
    enum multiboot2_status status = multiboot2_parse(data, size, &info);

    require(info.total_bytes <= size && info.error_offset <= size + MULTIBOOT2_ALIGNMENT);
    require(status == MULTIBOOT2_OK ? info.error_offset == 0 : true);
    require(info.module_count <= BOOT_MODULES_MAX && info.memory_count <= BOOT_MEMORY_RANGES_MAX);
    require(memchr(info.command_line, '\0', sizeof info.command_line) != NULL);
    require(memchr(info.loader_name, '\0', sizeof info.loader_name) != NULL);
    for (unsigned i = 0; i < info.module_count; i++) {
        require(info.modules[i].start.value <= info.modules[i].end.value);
        require(memchr(info.modules[i].name, '\0', sizeof info.modules[i].name) != NULL);
    }
    memory_map_build(&map, info.memory, info.memory_count);
    require(memory_map_is_valid(&map));
    return 0;
}
