"""What `compare.py` runs of a tree: its command line, in a process that says what that took.

``python -P compare_child.py FOLDER node ARGUMENT...`` is ``kadisc run`` with these arguments.
``python -P compare_child.py FOLDER sim ARGUMENT...`` is ``kadisc sim run`` with these arguments:
first with two nodes, so that everything is imported, then as asked; it prints one JSON line with
the CPU seconds of the second run and the peak of the resident memory after either.
``python -P compare_child.py FOLDER about`` prints the version, and whether it is compiled.

kadisc must be imported from FOLDER: its checkout, or the prefix of the virtual environment that
it is installed in. Only the command line is used, so that this runs with any tree. Linux only.
"""

from __future__ import annotations

import json
import os
import platform
import runpy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SMALL_NODES = 2
SMALL = ("--nodes", str(SMALL_NODES), "--minutes", "0.01")


def check_origin(folder: Path) -> None:
    import kadisc

    file = Path(kadisc.__file__).resolve()
    if folder.resolve() not in file.parents:
        sys.exit(f"kadisc was imported from {file}, which is not in {folder}")


def command_line(*arguments: str) -> int:
    """The exit code of ``kadisc`` with these arguments."""
    sys.argv = ["kadisc", *arguments]
    try:
        runpy.run_module("kadisc", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def simulated(scenario: str, *arguments: str) -> dict[str, Any]:
    """The result that ``kadisc sim run`` prints."""
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        stdout = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            code = command_line("sim", "run", scenario, *arguments, "--json")
            sys.stdout.flush()
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)
        if code:
            sys.exit(f"kadisc sim run {scenario} ended with code {code}")
        file.seek(0)
        result: dict[str, Any] = json.load(file)
        return result


def peak_kb() -> int:
    """Of this process's resident memory so far. Not ru_maxrss: that counts the parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def is_compiled() -> bool:
    files = [str(getattr(module, "__file__", "")) for module in list(sys.modules.values())]
    names = [Path(file).name for file in files if "kadisc" in Path(file).parts]
    return any(name.endswith(".so") for name in names)


def simulate(scenario: str, *arguments: str) -> dict[str, Any]:
    simulated(scenario, *SMALL)
    before_kb, before_s = peak_kb(), time.process_time()
    result = simulated(scenario, *arguments)
    cpu_s = time.process_time() - before_s
    return {
        "cpu_s": cpu_s,
        "datagrams": result["datagrams"] + result["warmup_datagrams"],
        "bytes_per_node": 1024 * (peak_kb() - before_kb) / (result["nodes"] - SMALL_NODES),
        "digest": result["digest"],
    }


def about() -> dict[str, Any]:
    version = simulated("lookup", *SMALL)["version"]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"version": version, "python": python, "compiled": is_compiled()}


def main() -> int:
    folder, what, *arguments = sys.argv[1:]
    check_origin(Path(folder))
    if what == "node":
        return command_line("run", *arguments)
    print(json.dumps(about() if what == "about" else simulate(*arguments)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
