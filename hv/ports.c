/* SPDX-License-Identifier: MIT
 *
 * See ports.h. The rows are the policy; the handlers only follow them.
 */
#include "hv/ports.h"

#include "hv/assigned.h"
#include "hv/console.h"
#include "hv/guest_ports.h"
#include "hv/irq.h"
#include "hv/machine.h"
#include "hv/port_string.h"
#include "hv/readiness.h"
#include "hv/vm.h"
#include "hv/vm_life.h"
#include "hv/warm_reset.h"

enum port_device {
    PORT_COM1,
    PORT_COM2,
    PORT_PIC,
    PORT_PIT,
    PORT_61,
    PORT_I8042, /* and port 92h */
    PORT_CMOS,
    PORT_PCI,
    PORT_PLATFORM,
    PORT_EXPECTED, /* nobody there, and every PC kernel looks all the same */
};

/* An access belongs to a row if it begins in [first, last], does not reach
 * beyond `end`, and its width in bytes is among `widths`. */
struct port_row {
    uint32_t first; /* as wide as what they are compared with */
    uint32_t last;
    uint32_t end;
    uint8_t widths;
    uint8_t device; /* enum port_device */
};

#define NONE 0 /* of PORT_EXPECTED */
#define BYTES 1
#define UP_TO_WORDS (1 | 2)
#define UP_TO_DOUBLEWORDS (1 | 2 | 4)
#define DOUBLEWORDS 4

#define ROW(first, count, widths, device) \
    { (first), (first) + (count) - 1, (first) + (count) - 1, (widths), (device) }

/* A power of two, so that halving takes the same steps for every port. */
#define ROWS 32
#define ROWS_USED 23

/* Ascending and without overlap; those left over hold no port. */
static const struct port_row rows[ROWS] = {
    ROW(GUEST_PORT_PIC_MASTER, 2, BYTES, PORT_PIC),
    ROW(GUEST_PORT_PIT, 4, BYTES, PORT_PIT),
    ROW(GUEST_PORT_I8042_DATA, 1, BYTES, PORT_I8042),
    ROW(GUEST_PORT_SYSTEM_CONTROL_B, 1, BYTES, PORT_61),
    ROW(GUEST_PORT_I8042_COMMAND, 1, BYTES, PORT_I8042),
    ROW(GUEST_PORT_RTC_INDEX, 2, BYTES, PORT_CMOS),
    ROW(0x80, 1, NONE, PORT_EXPECTED), /* POST code: a delay */
    ROW(GUEST_PORT_SYSTEM_CONTROL_A, 1, BYTES, PORT_I8042),
    ROW(GUEST_PORT_PIC_SLAVE, 2, BYTES, PORT_PIC),
    ROW(0xED, 1, NONE, PORT_EXPECTED),  /* the other delay */
    ROW(0x2E8, 8, NONE, PORT_EXPECTED), /* COM4 */
    ROW(GUEST_PORT_COM2, GUEST_COM_PORTS, BYTES, PORT_COM2),
    ROW(0x3B0, 48, NONE, PORT_EXPECTED), /* VGA */
    ROW(0x3E8, 8, NONE, PORT_EXPECTED), /* COM3 */
    ROW(GUEST_PORT_COM1, GUEST_COM_PORTS, BYTES, PORT_COM1),
    ROW(GUEST_PORT_ELCR, 2, BYTES, PORT_PIC),
    ROW(GUEST_PORT_PM1A_EVENT, GUEST_PM1A_EVENT_BYTES, UP_TO_DOUBLEWORDS, PORT_PLATFORM),
    ROW(GUEST_PORT_PM1A_CONTROL, GUEST_PM1A_CONTROL_BYTES, UP_TO_WORDS, PORT_PLATFORM),
    ROW(GUEST_PORT_PM_TIMER, GUEST_PM_TIMER_BYTES, UP_TO_DOUBLEWORDS, PORT_PLATFORM),
    /* A doubleword at CF8h is the address; a byte at CF9h is the reset. */
    { GUEST_PORT_PCI_ADDRESS, GUEST_PORT_PCI_ADDRESS, GUEST_PORT_PCI_ADDRESS + 3, DOUBLEWORDS,
      PORT_PCI },
    ROW(GUEST_PORT_RESET, 1, BYTES, PORT_PLATFORM),
    ROW(GUEST_PORT_RESET + 1, 2, NONE, PORT_EXPECTED), /* PCI's mechanism #2 */
    ROW(GUEST_PORT_PCI_DATA, 4, UP_TO_DOUBLEWORDS, PORT_PCI),
    [ROWS_USED ... ROWS - 1] = { .first = UINT16_MAX, .last = 0 },
};

