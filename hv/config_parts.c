/* SPDX-License-Identifier: MIT
 *
 * See config_parts.h. A value that is wrong is reported and left out.
 */
#include "hv/config_parts.h"

#include "arch/spec/pci.h"
#include "hv/addr.h"
#include "hv/check.h"
#include "hv/pci_address.h"
#include "hv/text.h"
#include "hv/text_take.h"

#define IRQS 16
#define IRQ_CASCADE 2
#define GSIS_MAX 1024
#define ADDRESS_END (1ull << 52)

#define REPORT(...) findings_add(findings, SEVERITY_ERROR, value->place, "", __VA_ARGS__)

static struct excerpt shown(const struct toml_value *value)
{
    return excerpt(value->string, strlen(value->string));
}

/* As in TOML: 0x before hexadecimal digits. */
static bool take_number(const char **text, uint64_t *number)
{
    bool hexadecimal = (*text)[0] == '0' && (*text)[1] == 'x';

    if (hexadecimal)
        *text += 2;
    return text_take_digits(text, hexadecimal ? 16 : 10, 15, number);
}

/* ---- Devices: "00:1f.2", "0001:00:1f.2", "00:1f.2 gsi 19" ---- */

static bool take_gsi(const char **text, struct config_device *device)
{
    uint64_t gsi = 0;

    device->gsi_given = **text != '\0';
    if (device->gsi_given && !(text_take_word(text, " gsi ") && take_number(text, &gsi)))
        return false;
    device->gsi = (uint32_t)gsi;
    return gsi < GSIS_MAX && **text == '\0';
}

static void add_device(struct config_parts *parts, const struct toml_value *value,
                       struct findings *findings)
{
    struct config_device device = { .at = value->place };
    const char *text = value->string;

    if (value->type != TOML_STRING)
        REPORT("a list of devices holds strings; write PCI addresses as in [\"00:1f.2\"]");
    else if (!pci_address_take(&text, &device.address) || !take_gsi(&text, &device))
        REPORT("\"%s\" is not a PCI function; write bus, device and function as in \"00:1f.2\", "
               "perhaps followed by the IOAPIC's input as in \"00:1f.2 gsi 19\"",
               shown(value).text);
    else if (parts->device_count == CONFIG_DEVICES_MAX)
        REPORT("a guest can have at most %u devices; remove this one", CONFIG_DEVICES_MAX);
    else
        parts->devices[parts->device_count++] = device;
}

/* ---- Ranges: "0x2f8-0x2ff" ---- */

static bool read_range(const struct toml_value *value, struct config_range *range)
{
    const char *text = value->string;

    range->at = value->place;
    if (value->type == TOML_INTEGER) {
        range->first = range->last = (uint64_t)value->integer;
        return true;
    }
    if (!take_number(&text, &range->first))
        return false;
    range->last = range->first;
    if (*text != '\0' && !(text_take_word(&text, "-") && take_number(&text, &range->last)))
        return false;
    return *text == '\0' && range->first <= range->last;
}

static void add_ports(struct config_parts *parts, const struct toml_value *value,
                      struct findings *findings)
{
    struct config_range range = { .at = value->place };

    if (value->type != TOML_STRING && value->type != TOML_INTEGER)
        REPORT("a list of ports holds numbers and ranges; write it as in [0x378, "
               "\"0x2f8-0x2ff\"]");
    else if (!read_range(value, &range) || range.last > UINT16_MAX)
        REPORT("this is no range of ports; write its first and last one, at most 0xffff, as in "
               "\"0x2f8-0x2ff\"");
    else if (parts->port_count == CONFIG_PORTS_MAX)
        REPORT("a guest can have at most %u ranges of ports; join some, or remove this one",
               CONFIG_PORTS_MAX);
    else
        parts->ports[parts->port_count++] = range;
}

static void add_mmio(struct config_parts *parts, const struct toml_value *value,
                     struct findings *findings)
{
    struct config_range range = { .at = value->place };

    if (value->type != TOML_STRING || !read_range(value, &range) || range.last >= ADDRESS_END)
        REPORT("this is no range of addresses; write its first and last byte in quotes, as in "
               "\"0xfed00000-0xfed00fff\"");
    else if (range.first % PAGE_SIZE_4K != 0 || (range.last + 1) % PAGE_SIZE_4K != 0)
        REPORT("only whole pages of 4 KiB can be given to a guest; write \"0x%llx-0x%llx\" if all "
               "of that is the guest's",
               (unsigned long long)align_down(range.first, PAGE_SIZE_4K),
               (unsigned long long)align_up(range.last + 1, PAGE_SIZE_4K) - 1);
    else if (parts->mmio_count == CONFIG_MMIO_MAX)
        REPORT("a guest can have at most %u ranges of addresses; join some, or remove this one",
               CONFIG_MMIO_MAX);
    else
        parts->mmio[parts->mmio_count++] = range;
}

/* ---- Interrupts, and DMA ---- */

static bool has_irq(const struct config_parts *parts, int64_t irq)
{
    for (uint32_t i = 0; i < parts->irq_count; i++)
        if (parts->irqs[i].irq == irq)
            return true;
    return false;
}

static void add_irq(struct config_parts *parts, const struct toml_value *value,
                    struct findings *findings)
{
    if (value->type != TOML_INTEGER)
        REPORT("a list of interrupts holds numbers without quotes; write it as in [3]");
    else if (value->integer == IRQ_CASCADE)
        REPORT("interrupt 2 joins the two interrupt controllers and is no device's; write "
               "another");
    else if (value->integer < 0 || value->integer >= IRQS)
        REPORT("%lld is not the interrupt of a part of the board; they are numbered 0 to %u",
               (long long)value->integer, IRQS - 1);
    else if (has_irq(parts, value->integer))
        REPORT("interrupt %lld is listed twice; remove one of the two",
               (long long)value->integer);
    else
        parts->irqs[parts->irq_count++] =
            (struct config_irq){ (uint8_t)value->integer, value->place };
}

void config_add_part(struct config_parts *parts, enum vm_key key, const struct toml_value *value,
                     struct findings *findings)
{
    if (key == VM_DEVICES)
        add_device(parts, value, findings);
    else if (key == VM_PORTS)
        add_ports(parts, value, findings);
    else if (key == VM_IRQS)
        add_irq(parts, value, findings);
    else if (key == VM_MMIO)
        add_mmio(parts, value, findings);
    else
        CHECK(!"a list of parts");
}

void config_set_dma(struct config_parts *parts, const struct toml_value *value,
                    struct findings *findings)
{
    parts->dma_unprotected = text_equal(value->string, "unprotected");
    if (!parts->dma_unprotected)
        REPORT("\"%s\" is not a kind of DMA; write \"unprotected\", or remove this line",
               shown(value).text);
}
