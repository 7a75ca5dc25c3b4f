# SPDX-License-Identifier: MIT
#
# Builds, runs and tests Bulkhead. `make help` lists what there is to make.
# Everything goes under build/; V=1 shows the commands.

# ---- What to build: the table of contents -----------------------------------

BOOT := boot/main.c boot/loader.c boot/console.c boot/memory.c boot/cpus.c boot/inventory.c \
	boot/remapping.c boot/selftest.c boot/selftest_edu.c boot/selftest_msix.c \
	boot/preflight.c boot/partition.c boot/screen.c boot/serial.c boot/parts.c
BOOT_PURE := boot/multiboot2.c
BOOT_ASM := boot/entry.asm

VTD := arch/vtd.c arch/vtd_reserved.c arch/vtd_attach.c arch/vtd_interrupts.c arch/vtd_faults.c
ARCH := arch/cpu.c arch/cpu_features.c arch/cpuid_host.c arch/cpu_identity.c arch/descriptors.c \
	arch/mtrr.c arch/paging.c arch/window.c arch/arena.c arch/xsave.c arch/lapic.c arch/time.c \
	arch/smp.c arch/vmx.c arch/vmx_run.c $(VTD) arch/machine.c arch/machine_memory.c \
	arch/machine_registers.c arch/machine_vmcs.c \
	arch/panic.c arch/symbols.c arch/host_screen.c arch/host_keyboard.c arch/lines.c
ARCH_ASM := arch/exception_entry.asm arch/vmx_entry.asm arch/trampoline.asm

HV_BASE := hv/text.c hv/text_take.c hv/utf8.c hv/amount.c hv/findings.c hv/memory_map.c hv/mtrr.c \
	hv/calendar.c hv/log.c hv/log_ring.c hv/panic_record.c
HV_CONFIG := hv/toml.c hv/toml_cursor.c hv/toml_string.c hv/toml_value.c \
	hv/config_keys.c hv/config_hypervisor.c hv/config_values.c hv/config_parse.c hv/config_check.c \
	hv/config_memory.c hv/config_images.c hv/config_list.c hv/config_after.c hv/restart.c \
	hv/guest_ports.c hv/console_place.c hv/config_parts.c hv/config_owners.c hv/config_raw.c \
	hv/config_devices.c hv/own_parts.c hv/pci_address.c hv/pci_legacy.c
HV_LOAD := hv/guest_kind.c hv/linux.c hv/linux_image.c hv/multiboot1.c \
	hv/multiboot2.c hv/multiboot2_header.c hv/pvh.c hv/flat.c \
	hv/image.c hv/image_layout.c hv/image_sections.c hv/elf.c hv/refusal.c hv/entry_tables.c \
	hv/guest_put.c hv/guest_writer.c
HV_TABLES := hv/aml.c hv/guest_acpi.c hv/guest_mp_table.c
HV_MEMORY := hv/frames.c hv/ept.c hv/guest_memory.c hv/guest_paging.c hv/guest_walk.c \
	hv/guest_segment.c
HV_DMA := hv/dma_limits.c hv/dma_tables.c hv/dma_sources.c hv/dma_reserved.c hv/dma_faults.c \
	hv/irte.c
HV_CPU := hv/preflight.c hv/exit.c hv/exit_reason_name.c hv/exit_report.c hv/recorder.c hv/cpuid.c \
	hv/cpuid_table.c hv/cpuid_frequency.c hv/msr.c hv/guest_tsc.c hv/cr.c hv/lapic.c \
	hv/lapic_base.c hv/lapic_ipi.c hv/lapic_level.c hv/lapic_page.c hv/event.c hv/hypercall.c \
	hv/decode.c hv/mmio.c hv/device_memory.c
HV_EMULATION := hv/instruction.c hv/operand.c hv/emulation.c hv/emulate.c hv/emulate_memory.c \
	hv/emulate_string.c
HV_EMULATION_COLD := hv/instruction_table.c hv/alu.c hv/alu_multiply.c hv/emulate_stack.c \
	hv/emulate_sse.c
HV_TASK := hv/task_switch.c hv/task_segments.c hv/task_state.c hv/segment.c hv/system_access.c \
	hv/delivery.c hv/guest_pdptes.c
