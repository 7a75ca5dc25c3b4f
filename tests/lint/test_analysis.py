# SPDX-License-Identifier: MIT
"""What a second compiler and a static analyser say about the sources."""

import subprocess

CLANG = ("clang-14", "-std=gnu11", "-fsyntax-only", "-O2", "-ffreestanding", "-mgeneral-regs-only",
         "-mno-red-zone", "-mcmodel=kernel", "-fno-pic", "-I.", "-Wall", "-Wextra",
         "-Wswitch-enum", "-Wenum-conversion", "-Wmissing-prototypes", "-Wstrict-prototypes",
         "-Wshadow", "-Wvla", "-Werror")

# warning, performance and portability; style is ours to judge.
CPPCHECK = ("cppcheck", "--quiet", "--error-exitcode=1", "--std=c11", "--platform=unix64", "-I.",
            "--enable=warning,performance,portability", "--inline-suppr", "--max-configs=1",
            "--suppress=missingIncludeSystem", "--suppress=toomanyconfigs",
            # Section borders of linker.ld are compared and subtracted as pointers.
            "--suppress=comparePointers", "--suppress=subtractPointers",
            # It takes the pointer in a returned struct for that struct's own memory.
            "--suppress=danglingTemporaryLifetime:hv/config_parse.c",
            "--template={file}:{line}: {id}: {message}")


def run(command, files, directory):
    done = subprocess.run([*command, *files], cwd=directory, capture_output=True, text=True,
                          timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def sources(image_sources):
    return [path for path in image_sources if path.endswith(".c")]


def test_clang_agrees(root, image_sources):
    status, output = run(CLANG, sources(image_sources), root)
    assert status == 0, output


def test_clang_sees_a_mistake(tmp_path):
    (tmp_path / "bad.c").write_text("int f(int a) { return a; }\n")
    status, output = run(CLANG, ["bad.c"], tmp_path)
    assert status != 0 and "prototype" in output


def test_cppcheck_has_nothing_to_say(root, image_sources):
    status, output = run(CPPCHECK, sources(image_sources), root)
    assert status == 0, output


def test_cppcheck_sees_a_mistake(tmp_path):
    (tmp_path / "bad.c").write_text("int f(void) { int a[2]; a[2] = 0; return a[2]; }\n")
    status, output = run(CPPCHECK, ["bad.c"], tmp_path)
    assert status != 0 and "arrayIndexOutOfBounds" in output
