# SPDX-License-Identifier: MIT
"""The sources: layers, where assembly is, and that nothing is forgotten."""

import rules


def complaints(check, texts):
    return [line for path, text in texts.items() for line in check(path, text)]


def test_each_file_includes_only_what_its_layer_may_know(image_sources):
    assert not complaints(rules.layer_complaints, image_sources)


def test_a_file_that_includes_from_above_is_seen():
    for path, text in (("hv/ept.c", '#include "arch/insn.h"'),
                       ("hv/ept.c", "#include <string.h>"),
                       ("arch/spec/msr.h", '#include "hv/addr.h"'),
                       ("drivers/serial.c", '#include "hv/vm.h"'),
                       ("arch/cpu.c", '#include "boot/boot.h"'),
                       ("boot/multiboot2.c", '# include "arch/cpu.h"')):
        assert rules.layer_complaints(path, text), path


def test_assembly_is_only_where_it_belongs(image_sources):
    assert not complaints(rules.assembly_complaints, image_sources)


def test_assembly_elsewhere_is_seen():
    assert rules.assembly_complaints("hv/ept.c", '    __asm__ volatile("hlt");')
    assert rules.assembly_complaints("boot/main.c", 'asm("hlt");')
    assert not rules.assembly_complaints("boot/main.c", "/* asm(hlt) */ int a; // asm (x)")


def test_controls_are_written_only_where_it_was_decided(image_sources):
    assert not complaints(rules.control_complaints, image_sources)
    for path in rules.CONTROL_WRITERS:
        assert "_CONTROLS" in image_sources[path]


def test_controls_written_elsewhere_are_seen():
    for line in ("machine_vmwrite_32(VMCS_PRIMARY_CONTROLS, 0);",
                 "vmcs_write_32(VMCS_SECONDARY_CONTROLS, 0);",
                 "machine_vmwrite_32(\n    VMCS_PIN_BASED_CONTROLS, 0);"):
        assert rules.control_complaints("hv/cr.c", line), line
    assert not rules.control_complaints("hv/cr.c", "machine_vmread_32(VMCS_PRIMARY_CONTROLS)")


def test_no_unfinished_thought_and_no_machine_of_ours(all_texts):
    assert not complaints(rules.text_complaints, all_texts)


def test_unfinished_thoughts_and_paths_are_seen():
    for line in ("/* TODO: all */", "see /home/" "someone/file", "blank at the end "):
        assert rules.text_complaints("hv/ept.c", line), line


def test_every_source_is_in_the_makefile(root, image_sources):
    listed = (root / "Makefile").read_text()
    sources = [path for path in image_sources if path.endswith(".c")]
    sources += [str(path.relative_to(root)) for directory in ("boot", "arch")
                for path in (root / directory).glob("*.asm")]
    assert not [path for path in sources if path not in listed]


def test_no_two_files_of_tests_have_the_same_name(root):
    paths = [str(path.relative_to(root)) for path in (root / "tests").rglob("test_*.py")]
    assert paths and not rules.module_complaints(paths)


def test_two_files_of_the_same_name_are_seen():
    assert rules.module_complaints(["tests/boot/test_a.py", "tests/tools/test_a.py"])


def test_nothing_is_imported_from_a_conftest(all_texts):
    assert not complaints(rules.conftest_complaints, all_texts)


def test_an_import_from_a_conftest_is_seen():
    assert rules.conftest_complaints("tests/boot/test_a.py", "import os\nfrom conftest import disc\n")


def test_every_source_says_its_licence(image_sources):
    assert not [path for path, text in image_sources.items()
                if "SPDX-License-Identifier: MIT" not in "".join(text.splitlines(True)[:2])]


def test_every_line_of_the_preflight_is_explained_to_the_user(root):
    assert not rules.preflight_complaints((root / "hv/preflight.c").read_text(),
                                          (root / "docs/hardware.md").read_text())


def test_an_unexplained_line_of_the_preflight_is_seen():
    row = '    { "EPT", SOURCE_SECONDARY, SECONDARY_ENABLE_EPT, REQUIRED,\n'
    assert rules.preflight_complaints(row, "`VPID`")
    assert rules.preflight_complaints("", "`EPT`")
    assert not rules.preflight_complaints(row, "`EPT`")
