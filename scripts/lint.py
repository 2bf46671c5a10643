#!/usr/bin/env python3
"""What grep can say about the source: layers, banned words, lengths, links, names of machines.

    scripts/lint.py [--root DIR]

Prints one line a finding, "file:line: what", and exits 1 when there is one. tests/test_lint.py feeds it bad
snippets.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

LINES_ASKED, LINES_REFUSED = 500, 800
# Modules that may include Asio, and those that may read a clock.
SHELL = {"net", "serve", "admin", "app"}
CODE = (".h", ".cc")
TEXT = CODE + (".py", ".md", ".txt", ".cmake", ".json", ".toml", ".sh", ".ts", ".tsx", ".css", ".html", ".dict", ".service")

BANNED = [
    (r"\bv?sn?printf\s*\(", "printf family: use fmt"),
    (r"\bstd::regex\b|#include <regex>", "std::regex: slow, unbounded recursion"),
    (r"\bstd::format\b|#include <format>", "std::format: not in g++ 12; use fmt"),
    (r"\bstd::(ranges::)?views::", "std::views: clang 14 cannot compile them"),
    (r"\bsystem\s*\(|\bpopen\s*\(", "a shell"),
    (r"\b(strcpy|strcat|gets|strtok|tmpnam|mktemp|alloca)\s*\(", "an unsafe C function"),
    (r"\brand\s*\(\s*\)|\bsrand\s*\(", "rand: take randomness as an argument"),
    # A private constructor leaves make_unique out: then the owner must stand around the new.
    (r"(?<![(])\bnew\s+[A-Za-z_:]+\s*[({\[]", "new: use make_unique"),
]
CLOCKS = r"\b(system_clock|steady_clock|high_resolution_clock)::now\b|\b(gettimeofday|clock_gettime)\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)"
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE = re.compile(r"(?<![A-Za-z0-9_.$}~])/(work|root|home/[a-z]+|farm)/")


def tracked(root):
    """Every file of the project that is, or may come, under version control."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            capture_output=True)
    if listed.returncode == 0:
        names = {n for n in listed.stdout.decode().split("\0") if n}
        return sorted(root / n for n in names if (root / n).is_file())
    return sorted(p for p in root.rglob("*") if p.is_file() and ".git" not in p.parts)