HV_DEVICES := hv/ports.c hv/port_string.c hv/uart.c hv/ioapic.c hv/irq.c hv/pic.c hv/pit.c \
	hv/timers.c hv/i8042.c hv/guest_rtc.c hv/cmos.c hv/pci.c hv/platform.c hv/denied.c \
	hv/lines.c hv/io_bitmap.c hv/assigned.c hv/assigned_map.c hv/assigned_life.c \
	hv/assigned_message.c hv/assigned_msi.c hv/assigned_msix.c hv/assigned_memory.c \
	hv/assigned_rom.c hv/pci_private.c hv/pci_reset.c hv/usb_handoff.c hv/watchdog.c
HV_CONSOLE := hv/console.c hv/console_drain.c hv/console_focus.c hv/console_keys.c \
	hv/console_receive.c hv/console_ring.c hv/console_wire.c
HV_MONITOR := hv/monitor.c hv/monitor_line.c hv/monitor_command.c hv/monitor_show.c \
	hv/monitor_tables.c hv/monitor_parts.c hv/monitor_seat.c hv/monitor_json.c hv/json.c \
	hv/manager.c hv/changes.c hv/owners.c hv/snapshot.c
HV_SCREEN := hv/keyboard.c hv/screen.c hv/screen_cells.c hv/screen_control.c hv/screen_pen.c \
	hv/screen_glyph.c
HV_TRACE := hv/crash_report.c hv/trace_report.c hv/guest_trace.c hv/elf_symbols.c
HV_LIFE := hv/vcpu.c hv/warm_reset.c hv/vcpu_state.c hv/vm_life.c $(HV_TRACE) hv/readiness.c \
	hv/text_search.c
HV_LEARN := hv/learn.c hv/learn_touch.c hv/learn_report.c
HV_INVENTORY := hv/pci_topology.c hv/pci_class.c hv/cpu_identity.c hv/inventory_print.c hv/log_row.c
HV := $(HV_INVENTORY) $(HV_DMA) $(HV_BASE) $(HV_CONFIG) $(HV_LOAD) $(HV_TABLES) $(HV_MEMORY) \
	$(HV_CPU) $(HV_DEVICES) $(HV_CONSOLE) $(HV_LIFE) $(HV_EMULATION) $(HV_EMULATION_COLD) \
	$(HV_TASK) $(HV_LEARN) $(HV_MONITOR) $(HV_SCREEN)

DRIVERS := drivers/serial.c drivers/ioapic.c drivers/power.c drivers/rtc.c drivers/pci_config.c \
	drivers/vtd_unit.c drivers/serial_pci.c drivers/tick.c drivers/i8042.c \
	drivers/framebuffer.c drivers/font.c
DRIVERS_PURE := drivers/acpi.c drivers/acpi_entries.c drivers/acpi_madt.c drivers/acpi_fadt.c \
	drivers/acpi_mcfg.c drivers/acpi_dmar.c drivers/dmar_scope.c drivers/pci.c drivers/pci_function.c

# What runs once, or a few times a second, or for a user to read: small is better than fast.
COLD := \
	$(BOOT) $(BOOT_PURE) $(HV_BASE) $(HV_CONFIG) $(HV_LOAD) $(HV_TABLES) $(DRIVERS_PURE) \
	$(HV_MONITOR) $(HV_INVENTORY) $(HV_DMA) $(VTD) $(HV_EMULATION_COLD) $(HV_LEARN) $(HV_TASK) \
	arch/cpu.c arch/cpu_features.c arch/cpuid_host.c arch/descriptors.c arch/arena.c \
	arch/time.c arch/smp.c arch/vmx.c arch/panic.c arch/symbols.c arch/cpu_identity.c \
	arch/mtrr.c arch/paging.c arch/window.c \
	hv/frames.c hv/ept.c hv/preflight.c hv/exit_reason_name.c hv/exit_report.c \
	hv/cpuid_table.c hv/cpuid_frequency.c hv/vcpu_state.c hv/vm_life.c $(HV_TRACE) \
	hv/i8042.c hv/guest_rtc.c hv/cmos.c hv/warm_reset.c hv/readiness.c hv/text_search.c \
	hv/watchdog.c \
	hv/platform.c hv/port_string.c hv/event.c hv/console_focus.c hv/console_keys.c \
	hv/console_receive.c hv/lapic_level.c hv/guest_tsc.c \
	drivers/power.c drivers/rtc.c drivers/vtd_unit.c drivers/pci_config.c drivers/serial.c \
	drivers/ioapic.c hv/lines.c hv/io_bitmap.c arch/lines.c hv/assigned.c hv/assigned_map.c \
	hv/assigned_life.c hv/assigned_message.c hv/assigned_msi.c hv/assigned_msix.c \
	hv/assigned_memory.c hv/assigned_rom.c hv/pci_private.c hv/pci_reset.c hv/usb_handoff.c \
	arch/machine_registers.c