/* The last row that begins at or below the port, or the first. Unrolled, this is
 * about three instructions a step. */
static inline const struct port_row *row_below(unsigned port)
{
    const struct port_row *row = rows;

    #pragma GCC unroll 5
    for (unsigned step = ROWS / 2; step > 0; step /= 2)
        row = row[step].first <= port ? row + step : row;
    return row;
}

/* The row that holds a port of [first, last], namely the last such, or NULL. */
static inline const struct port_row *row_within(unsigned first, unsigned last)
{
    const struct port_row *row = row_below(last);

    return row->first <= last && row->last >= first ? row : NULL;
}

static inline const struct port_row *row_of(unsigned port)
{
    return row_within(port, port);
}

static inline bool row_takes(const struct port_row *row, unsigned port, size_t bytes)
{
    return row != NULL && (row->widths & bytes) &&
           port + bytes - 1 <= row->end;
}

static inline uint32_t device_read(struct vm *vm, enum port_device device, uint16_t port,
                                   size_t bytes)
{
    switch (__builtin_expect(device, PORT_COM1)) { /* the one that is frequent */
    case PORT_EXPECTED:
        break;
    case PORT_COM1:
        return uart_read(&vm->com1, port - GUEST_PORT_COM1);
    case PORT_COM2:
        return uart_read(&vm->com2, port - GUEST_PORT_COM2);
    case PORT_PIC:
        return irq_pic_read(vm, port);
    case PORT_PIT:
        return timers_pit_read(vm, port);
    case PORT_61:
        return timers_61_read(vm);
    case PORT_I8042:
        return i8042_read(vm, port);
    case PORT_CMOS:
        return timers_cmos_read(vm, port);
    case PORT_PCI:
        return pci_read(&vm->pci, port, bytes);
    case PORT_PLATFORM:
        return timers_platform_read(vm, port, bytes);
    }
    return UINT32_MAX;
}

/* False: the console has no room. */
__attribute__((always_inline))
static inline bool device_write(struct vm *vm, enum port_device device, uint16_t port,
                                size_t bytes, uint32_t value, enum platform_event *event)
{
    switch (__builtin_expect(device, PORT_COM1)) { /* the one that is frequent */
    case PORT_EXPECTED:
        break;
    case PORT_COM1:
        return uart_write(&vm->com1, port - GUEST_PORT_COM1, (uint8_t)value);
    case PORT_COM2:
        return uart_write(&vm->com2, port - GUEST_PORT_COM2, (uint8_t)value);
    case PORT_PIC:
        irq_pic_write(vm, port, (uint8_t)value);
        break;
    case PORT_PIT:
        timers_pit_write(vm, port, (uint8_t)value);
        break;
    case PORT_61:
        timers_61_write(vm, (uint8_t)value);
        break;
    case PORT_I8042:
        *event = i8042_write(vm, port, (uint8_t)value);
        break;
    case PORT_CMOS:
        timers_cmos_write(vm, port, (uint8_t)value);
        break;
    case PORT_PCI:
        pci_write(&vm->pci, port, bytes, value);
        break;
    case PORT_PLATFORM:
        *event = timers_platform_write(vm, port, bytes, value);
        break;
    }
    return true;
}

