/* SPDX-License-Identifier: MIT
 *
 * See paging.h. Tables come from a fixed pool in the image; their number is
 * bounded by what arch/layout.h can ask for.
 *
 * SDM Vol. 3A, 4.5 "4-Level Paging and 5-Level Paging".
 */
#include "arch/paging.h"

#include "arch/cpu_features.h"
#include "arch/insn.h"
#include "arch/layout.h"
#include "arch/spec/cr.h"
#include "hv/check.h"

#define ENTRIES 512
#define TABLES_MAX 60
#define WINDOW_BYTES (ENTRIES * PAGE_SIZE_2M)

#define ENTRY_PRESENT BIT(0)
#define ENTRY_WRITE BIT(1)
#define ENTRY_WRITE_THROUGH BIT(3)
#define ENTRY_CACHE_DISABLE BIT(4)
#define ENTRY_LARGE BIT(7)
#define ENTRY_GLOBAL BIT(8)
#define ENTRY_NO_EXECUTE BIT(63)
/* PAT entries 0 to 7, which PWT, PCD and PAT select: as after RESET, write-back,
 * write-through, uncached unless an MTRR says otherwise, uncached, twice; but the
 * second is write-combining. SDM Vol. 3A, 11.12.2 "IA32_PAT MSR". */
#define PAT_HOST 0x0007010600070106ull

#define ENTRY_ADDRESS 0x000FFFFFFFFFF000ull

extern const char image_start[], image_rodata[], image_data[], image_symbols[], image_end[];

static uint64_t tables[TABLES_MAX][ENTRIES] __attribute__((aligned(4096)));
static unsigned tables_used = 1; /* tables[0] is the root */
static uint64_t *window_directory;
static uint64_t window_bits, register_window_bits;
static hpa_t image_physical;

hpa_t image_hpa(const void *address)
{
    uint64_t offset = (uint64_t)address - IMAGE_VIRTUAL;
    CHECK(offset < (uint64_t)(image_end - image_start));
    return HPA(image_physical.value + offset);
}

static uint64_t *table_of(uint64_t entry)
{
    uint64_t offset = (entry & ENTRY_ADDRESS) - image_physical.value;
    return (uint64_t *)(IMAGE_VIRTUAL + offset);
}

static uint64_t *table_below(uint64_t *entry)
{
    if (!(*entry & ENTRY_PRESENT)) {
        CHECK(tables_used < TABLES_MAX);
        *entry = image_hpa(tables[tables_used++]).value | ENTRY_PRESENT | ENTRY_WRITE;
    }
    CHECK(!(*entry & ENTRY_LARGE));
    return table_of(*entry);
}

static uint64_t *directory_entry(uint64_t virtual)
{
    uint64_t *pdpt = table_below(&tables[0][virtual >> 39 & (ENTRIES - 1)]);
    uint64_t *directory = table_below(&pdpt[virtual >> 30 & (ENTRIES - 1)]);
    return &directory[virtual >> 21 & (ENTRIES - 1)];
}

static uint64_t rights_bits(enum page_rights rights)
{
    uint64_t no_execute = cpu_features.nx ? ENTRY_NO_EXECUTE : 0;
    switch (rights) {
    case PAGE_READ: return ENTRY_PRESENT | no_execute;
    case PAGE_READ_WRITE: return ENTRY_PRESENT | ENTRY_WRITE | no_execute;
    case PAGE_READ_EXECUTE: return ENTRY_PRESENT;
    case PAGE_DEVICE:
        return ENTRY_PRESENT | ENTRY_WRITE | ENTRY_CACHE_DISABLE | ENTRY_WRITE_THROUGH | no_execute;
    case PAGE_WRITE_COMBINING:
        return ENTRY_PRESENT | ENTRY_WRITE | ENTRY_WRITE_THROUGH | no_execute;
    }
    CHECK(!"a page right that no case names");
    return 0;
}

void paging_map(uint64_t virtual, hpa_t physical, uint64_t bytes, enum page_rights rights)
{
    CHECK(((virtual | physical.value | bytes) & (PAGE_SIZE_4K - 1)) == 0);
    uint64_t bits = rights_bits(rights);
    uint64_t end = virtual + bytes;
    uint64_t from = physical.value;

    while (virtual < end) {
        uint64_t *entry = directory_entry(virtual);
        bool large = ((virtual | from) & (PAGE_SIZE_2M - 1)) == 0 && end - virtual >= PAGE_SIZE_2M;
        uint64_t step = large ? PAGE_SIZE_2M : PAGE_SIZE_4K;
        if (!large)
            entry = &table_below(entry)[virtual >> 12 & (ENTRIES - 1)];
        CHECK(!(*entry & ENTRY_PRESENT));
        *entry = from | bits | (large ? ENTRY_LARGE : 0);
        virtual += step;
        from += step;
    }
}

static void map_image(const char *from, const char *to, enum page_rights rights)
{
    paging_map((uint64_t)from, image_hpa(from), (uint64_t)(to - from), rights);
}

void paging_init(hpa_t image_base)
{
    image_physical = image_base;
    map_image(image_start, image_rodata, PAGE_READ_EXECUTE);
    map_image(image_rodata, image_data, PAGE_READ);
    map_image(image_data, image_symbols, PAGE_READ_WRITE);
    map_image(image_symbols, image_end, PAGE_READ);

    uint64_t *first_window = directory_entry(WINDOW_VIRTUAL);
    CHECK(((uint64_t)first_window & (PAGE_SIZE_4K - 1)) == 0);
    window_directory = first_window;
    window_bits = rights_bits(PAGE_READ_WRITE) | ENTRY_LARGE;
    register_window_bits = rights_bits(PAGE_DEVICE) | ENTRY_LARGE;
}

void paging_map_trampoline(hpa_t page)
{
    paging_map(page.value, page, PAGE_SIZE_4K, PAGE_READ_EXECUTE);
}

void paging_unmap_trampoline(void)
{
    tables[0][0] = 0;
    cr3_write(cr3_read());
}

void paging_activate(void)
{
    if (cpu_features.nx)
        wrmsr(IA32_EFER, rdmsr(IA32_EFER) | EFER_NXE);
    /* Firmware may have left anything. No mapping yet depends on entry 1. */
    wrmsr(IA32_PAT, PAT_HOST);
    cr3_write(paging_root());
    cr0_write((cr0_read() | CR0_WP | CR0_NE | CR0_MP) & ~(CR0_EM | CR0_TS | CR0_CD | CR0_NW));
    /* From constants: firmware may have left anything. Without MCE a machine
     * check would reset the machine and say nothing. */
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (cpu_features.smep)
        cr4 |= CR4_SMEP;
    if (cpu_features.smap)
        cr4 |= CR4_SMAP;
    if (cpu_features.xsave)
        cr4 |= CR4_OSXSAVE;
    cr4_write(cr4);
}

uint64_t paging_root(void)
{
    return image_hpa(tables[0]).value;
}

void paging_point_window(void *window, hpa_t page)
{
    uint64_t offset = (uint64_t)window - WINDOW_VIRTUAL;
    CHECK(((offset | page.value) & (PAGE_SIZE_2M - 1)) == 0 && offset < WINDOW_BYTES);
    uint64_t number = offset / PAGE_SIZE_2M;
    bool registers = number % WINDOWS_PER_CPU == WINDOWS_PER_CPU - 1;
    window_directory[number] = page.value | (registers ? register_window_bits : window_bits);
    invlpg(window);
}
