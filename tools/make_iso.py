#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes a bootable disc from a configuration and the images that it names.

The images lie beside the configuration. The disc boots by BIOS and by UEFI,
and from a USB stick. This tool does not judge the configuration: Bulkhead
does, at boot, where the user reads the reasons. So a configuration that is
not even TOML still makes a disc, and so does one that names a missing image.
"""

import argparse
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib

import acpi_tables

IMAGE_KEYS = ("kernel", "initrd")
# The partition maps are what the UEFI image looks for before it reads its configuration.
MODULES = (
    "multiboot2 serial acpi all_video iso9660 fat echo test sleep "
    "part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_gpt part_msdos part_plan "
    "part_sun part_sunpc")

# No menu: GRUB runs this and is gone. Its own messages, if something fails,
# go to the screen and to the serial line.
GRUB_CONFIGURATION = """\
set timeout=0
if serial --unit=0 --speed=115200; then
    terminal_output console serial
fi
insmod all_video
{acpi}
{before}
if multiboot2 /boot/bulkhead.elf; then
{screen}    module2 --nounzip /boot/config.toml config
{modules}    boot
fi
echo "GRUB could not load Bulkhead; the lines above say why."
"""


# Bulkhead takes any screen. On a BIOS it is text unless this is told otherwise;
# UEFI has none, so there it is what the firmware prefers.
TEXT_SCREEN = """\
    if [ "$grub_platform" = pc ]; then
        set gfxpayload=text
    fi
"""


def screen_command(mode):
    """GRUB's lines for this mode, as in 1024x768x32, or for the usual one."""
    if not mode:
        return TEXT_SCREEN
    if not re.fullmatch(r"text|auto|keep|\d+x\d+(x\d+)?", mode):
        raise SystemExit(f"{mode!r} is no screen mode; write text, auto or as in 1024x768x32")
    return f"    set gfxpayload={mode}\n"


def named_by(guest):
    """What a guest's table names: images, and of its modules the files."""
    modules = [module.split(" ")[0] for module in guest.get("modules", [])]
    return [guest.get(key) for key in IMAGE_KEYS] + modules


def named_in_broken(text):
    """The same from a text that is no TOML, as far as it can be seen."""
    keys = "|".join(IMAGE_KEYS)
    named = re.findall(rf'^\s*(?:{keys})\s*=\s*"([^"\n]*)"', text, re.MULTILINE)
    for modules in re.findall(r"^\s*modules\s*=\s*\[([^]]*)", text, re.MULTILINE):
        named += re.findall(r'"([^" \n]*)', modules)[::2]
    return named


def image_names(text):
    """The distinct images that a configuration names, in its order."""
    try:
        guests = tomllib.loads(text).get("vm", [])
        named = [name for guest in guests for name in named_by(guest)]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        named = named_in_broken(text)
    return list(dict.fromkeys(name for name in named if isinstance(name, str)))


def complaint_about(name, directory):
    """Why this image cannot go on the disc, or None."""
    if not re.fullmatch(r"[A-Za-z0-9._+~-]{1,63}", name) or name in (".", ".."):
        return f"{name!r} is not a plain file name"
    if not (directory / name).is_file():
        return f"{directory / name} does not exist"
    return None


def stage(config, kernel, root, strict, acpi_cpus, also, screen, before):
    """Lays out the disc's files under `root`; returns the warnings."""
    boot = root / "boot"
    (boot / "grub").mkdir(parents=True)
    shutil.copyfile(kernel, boot / "bulkhead.elf")
    shutil.copyfile(config, boot / "config.toml")
    warnings, modules = [], ""
    named = image_names(config.read_text(errors="replace"))
    for name in dict.fromkeys([*named, *also]):
        complaint = complaint_about(name, config.parent)
        if complaint:
            warnings.append(complaint)
            continue
        target = boot / "images" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(config.parent / name, target)
        modules += f"    module2 --nounzip /boot/images/{name} {name}\n"
    if warnings and strict:
        raise SystemExit("\n".join(f"{config}: {warning}" for warning in warnings))
    (boot / "grub" / "grub.cfg").write_text(GRUB_CONFIGURATION.format(
        acpi=stage_acpi(boot, acpi_cpus), modules=modules, screen=screen_command(screen),
        before=before))
    return warnings


def stage_acpi(boot, cpus):
    """Adds tables for `cpus` CPUs, if any; returns GRUB's command for them."""
    if not cpus:
        return ""
    tables = acpi_tables.all_tables(cpus)
    for name, contents in tables.items():
        (boot / name).write_bytes(contents)
    return "acpi " + " ".join(f"/boot/{name}" for name in tables)


def make_iso(config, out, kernel, strict=False, acpi_cpus=0, also=(), screen="",
             before=""):
    """Writes `out`; returns warnings about images that were left out.

    `also` names further images beside the configuration that go on the disc.
    `screen` is the mode that GRUB sets, `before` what it does before it loads anything.
    """
    with tempfile.TemporaryDirectory(prefix="bulkhead-iso-") as directory:
        root = pathlib.Path(directory)
        warnings = stage(config, kernel, root, strict, acpi_cpus, also, screen, before)
        command = ["grub-mkrescue", "-o", str(out), "--fonts=", "--locales=", "--themes=",
                   f"--install-modules={MODULES}{' wrmsr' if before else ''}", str(root), "--", "-volid", "BULKHEAD"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}grub-mkrescue failed: {shlex.join(command)}")
    return warnings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=pathlib.Path, help="the configuration, a TOML file")
    parser.add_argument("out", type=pathlib.Path, help="the disc image to write")
    parser.add_argument("--kernel", type=pathlib.Path, default="build/bulkhead.stripped.elf",
                        help="Bulkhead's image (default: %(default)s)")
    parser.add_argument("--strict", action="store_true", help="a missing image is an error")
    parser.add_argument("--acpi-cpus", type=int, default=0, metavar="N",
                        help="add ACPI tables for a machine that has none, with N CPUs")
    parser.add_argument("--screen", default="", metavar="MODE",
                        help="text, auto, or as in 1024x768x32 (default: text on a BIOS, auto on UEFI)")
    arguments = parser.parse_args()
    for path in (arguments.config, arguments.kernel):
        if not path.is_file():
            raise SystemExit(f"{path} does not exist")
    for warning in make_iso(arguments.config, arguments.out, arguments.kernel,
                            arguments.strict, arguments.acpi_cpus,
                            screen=arguments.screen):
        print(f"{arguments.config}: left out of the disc: {warning}", file=sys.stderr)


if __name__ == "__main__":
    main()