static inline uint32_t read_row(struct vm *vm, const struct port_row *row, uint16_t port,
                                size_t bytes)
{
    lock_acquire(&vm->lock);
    uint32_t value = device_read(vm, row->device, port, bytes);
    lock_release(&vm->lock);
    return value;
}

/* The same where a call more is no matter, so that all devices are there once. */
__attribute__((noinline))
static uint32_t read_row_called(struct vm *vm, const struct port_row *row, uint16_t port,
                                size_t bytes)
{
    return read_row(vm, row, port, bytes);
}

/* The guest observes its end, or real mode: nothing behind this instruction is
 * executed. */
__attribute__((noinline))
static void end_vm(struct vm *vm, enum platform_event event)
{
    bool of_processors = event == PLATFORM_RESET_KEYBOARD || event == PLATFORM_RESET_FAST;

    if (of_processors && warm_reset_begin(vm))
        return;
    vm_end(vm, event == PLATFORM_POWER_OFF ? VM_END_POWEROFF : VM_END_REBOOT,
           platform_event_text(event));
}

__attribute__((always_inline))
static inline bool write_locked(struct vm *vm, const struct port_row *row, uint16_t port,
                                size_t bytes, uint32_t value, enum platform_event *event)
{
    lock_acquire(&vm->lock);
    bool taken = device_write(vm, row->device, port, bytes, value, event);
    lock_release(&vm->lock);
    return taken;
}

/* The console has no room, so the write is made again. That ends: only other vCPUs
 * of this VM can take the room away meanwhile, as much as the wire makes, and on a
 * dead wire the byte is taken all the same. Only COM1's write comes here. */
__attribute__((noinline))
static void write_waiting(struct vm *vm, uint16_t port, uint8_t value)
{
    bool taken;

    do {
        console_wait_for_room(vm->index);
        lock_acquire(&vm->lock);
        taken = uart_write(&vm->com1, port - GUEST_PORT_COM1, value);
        lock_release(&vm->lock);
    } while (!taken);
}

/* False: the VM has ended. */
__attribute__((always_inline))
static inline bool write_row(struct vm *vm, const struct port_row *row, uint16_t port,
                             size_t bytes, uint32_t value)
{
    enum platform_event event = PLATFORM_NOTHING;

    if (!write_locked(vm, row, port, bytes, value, &event))
        write_waiting(vm, port, (uint8_t)value);
    if (event == PLATFORM_NOTHING)
        return true;
    end_vm(vm, event);
    return false;
}

__attribute__((noinline))
static bool write_row_called(struct vm *vm, const struct port_row *row, uint16_t port,
                             size_t bytes, uint32_t value)
{
    return write_row(vm, row, port, bytes, value);
}

/* `row` may be NULL. A row that takes no bytes is not missed either. */
static void report(struct vcpu *vcpu, const struct port_row *row, enum denied_kind kind,
                   unsigned port)
{
    if (row != NULL)
        denied_report_expected(vcpu, kind, port);
    else
        denied_report(vcpu, kind, port);
}

/* Byte by byte; ones where nobody answers. */
__attribute__((noinline))
static uint32_t read_split(struct vcpu *vcpu, uint16_t port, size_t bytes)
{
    uint32_t value = UINT32_MAX;
    bool reported = false;

    for (unsigned i = 0; i < bytes; i++) {
        const struct port_row *row = row_of(port + i);
        if (row_takes(row, (uint16_t)(port + i), 1)) {
            value &= ~(0xFFu << 8 * i);
            value |= (read_row_called(vcpu->vm, row, (uint16_t)(port + i), 1) & 0xFF) << 8 * i;
        } else if (!reported) {
            report(vcpu, row, DENIED_PORT_READ, port + i);
            reported = true;
        }
    }
    return value;
}

__attribute__((noinline))
static bool write_split(struct vcpu *vcpu, uint16_t port, size_t bytes, uint32_t value)
{
    bool runs = true;
    bool reported = false;

    for (unsigned i = 0; i < bytes && runs; i++) {
        const struct port_row *row = row_of(port + i);
        if (row_takes(row, (uint16_t)(port + i), 1)) {
            runs = write_row_called(vcpu->vm, row, (uint16_t)(port + i), 1, value >> 8 * i & 0xFF);
        } else if (!reported) {
            report(vcpu, row, DENIED_PORT_WRITE, port + i);
            reported = true;
        }
    }
    return runs;
}