def without_comments(code, keep_strings=True):
    """The same number of lines, comments blanked; strings too when asked."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

    def blank(match):
        text = match.group(0)
        if text[0] in "\"'R" and keep_strings:
            return text
        return re.sub(r"[^\n]", " ", text)

    return pattern.sub(blank, code)


def at(code, position):
    return code.count("\n", 0, position) + 1


class Lint:
    def __init__(self, root):
        self.root = root
        self.found = []
        self.asked = []
        self.layers = self.read_layers()

    def report(self, path, line, what):
        self.found.append(f"{path.relative_to(self.root)}:{line}: {what}")

    def read_layers(self):
        modules = self.root / "cmake/Modules.cmake"
        if not modules.exists():
            return {}
        return {name: int(layer) for name, layer in re.findall(r"set\(SIMS_LAYER_(\w+) (\d+)\)", modules.read_text())}

    def module_of(self, relative):
        """The module a path below src/ belongs to: "proto/smtp/reply.h" is of proto_smtp."""
        parts = Path(relative).parts
        if len(parts) >= 3 and f"{parts[0]}_{parts[1]}" in self.layers:
            return f"{parts[0]}_{parts[1]}"
        return parts[0] if parts and parts[0] in self.layers else None

    def run(self):
        for path in tracked(self.root):
            relative = path.relative_to(self.root)
            if relative.parts[0] in ("build", "demo") or "corpus" in relative.parts:
                continue
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            if path.suffix in TEXT or path.parent.name in ("scripts", ".ci"):
                self.blanks(path, text)
                self.words(path, text)
            if path.suffix in CODE or path.suffix == ".py":
                self.length(path, text)
            if path.suffix == ".md":
                self.links(path, text)
            if path.suffix in CODE and relative.parts[0] == "src":
                self.code(path, text)
        self.man_pages()
        return self.found

    def blanks(self, path, text):
        if path.suffix in CODE:
            # A raw string is data: transcripts have lines that end in a blank.
            text = re.sub(r'R"(\w*)\(.*?\)\1"', lambda raw: re.sub(r"[^\n]", ".", raw[0]), text, flags=re.S)
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                self.report(path, number, "blanks at the end of the line")
            if "\t" in line and path.suffix != ".md":
                self.report(path, number, "a tab")
        if text and not text.endswith("\n"):
            self.report(path, at(text, len(text)), "no line end at the end of the file")

    def words(self, path, text):
        for match in UNFINISHED.finditer(text):
            self.report(path, at(text, match.start()), f"{match.group(0)}: finish it, or file an issue")
        for match in MACHINE.finditer(text):
            self.report(path, at(text, match.start()), f"a path of one machine: {match.group(0)}")

    def length(self, path, text):
        lines = text.count("\n")
        if lines > LINES_REFUSED:
            self.report(path, lines, f"{lines} lines, more than {LINES_REFUSED}: split it")
        elif lines > LINES_ASKED:
            self.asked.append(f"{path.relative_to(self.root)}: {lines} lines: is it one thing?")

    def links(self, path, text):
        for match in re.finditer(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)):
            target = match.group(1).split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            if not (path.parent / target).exists():
                self.report(path, at(text, match.start()), f"dead link: {target}")

    def code(self, path, text):
        code = without_comments(text)
        bare = without_comments(text, keep_strings=False)
        relative = path.relative_to(self.root / "src")
        module = self.module_of(relative)
        is_test = path.stem.endswith(("_test", "_fuzz", "_bench"))
        if module is None:
            self.report(path, 1, "of no module of cmake/Modules.cmake")
            return
        self.includes(path, code, module)
        for pattern, why in BANNED:
            for match in re.finditer(pattern, bare):
                self.report(path, at(bare, match.start()), f"{match.group(0).strip()} is banned: {why}")
        if module not in SHELL and not is_test:
            for match in re.finditer(CLOCKS, bare):
                self.report(path, at(bare, match.start()), f"{match.group(0)}: below net, time is an argument")
        if path.suffix == ".h":
            if "#pragma once" not in code:
                self.report(path, 1, "no #pragma once")
            if not text.startswith("//"):
                self.report(path, 1, "a header begins with what it is, and what it does not do")
            for match in re.finditer(r"\busing\s+namespace\b", bare):
                self.report(path, at(bare, match.start()), "using namespace in a header")

    def includes(self, path, code, module):
        for match in re.finditer(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', code, re.M):
            kind, name = match.groups()
            line = at(code, match.start(2))
            if kind == "<":
                if re.match(r"boost/(asio|beast)[./]", name) and module not in SHELL:
                    self.report(path, line, f"{name}: only net, serve, admin and app know Asio")
                continue
            other = self.module_of(name)
            if other is None:
                self.report(path, line, f'"{name}" is no path of a module below src/')
            elif other != module and self.layers[other] >= self.layers[module]:
                if not (other in ("proto_common", "proto_sasl") and module.startswith("proto_")):
                    self.report(path, line, f'"{name}": {module} (layer {self.layers[module]}) may not use {other} '
                                            f"(layer {self.layers[other]})")

    def man_pages(self):
        """One for each program, one for each format people write."""
        app = self.root / "src/app/CMakeLists.txt"
        if not app.exists():
            return
        wanted = [(name, "18") for name in re.findall(r"add_executable\((\w+)", app.read_text())
                  if not name.endswith(("_test", "_fuzz"))]
        wanted.append(("sims.toml", "5"))
        for name, sections in wanted:
            if not any((self.root / f"man/{name}.{section}").exists() for section in sections):
                self.report(app, 1, f"no man page man/{name}.{sections[0]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    lint = Lint(parser.parse_args().root.resolve())
    found = lint.run()
    print("\n".join(found + [f"{line} (a question, not a failure)" for line in lint.asked]), end="\n" if found or lint.asked else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