# What runs at every exit, whatever the reason; and the way to a device, in memory
# or at a port, that kernels access all the time.
HOT := \
	arch/vmx_run.c arch/machine_vmcs.c arch/machine_memory.c \
	hv/exit.c hv/vcpu.c hv/cpuid.c hv/msr.c hv/ports.c hv/hypercall.c hv/guest_walk.c \
	hv/guest_paging.c hv/decode.c hv/mmio.c hv/device_memory.c hv/ioapic.c hv/irq.c hv/pic.c \
	hv/pit.c hv/timers.c

# Images with a bug, for the tests of what follows.
CRASHES := build/crash.stripped.elf build/crash_reset.stripped.elf

# What the compiler may call and a host's C library has.
HV_IMAGE_ONLY := hv/memory_functions.c

# Our own guests: guest/NAME.c each, a bzImage made of it and of what they share.
GUESTS := sweep witness triple pending apic storm chaos smp bench timers status rtc serial level \
	operands maps steps warm tsc exits pic raw line assigned watchdog manager lives flood echo
GUEST_LIB := guest/lib.c hv/text.c hv/memory_functions.c

# One guest for each other kind of kernel: guest/kinds.
KINDS := linux32.bin multiboot1.elf addresses.bin multiboot2.elf pvh.elf flat16.bin flat32.bin \
	flat64.bin coreboot.bin bios.bin tasks.elf modes.elf calls.elf calls64.elf

# Starts a bzImage on the bare machine, for comparison: tools/bench.py.
NATIVE := guest/native/native.c boot/multiboot2.c hv/linux.c hv/linux_image.c hv/refusal.c \
	hv/entry_tables.c hv/guest_put.c hv/guest_memory.c hv/text.c hv/memory_functions.c

# Host unit tests: tests/unit/test_NAME.c. The code under test comes from one
# library; fakes_NAME lists what replaces members of it, besides the machine.
UNIT_TESTS := acpi acpi_dmar assigned assigned_msi assigned_msix assigned_rom cmos config config_parts \
	console cpuid cr crash_report decode delivery denied \
	dma_faults dma_reserved dma_sources dma_tables dmar_scope elf elf_symbols emulate ept event exit \
	exit_report findings framebuffer frames guest_acpi guest_kind guest_memory guest_mp_table \
	guest_paging guest_trace guest_tsc i8042 i8042_driver instruction inventory_print ioapic_driver irte \
	json keyboard lapic lapic_base lapic_ipi lapic_level lapic_page learn lines linux log_ring \
	memory_functions memory_map mmio mtrr monitor monitor_command monitor_line msr multiboot1 \
	multiboot2 multiboot2_guest owners panic_record pci pci_config pci_reset pci_scan pci_topology pic \
	pit platform policy ports power preflight pvh recorder restart rtc saved_inventory screen \
	serial serial_pci task_switch text text_search timers toml uart usb_handoff vcpu virtual_ioapic \
	vm_life vtd_unit warm_reset watchdog
fakes_assigned := terminal
fakes_assigned_msi := apic_vm reports terminal
fakes_assigned_msix := apic_vm reports terminal
fakes_console := terminal
fakes_cr := reports terminal
fakes_crash_report := terminal
fakes_delivery := reports
fakes_denied := terminal
fakes_emulate := reports
fakes_event := reports
fakes_exit := reports
fakes_exit_report := terminal
fakes_guest_paging := reports
fakes_i8042 := interrupts terminal
fakes_inventory_print := terminal
fakes_lapic := apic_vm reports terminal
fakes_lapic_base := apic_vm reports terminal
fakes_lapic_ipi := apic_vm reports terminal
fakes_lapic_level := apic_vm reports terminal
fakes_lapic_page := apic_vm reports terminal
fakes_learn := reports terminal
fakes_lines := apic_vm reports terminal
fakes_mmio := reports
fakes_msr := reports terminal
fakes_panic_record := terminal
fakes_pci_scan := pci_space
fakes_policy := reports terminal
fakes_ports := interrupts linear terminal
fakes_saved_inventory := terminal
fakes_task_switch := reports vm_entry
fakes_timers := reports terminal
fakes_uart := interrupts terminal
fakes_vcpu := reports terminal vm_entry
fakes_virtual_ioapic := interrupts
fakes_watchdog := reports