/* Ports that a guest has besides the rows' are asked for only where it has some. */

static bool is_exit_port(const struct vm *vm, uint16_t port)
{
    return port == vm->config->exit_port && port != 0;
}

static bool is_ready_port(const struct vm *vm, uint16_t port)
{
    return port == vm->config->ready_port && port != 0;
}

static bool is_watchdog_port(const struct vm *vm, uint16_t port)
{
    return vm->config->watchdog && guest_port_is_watchdog(port);
}

bool ports_has(const struct vm *vm, uint16_t port, size_t bytes)
{
    if (is_exit_port(vm, port) || is_ready_port(vm, port) || is_watchdog_port(vm, port) ||
        row_takes(row_of(port), port, bytes))
        return true;
    for (unsigned i = 0; i < bytes; i++)
        if (row_takes(row_of(port + i), port + i, 1))
            return true;
    return false;
}

/* I/O BARs of the guest's functions that are not where the machine has them. */

static bool moved_port_read(struct vm *vm, uint16_t port, size_t bytes, uint32_t *value)
{
    lock_acquire(&vm->lock);
    bool found = assigned_port_read(vm->pci.assigned, port, bytes, value);
    lock_release(&vm->lock);
    return found;
}

static bool moved_port_write(struct vm *vm, uint16_t port, size_t bytes, uint32_t value)
{
    lock_acquire(&vm->lock);
    bool found = assigned_port_write(vm->pci.assigned, port, bytes, value);
    lock_release(&vm->lock);
    return found;
}

/* A port of nobody, at least of nobody alone. `row` may be NULL, here and below. */
static inline uint32_t read_nobodys(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                                    size_t bytes)
{
    if (bytes > 1 && row_within(port, port + bytes - 1) != NULL)
        return read_split(vcpu, port, bytes);
    report(vcpu, row, DENIED_PORT_READ, port);
    return UINT32_MAX;
}

__attribute__((noinline))
static uint32_t read_more(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                          size_t bytes)
{
    uint32_t value;

    if (is_exit_port(vcpu->vm, port) || is_ready_port(vcpu->vm, port))
        return 0;
    if (is_watchdog_port(vcpu->vm, port))
        return UINT32_MAX;
    if (vcpu->vm->pci.assigned != NULL && moved_port_read(vcpu->vm, port, bytes, &value))
        return value;
    return read_nobodys(vcpu, row, port, bytes);
}

/* What no row takes as a whole. */
static inline uint32_t read_elsewhere(struct vcpu *vcpu, const struct port_row *row,
                                      uint16_t port, size_t bytes)
{
    return vcpu->vm->has_more_ports ? read_more(vcpu, row, port, bytes)
                                    : read_nobodys(vcpu, row, port, bytes);
}

static void write_ready_port(struct vm *vm)
{
    lock_acquire(&vm->lock);
    readiness_reached(vm);
    watchdog_heard(vm);
    lock_release(&vm->lock);
}

static void write_watchdog(struct vm *vm, uint16_t port, uint32_t value)
{
    lock_acquire(&vm->lock);
    watchdog_write(vm, port, value);
    lock_release(&vm->lock);
}

/* As a write by a row: false if the VM has ended. */
static inline bool write_nobodys(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                                 size_t bytes, uint32_t value)
{
    if (bytes > 1 && row_within(port, port + bytes - 1) != NULL)
        return write_split(vcpu, port, bytes, value);
    report(vcpu, row, DENIED_PORT_WRITE, port);
    return true;
}

