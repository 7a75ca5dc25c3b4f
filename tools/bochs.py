# SPDX-License-Identifier: MIT
"""How Bochs is told to be our machine.

Debian's Bochs has its debugger built in: it starts stopped and reads its
commands from a file, ours says `c`. It has no display-less mode; the VNC
display without a client is one. The serial line is a socket on which Bochs
takes a byte only when the UART has room for it, so none is lost.
"""

PROGRAM = "bochs-bin"             # `bochs` is a shell script around it
BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGA_BIOS = "/usr/share/bochs/VGABIOS-lgpl-latest"
OVMF = "/usr/share/ovmf/OVMF.fd"

# One instruction is one tick of the clock: 100 MHz. `sync=none` lets it run
# as fast as the host can. OVMF reads MSRs that the model does not have.
CONFIGURATION = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={memory_mib}, host={memory_mib}
romimage: file={firmware}
vgaromimage: file={vga_bios}
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
cpu: count={cpus}, model={model}, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none, time0=utc
com1: enabled=1, mode=socket-client, dev="localhost:{port}"
sound: driver=dummy
speaker: enabled=0
log: emulator.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


def command(spec, port, directory):
    """Writes the files that Bochs reads; returns the command that starts it."""
    uefi = spec.name == "bochs-uefi"
    (directory / "bochsrc").write_text(CONFIGURATION.format(
        memory_mib=spec.memory_mib, cpus=spec.cpus, model=spec.model, iso=spec.iso.resolve(), port=port,
        firmware=OVMF if uefi else BIOS + ", options=fastboot", vga_bios=VGA_BIOS)
        + "".join(f"{line}\n" for line in spec.more))
    (directory / "debugger").write_text("c\n")
    return [PROGRAM, "-q", "-f", "bochsrc", "-rc", "debugger"]