# Parsers of what comes from outside, fed with anything: tests/fuzz/fuzz_NAME.c.
FUZZ_TESTS := acpi config decode dmar json kinds linux monitor multiboot2 pci screen trace

# ---- Tools -------------------------------------------------------------------

# Debian's own, whatever else is first on PATH.
CC := /usr/bin/gcc
LD := /usr/bin/ld
AR := /usr/bin/ar
NM := /usr/bin/nm
OBJCOPY := /usr/bin/objcopy
NASM := nasm
CLANG := clang-14
PYTHON := /usr/bin/python3

MACHINE ?=
CONFIG ?=
PYTEST_ARGS ?=
FUZZ_SECONDS ?= 30

Q := $(if $(V),,@)

# ---- Flags, a reason each ----------------------------------------------------

WARNINGS := -Wall -Wextra -Werror
WARNINGS += -Wswitch-enum             # a new enumerator must be decided about
WARNINGS += -Wenum-conversion         # VMCS fields of one width only
WARNINGS += -Wmissing-prototypes -Wstrict-prototypes
WARNINGS += -Wshadow -Wvla

LANGUAGE := -std=gnu11 -I.
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)/=

IMAGE_FLAGS := -O2 -g
IMAGE_FLAGS += -ffreestanding -nostdlib
IMAGE_FLAGS += -mgeneral-regs-only       # FPU and SSE registers are the guests'
IMAGE_FLAGS += -mno-red-zone             # NMIs use the stack at any time
IMAGE_FLAGS += -mcmodel=kernel           # linked in the top 2 GiB
IMAGE_FLAGS += -fno-pic -fno-pie
IMAGE_FLAGS += -fno-jump-tables          # no indirect branch in the image at all
IMAGE_FLAGS += -fcf-protection=none
IMAGE_FLAGS += -fno-stack-protector      # stacks have guard pages
IMAGE_FLAGS += -fno-omit-frame-pointer   # the backtrace follows frames
IMAGE_FLAGS += -fno-asynchronous-unwind-tables
IMAGE_FLAGS += -ffunction-sections       # what nobody calls is left out

# One unit, so that the seam costs no calls there; a frame less in a backtrace.
COLD_FLAGS := -Oz
HOT_FLAGS := -flto -flto-partition=one -fno-fat-lto-objects -fomit-frame-pointer
HOT_FLAGS += -fno-bit-tests              # looks for a switch's rare cases before its frequent ones

IMAGE_LINK := $(IMAGE_FLAGS) $(HOT_FLAGS) $(REPRODUCIBLE) -frandom-seed=bulkhead -static -no-pie
IMAGE_LINK += -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack

HOST_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_FLAGS += -Itests/fake/ports         # drivers talk to fake ports

FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_FLAGS += -fno-omit-frame-pointer    # whole backtraces
FUZZ_FLAGS += -Itests/fake/ports

GUEST_FLAGS := -O2 -g -ffreestanding -nostdlib -mgeneral-regs-only -mno-red-zone
GUEST_FLAGS += -fno-pic -fno-pie -fcf-protection=none -fno-stack-protector
GUEST_FLAGS += -fno-asynchronous-unwind-tables -ffunction-sections

# ---- Main targets --------------------------------------------------------------

.DELETE_ON_ERROR:
.PHONY: all run iso usb test unit lint boot-tests test-matrix fuzz bench check deps clean help

all: build/bulkhead.stripped.elf build/bulkhead-check ## the image and the checker

run: iso ## boot it and show the console; CONFIG=FILE, MACHINE=bochs|bochs-uefi|qemu-kvm|qemu-tcg
	$(Q)$(PYTHON) tools/run.py --iso build/bulkhead.iso --config $(ISO_CONFIG) \
		$(if $(MACHINE),--machine $(MACHINE))

ISO_CONFIG := $(or $(CONFIG),build/demo/demo.toml)