__attribute__((noinline))
static bool write_more(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                       size_t bytes, uint32_t value)
{
    if (is_exit_port(vcpu->vm, port)) {
        vm_exit(vcpu->vm, bytes < sizeof value ? value & ((1u << 8 * bytes) - 1) : value);
        return false;
    }
    if (is_ready_port(vcpu->vm, port)) {
        write_ready_port(vcpu->vm);
        return true;
    }
    if (is_watchdog_port(vcpu->vm, port)) {
        write_watchdog(vcpu->vm, port, value);
        return true;
    }
    if (vcpu->vm->pci.assigned != NULL && moved_port_write(vcpu->vm, port, bytes, value))
        return true;
    return write_nobodys(vcpu, row, port, bytes, value);
}

static inline bool write_elsewhere(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                                   size_t bytes, uint32_t value)
{
    return vcpu->vm->has_more_ports ? write_more(vcpu, row, port, bytes, value)
                                    : write_nobodys(vcpu, row, port, bytes, value);
}

uint32_t ports_read(struct vcpu *vcpu, uint16_t port, size_t bytes)
{
    const struct port_row *row = row_of(port);

    return row_takes(row, port, bytes) ? read_row_called(vcpu->vm, row, port, bytes)
                                       : read_elsewhere(vcpu, row, port, bytes);
}

bool ports_write(struct vcpu *vcpu, uint16_t port, size_t bytes, uint32_t value)
{
    const struct port_row *row = row_of(port);

    return row_takes(row, port, bytes) ? write_row_called(vcpu->vm, row, port, bytes, value)
                                       : write_elsewhere(vcpu, row, port, bytes, value);
}

/* SDM Vol. 1, 3.4.1.1 "General-Purpose Registers in 64-Bit Mode": 32-bit results
 * clear the upper half, smaller ones leave the rest of the register. */
static inline struct verdict finish_in(struct vcpu *vcpu, uint32_t value, size_t bytes)
{
    uint64_t *rax = &vcpu->gpr[GPR_RAX];

    if (bytes == sizeof(uint8_t))
        __builtin_memcpy(rax, &value, sizeof(uint8_t));
    else if (bytes == sizeof(uint16_t))
        __builtin_memcpy(rax, &value, sizeof(uint16_t));
    else
        *rax = value;
    return ADVANCE;
}

/* Four ways, each by itself, so that none pays for another's registers. `row` may
 * be NULL elsewhere. */

__attribute__((noinline))
static struct verdict in(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                         size_t bytes)
{
    return finish_in(vcpu, read_row(vcpu->vm, row, port, bytes), bytes);
}

__attribute__((noinline))
static struct verdict in_elsewhere(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                                   size_t bytes)
{
    return finish_in(vcpu, read_elsewhere(vcpu, row, port, bytes), bytes);
}

__attribute__((noinline))
static struct verdict out(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                          size_t bytes)
{
    uint32_t value = (uint32_t)vcpu->gpr[GPR_RAX];
    return write_row(vcpu->vm, row, port, bytes, value) ? ADVANCE : END;
}

__attribute__((noinline))
static struct verdict out_elsewhere(struct vcpu *vcpu, const struct port_row *row, uint16_t port,
                                    size_t bytes)
{
    uint32_t value = (uint32_t)vcpu->gpr[GPR_RAX];
    return write_elsewhere(vcpu, row, port, bytes, value) ? ADVANCE : END;
}

__attribute__((noinline))
struct verdict ports_exit(struct vcpu *vcpu)
{
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    uint16_t port = (uint16_t)(qualification >> IO_QUALIFICATION_PORT_SHIFT);
    size_t bytes = (qualification & IO_QUALIFICATION_SIZE_MASK) + 1;
    bool is_in = qualification & IO_QUALIFICATION_IN;

    if (qualification & IO_QUALIFICATION_STRING)
        return port_string_exit(vcpu);
    const struct port_row *row = row_of(port);
    if (row_takes(row, port, bytes))
        return is_in ? in(vcpu, row, port, bytes) : out(vcpu, row, port, bytes);
    return is_in ? in_elsewhere(vcpu, row, port, bytes) : out_elsewhere(vcpu, row, port, bytes);
}
