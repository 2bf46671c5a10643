"""scripts/lint.py and the trap finder against snippets they must refuse, and their right forms."""
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEADER = "// What it is.\n#pragma once\n"


def lint(tree, files):
    shutil.copytree(ROOT / "cmake", tree / "cmake", dirs_exist_ok=True)
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run(["/usr/bin/python3", ROOT / "scripts/lint.py", "--root", tree], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == (1 if any("not a failure" not in line for line in done.stdout.splitlines()) else 0)
    return done.stdout


BAD = [
    ("src/mail/x.h", HEADER + '#include "store/mailbox_store.h"\n', "mail (layer 1) may not use store (layer 3)"),
    ("src/net/x.h", HEADER + '#include "office/post_office.h"\n', "net (layer 4) may not use office (layer 4)"),
    ("src/proto/smtp/x.h", HEADER + '#include "proto/pop3/y.h"\n', "may not use proto_pop3"),
    ("src/base/x.h", HEADER + '#include "nowhere/y.h"\n', "no path of a module"),
    ("src/office/x.cc", "#include <boost/asio.hpp>\n", "only net, serve, admin and app know Asio"),
    ("src/queue/x.cc", "#include <boost/beast/http.hpp>\n", "only net, serve, admin and app know Asio"),
    ("src/lost/x.cc", "int x;\n", "of no module"),
    ("src/base/x.cc", "void f(char* p) { sprintf(p, \"x\"); }\n", "use fmt"),
    ("src/base/x.cc", "void f(char* p) { snprintf(p, 1, \"x\"); }\n", "use fmt"),
    ("src/base/x.cc", "std::regex r;\n", "std::regex"),
    ("src/base/x.cc", "auto f() { return std::system(\"ls\"); }\n", "a shell"),
    ("src/base/x.cc", "auto p = new Thing(1);\n", "make_unique"),
    ("src/queue/x.cc", "auto t = std::chrono::system_clock::now();\n", "time is an argument"),
    ("src/queue/x.cc", "auto t = std::chrono::steady_clock::now();\n", "time is an argument"),
    ("src/base/x.h", HEADER + "using namespace std;\n", "using namespace"),
    ("src/base/x.h", "#pragma once\n", "begins with what it is"),
    ("src/base/x.h", "// What it is.\n", "no #pragma once"),
    ("src/base/x.cc", "// TO" "DO: later\n", "finish it"),
    ("src/base/x.cc", "// FIX" "ME\n", "finish it"),
    ("src/base/x.cc", "int x; \n", "blanks at the end"),
    ("src/base/x.cc", "\tint x;\n", "a tab"),
    ("src/base/x.cc", "int x;", "no line end"),
    ("src/base/x.cc", "int x;\n" * 801, "more than 800"),
    ("README.md", "See [there](docs/nowhere.md).\n", "dead link: docs/nowhere.md"),
    ("docs/a.md", "Built in /ro" "ot/sims.\n", "a path of one machine"),
    ("tests/a.py", "base = '/ho" "me/joe/x'\n", "a path of one machine"),
    ("src/app/CMakeLists.txt", "add_executable(sims main.cc)\n", "no man page man/sims.1"),
]


@pytest.mark.parametrize("name, text, said", BAD, ids=[said for _, _, said in BAD])
def test_is_found(tmp_path, name, text, said):
    found = lint(tmp_path, {name: text})
    assert said in found
    assert found.startswith(f"{name}:")


GOOD = [
    ("src/store/x.h", HEADER + '#include "mail/address.h"\n#include "store/y.h"\n#include <vector>\n'),
    ("src/proto/smtp/x.h", HEADER + '#include "proto/common/reply.h"\n#include "proto/smtp/command.h"\n'),
    ("src/net/x.cc", "#include <boost/asio.hpp>\nauto t = std::chrono::steady_clock::now();\n"),
    ("src/queue/x_test.cc", "auto t = std::chrono::steady_clock::now();\n"),
    ("src/base/x.cc", "// sprintf( is banned, says the rule about std::regex\nauto s = \"new Thing(\";\n"),
    ("src/base/x.cc", "std::unique_ptr<T> p(new T(1));\n"),
    ("README.md", "[here](#top) [web](https://example.org/x) `[code](none.md)`\n"),
    ("src/base/x.cc", "int x;\n" * 501),
]


@pytest.mark.parametrize("name, text", GOOD)
def test_is_let_pass(tmp_path, name, text):
    assert all("not a failure" in line for line in lint(tmp_path, {name: text}).splitlines())


TRAP = """
#include <coroutine>
#include <functional>
#include <string>
struct Task {
    struct promise_type {
        Task get_return_object() { return {}; }
        std::suspend_never initial_suspend() { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
    };
};
struct Wait {
    bool await_ready() { return true; }
    void await_suspend(std::coroutine_handle<>) {}
    std::string await_resume() { return {}; }
};
struct Options { std::string name, value; };
Wait wait(std::function<void()>);
Wait wait(Options);
Wait wait(std::string);
Task f(std::string s) { %s }
"""

WRONG = ["co_await wait([s] {});", "co_await wait(Options{s, s});", "auto x = s.empty() ? co_await wait(s) : s;",
         "co_await wait(s.empty() ? s : s + s);"]
RIGHT = ["std::function<void()> g = [s] {}; co_await wait(std::move(g));", "Options o{s, s}; co_await wait(o);",
         "if (s.empty()) co_await wait(s);", "co_await wait(co_await wait(s));", "std::string t = s.empty() ? s : s + s; co_await wait(t);"]


@pytest.mark.parametrize("body", WRONG + RIGHT)
def test_coroutine_traps(tmp_path, body):
    source = tmp_path / "x.cc"
    source.write_text(TRAP % body)
    (tmp_path / "compile_commands.json").write_text(json.dumps(
        [{"directory": str(tmp_path), "file": str(source), "command": f"clang++-14 -std=c++20 -c {source} -o x.o"}]))
    done = subprocess.run([ROOT / "scripts/coroutine-traps", tmp_path, source], capture_output=True, text=True)
    assert done.returncode == (1 if body in WRONG else 0), done.stdout