iso: deps ## build/bulkhead.iso, for CD, USB stick and emulator; CONFIG=FILE, SCREEN=1024x768x32
	$(Q)$(MAKE) --no-print-directory iso-only CONFIG=$(CONFIG) SCREEN=$(SCREEN)

.PHONY: iso-only
iso-only: all $(if $(CONFIG),,demo)
	$(Q)$(PYTHON) tools/make_iso.py $(ISO_CONFIG) build/bulkhead.iso $(if $(SCREEN),--screen $(SCREEN))

usb: ## write the disc to a stick and compare; DEV=/dev/sdX, CONFIG=FILE, FORCE=1
	$(if $(DEV),,$(error say which disk is the stick: make usb DEV=/dev/sdX))
	$(Q)$(MAKE) --no-print-directory iso CONFIG=$(CONFIG)
	$(Q)$(PYTHON) tools/write_usb.py build/bulkhead.iso $(DEV) $(if $(FORCE),--force)

test: deps ## all tests
	$(Q)$(MAKE) --no-print-directory test-only

.PHONY: test-only
test-only: test-programs
	$(Q)$(PYTHON) -m pytest -c tests/pytest.ini --rootdir=tests -n 2 -m "not matrix" $(PYTEST_ARGS) tests

unit: unit-programs ## host unit tests only
	$(Q)$(PYTHON) -m pytest -c tests/pytest.ini --rootdir=tests $(PYTEST_ARGS) tests/unit

lint: all ## layers, second compiler, static analysis, the image's shape
	$(Q)$(PYTHON) -m pytest -c tests/pytest.ini --rootdir=tests $(PYTEST_ARGS) tests/lint

boot-tests: all demo guests kernels $(CRASHES) ## whole machines only
	$(Q)$(PYTHON) -m pytest -c tests/pytest.ini --rootdir=tests -n 2 -m "not matrix" $(PYTEST_ARGS) tests/boot

test-matrix: all demo guests ## the demo on every Intel processor with VT-x that Bochs imitates
	$(Q)$(PYTHON) -m pytest -c tests/pytest.ini --rootdir=tests -n 2 $(PYTEST_ARGS) \
		tests/boot/test_cpu_models.py

fuzz: ## hostile input for every parser; FUZZ_SECONDS=30 for each
	$(Q)sh tools/deps.sh libclang-rt-14-dev
	$(Q)$(MAKE) --no-print-directory fuzz-only

.PHONY: fuzz-only
fuzz-only: $(FUZZ_TESTS:%=build/fuzz/fuzz_%)
	$(Q)$(PYTHON) tests/fuzz/seeds.py build/fuzz/corpus
	$(Q)for name in $(FUZZ_TESTS); do \
		mkdir -p build/fuzz/corpus/$$name; \
		build/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$name- build/fuzz/corpus/$$name \
			>build/fuzz/$$name.log 2>&1 || { tail -n 60 build/fuzz/$$name.log; exit 1; }; \
		sed -n "s/stat::number_of_executed_units: /  FUZZ    $$name: inputs tried: /p" \
			build/fuzz/$$name.log; \
	done

bench: deps ## costs of exits and of Linux' boot: a table, build/bench.json and bench.svg
	$(Q)$(MAKE) --no-print-directory all demo guests
	$(Q)$(PYTHON) tools/bench.py

check: build/bulkhead-check ## the configuration checker, build/bulkhead-check

deps: ## install the Debian packages that are missing
	$(Q)sh tools/deps.sh

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- The image -------------------------------------------------------------------

IMAGE_C := $(BOOT) $(BOOT_PURE) $(ARCH) $(HV) $(HV_IMAGE_ONLY) $(DRIVERS) $(DRIVERS_PURE)
IMAGE_OBJECTS := $(IMAGE_C:%.c=build/image/%.o) $(BOOT_ASM:%.asm=build/image/%.asm.o) \
	$(ARCH_ASM:%.asm=build/image/%.asm.o)

build/image/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) $(IMAGE_FLAGS) $(if $(filter $<,$(HOT)),$(HOT_FLAGS)) \
		$(if $(filter $<,$(COLD)),$(COLD_FLAGS)) $(REPRODUCIBLE) -MMD -MP -c $< -o $@

build/image/%.asm.o: %.asm Makefile
	@mkdir -p $(@D)
	@echo "  NASM    $<"
	$(Q)$(NASM) -f elf64 $< -o $@

# Linked twice: the second time with the names of the first link's functions,
# for backtraces. The table is the image's last section, so nothing moves.
build/bulkhead.first.elf: $(IMAGE_OBJECTS) build/symbols.empty.o linker.ld
	$(Q)$(CC) $(IMAGE_LINK) -T linker.ld -o $@ $(IMAGE_OBJECTS) build/symbols.empty.o

build/bulkhead.elf: build/bulkhead.first.elf build/symbols.o
	@echo "  LD      $@"
	$(Q)$(CC) $(IMAGE_LINK) -T linker.ld -o $@ $(IMAGE_OBJECTS) build/symbols.o

build/symbols.empty.asm: tools/symbols.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/symbols.py </dev/null >$@

build/symbols.asm: build/bulkhead.first.elf tools/symbols.py
	$(Q)$(NM) $< | $(PYTHON) tools/symbols.py >$@

build/symbols%o: build/symbols%asm
	$(Q)$(NASM) -f elf64 $< -o $@

build/bulkhead.stripped.elf: build/bulkhead.elf
	$(Q)$(OBJCOPY) --strip-all $< $@

# The same with a bug in place of one step, for the test of the report.
build/crash.elf: build/symbols.o build/image/tests/boot/crash.o
	$(Q)$(CC) $(IMAGE_LINK) -T linker.ld -o $@ \
		$(filter-out build/image/boot/preflight.o,$(IMAGE_OBJECTS)) \
		build/image/tests/boot/crash.o build/symbols.o

build/crash.stripped.elf: build/crash.elf
	$(Q)$(OBJCOPY) --strip-all $< $@

# And one that a reset follows, as by the button.
build/crash_reset.elf: build/crash.elf build/image/tests/boot/crash_reset.o
	$(Q)$(CC) $(IMAGE_LINK) -T linker.ld -o $@ -Wl,--wrap=boot_preflight -Wl,--wrap=console_flush \
		$(filter-out build/image/boot/preflight.o,$(IMAGE_OBJECTS)) \
		build/image/tests/boot/crash.o build/image/tests/boot/crash_reset.o build/symbols.o

build/crash_reset.stripped.elf: build/crash_reset.elf
	$(Q)$(OBJCOPY) --strip-all $< $@

# ---- Host programs: the checker and the unit tests --------------------------------

HOST_C := $(HV) $(BOOT_PURE) $(DRIVERS) $(DRIVERS_PURE) tools/saved_inventory.c \
	tools/saved_functions.c tools/saved_parts.c tests/fake/machine.c tests/fake/images.c
HOST_OBJECTS := $(HOST_C:%.c=build/host/%.o)

build/host/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_FLAGS) $(LANGUAGE) $(WARNINGS) -MMD -MP -c $< -o $@

build/host/libhv.a: $(HOST_OBJECTS)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

CHECK_C := $(filter-out hv/log.c hv/log_ring.c hv/panic_record.c hv/calendar.c,$(HV_BASE)) \
	$(HV_CONFIG) $(HV_LOAD) hv/guest_memory.c hv/ept.c hv/frames.c hv/pci_topology.c \
	hv/pci_class.c
CHECK_SVG := tools/check_svg.c tools/svg_draw.c tools/svg_grid.c tools/svg_cpus.c \
	tools/svg_devices.c tools/svg_guests.c tools/svg_memory.c tools/memory_parts.c
build/bulkhead-check: tools/bulkhead_check.c tools/saved_inventory.c tools/saved_functions.c tools/saved_parts.c $(CHECK_SVG) \
		$(CHECK_C) $(wildcard hv/*.h tools/*.h)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) -O2 -g $(LANGUAGE) $(WARNINGS) $(filter %.c,$^) -o $@

.PHONY: unit-programs
unit-programs: $(UNIT_TESTS:%=build/unit/test_%)

.SECONDEXPANSION:
build/unit/test_%: build/host/tests/unit/test_%.o $$(addprefix build/host/tests/fake/,$$(addsuffix .o,$$(fakes_$$*))) build/host/libhv.a
	@mkdir -p $(@D)
	@echo "  UNIT    $@"
	$(Q)$(CC) $(HOST_FLAGS) -o $@ $^ -lcmocka $(libs_$*)

libs_decode := -lZydis
libs_instruction := -lZydis
libs_lapic := -Wl,--wrap=machine_msr_read # the test has a hardware's ESR
libs_ept := -Wl,--wrap=frames_store # the test sees every store into a table
# The test has memory as devices see it: what was published.
libs_dma_tables := -Wl,--wrap=machine_memory_publish
libs_irte := -Wl,--wrap=machine_memory_publish
libs_panic_record := -Wl,--wrap=machine_memory_publish
# Requests go to the test's mailboxes, and it looks at memory when it is zeroed.
libs_vm_life := -Wl,--wrap=machine_request -Wl,--wrap=machine_memory_zero -Wl,--wrap=machine_end \
	-Wl,--wrap=console_vm_stopped

.PRECIOUS: build/host/%.o

# ---- Fuzzers: the same sources, by the compiler that brings libFuzzer --------------

build/fuzz/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(LANGUAGE) $(WARNINGS) -MMD -MP -c $< -o $@

build/fuzz/libhv.a: $(HOST_C:%.c=build/fuzz/%.o)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o build/fuzz/libhv.a
	@echo "  LD      $@"
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^

.PRECIOUS: build/fuzz/%.o

# ---- Guests: the demo's Linux, and our own -----------------------------------------

.PHONY: demo guests test-programs
demo: build/demo/vmlinuz build/demo/initrd build/demo/demo.toml

build/demo/vmlinuz build/demo/busybox &: tools/fetch_demo.sh
	@echo "  FETCH   Debian's kernel and busybox"
	$(Q)sh tools/fetch_demo.sh build/demo

build/demo/initrd: build/demo/busybox guest/demo/init tools/make_initrd.py
	$(Q)$(PYTHON) tools/make_initrd.py build/demo/busybox guest/demo/init $@

build/demo/demo.toml: guest/demo/demo.toml
	@mkdir -p $(@D)
	$(Q)cp $< $@

# Kernels of others that are started in other ways than the demo's.
FETCHED_KERNELS := $(addprefix build/kernels/,memtest86+ia32.bin memtest86+x64.bin grub.elf ipxe.lkrn \
	vmlinuz-amd64 vmlinuz-rt-amd64 ib700wdt.ko)

.PHONY: kernels
kernels: $(FETCHED_KERNELS) $(addprefix build/kernels/,vmlinux vmlinux-amd64 vmlinux-rt-amd64)

$(FETCHED_KERNELS) &: tools/fetch_kernels.sh
	@echo "  FETCH   Debian's memtest86+, GRUB, iPXE and Linux"
	$(Q)sh tools/fetch_kernels.sh build/kernels

build/kernels/vmlinux-%: build/kernels/vmlinuz-% tools/extract_vmlinux.py
	$(Q)$(PYTHON) tools/extract_vmlinux.py $< $@

build/kernels/vmlinux: build/demo/vmlinuz tools/extract_vmlinux.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/extract_vmlinux.py $< $@

guests: $(GUESTS:%=build/guest/%.bin) $(KINDS:%=build/guest/kinds/%) \
	build/native/native.elf build/native/tsc

build/guest/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) $(GUEST_FLAGS) -MMD -MP -c $< -o $@

build/guest/%.asm.o: %.asm Makefile
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -Wall $< -o $@

GUEST_LINK := -nostdlib -static --build-id=none --gc-sections -z noexecstack -z max-page-size=4096 \
	--no-warn-rwx-segments

# Its memory is the machine's, which has a hole from 1 MiB on.
link_assigned := --defsym=guest_load_address=0x1800000

build/guest/%.elf: build/guest/guest/%.o $(GUEST_LIB:%.c=build/guest/%.o) \
		build/guest/guest/start.asm.o guest/guest.ld
	@echo "  GUEST   $@"
	$(Q)$(LD) $(GUEST_LINK) $(link_$*) -T guest/guest.ld -o $@ $(filter %.o,$^)

build/guest/%.bin: build/guest/%.elf
	$(Q)$(OBJCOPY) -O binary $< $@

# Kernels of 32 bits; one of them says by the addresses in its header where it goes.
KIND_FLAGS := $(filter-out -mno-red-zone,$(GUEST_FLAGS)) -m32 -march=i686
linux32_DEFINES := -DLINUX
multiboot1_DEFINES := -DMULTIBOOT1
addresses_DEFINES := -DADDRESSES
multiboot2_DEFINES := -DMULTIBOOT2
pvh_DEFINES := -DPVH
tasks_DEFINES := -DMULTIBOOT1
modes_DEFINES := -DMULTIBOOT1
calls_DEFINES := -DMULTIBOOT1

# Each of its functions is one, with a frame that the report of its end follows.
CALLS_FLAGS := -O0
build/guest/kinds/calls.o: KIND_FLAGS += $(CALLS_FLAGS)

build/guest/kinds/%.o: guest/kinds/%.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) $(KIND_FLAGS) $($*_DEFINES) -MMD -MP -c $< -o $@

build/guest/kinds/addresses.o: guest/kinds/multiboot1.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) $(KIND_FLAGS) $(addresses_DEFINES) -MMD -MP -c $< -o $@

build/guest/kinds/%.entry.o: guest/kinds/entry.asm Makefile
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf32 -Wall $($*_DEFINES) $< -o $@

build/guest/kinds/%.elf32: build/guest/kinds/%.o build/guest/kinds/%.entry.o \
		build/guest/kinds/kinds.o guest/kinds/kinds.ld
	@echo "  GUEST   $@"
	$(Q)$(LD) -m elf_i386 -nostdlib -static --build-id=none -z noexecstack -z max-page-size=4096 \
		--no-warn-rwx-segments -T guest/kinds/kinds.ld -o $@ $(filter %.o,$^)

build/guest/kinds/multiboot2.elf: build/guest/kinds/multiboot2.elf32
	$(Q)$(OBJCOPY) -I elf32-i386 -O elf64-x86-64 $< $@

build/guest/kinds/%.elf: build/guest/kinds/%.elf32
	$(Q)cp $< $@

build/guest/kinds/addresses.bin build/guest/kinds/linux32.bin: build/guest/kinds/%.bin: \
		build/guest/kinds/%.elf32
	$(Q)$(OBJCOPY) -O binary -R .far $< $@

build/guest/kinds/calls64.o: guest/kinds/calls.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) $(GUEST_FLAGS) $(CALLS_FLAGS) -mcmodel=kernel -MMD -MP \
		-c $< -o $@

build/guest/kinds/calls64.entry.o: guest/kinds/calls64.asm Makefile
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -Wall $< -o $@

build/guest/kinds/calls64.elf: build/guest/kinds/calls64.o build/guest/kinds/calls64.entry.o \
		guest/kinds/calls64.ld
	@echo "  GUEST   $@"
	$(Q)$(LD) $(GUEST_LINK) -T guest/kinds/calls64.ld -o $@ $(filter %.o,$^)

flat16_ORIGIN := 0x7C00
flat32_ORIGIN := 0x100000
flat64_ORIGIN := 0x10000
build/guest/kinds/flat%.bin: guest/kinds/flat.asm Makefile
	@mkdir -p $(@D)
	@echo "  GUEST   $@"
	$(Q)$(NASM) -f bin -Wall -DMODE=$* -DORIGIN=$(flat$*_ORIGIN) $< -o $@

build/guest/kinds/coreboot.bin build/guest/kinds/bios.bin: build/guest/kinds/%.bin: \
		guest/kinds/%.asm Makefile
	@mkdir -p $(@D)
	@echo "  GUEST   $@"
	$(Q)$(NASM) -f bin -Wall -DLOAD=0x1000000 $< -o $@

build/native/native.elf: $(NATIVE:%.c=build/guest/%.o) build/guest/guest/native/entry.asm.o \
		guest/native/native.ld
	@mkdir -p $(@D)
	@echo "  NATIVE  $@"
	$(Q)$(LD) $(GUEST_LINK) -s -T guest/native/native.ld -o $@ $(filter %.o,$^)

# A program for Linux that says what the TSC is.
build/native/tsc: guest/native/tsc.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -Os -ffreestanding -nostdlib -static -fno-pie -no-pie \
		-fno-stack-protector -s $< -o $@

.PRECIOUS: build/guest/%.o build/guest/%.asm.o build/guest/%.elf build/guest/kinds/%.o \
	build/guest/kinds/%.entry.o build/guest/kinds/%.elf32

test-programs: all demo guests kernels unit-programs $(CRASHES)

-include $(shell find build/image build/host build/guest build/fuzz -type f -name '*.d' 2>/dev/null)
