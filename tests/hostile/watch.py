"""What a hostile input may do: be used, or be refused in one line. Everything else is found here."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from zoo_core.errors import PluginFailed, PluginMissing, ZooError

SECONDS = 15
"""Of processor time: the machine may be busy otherwise, and an error that looks for what would help builds a dozen nets under the watch."""
SECONDS_BLOCKED = 30
"""Of waiting without computing. Time in which the machine had no processor for this process does not count."""
SECONDS_STUCK = 600
"""Of the clock, for what hangs outside Python, where no signal reaches."""
BYTES = 1_000_000_000
LONGEST_LINE = 4000
BAITS = ("hostile_bait", "antigravity", "this")
"""Modules that nothing imports but a name in a config that is taken for an import path."""

_RUNS_CODE = (
    "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.Popen",
    "pickle.find_class", "pty.spawn", "ctypes.dlopen", "cpython.run_command",
)  # fmt: skip
_GOES_OUT = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.bind",
    "urllib.Request",
    "webbrowser.open",
    "http.client.connect",
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Hung(BaseException):
    """No ``except Exception`` on the way catches it."""


class Watch:
    """Looks over a call's shoulder: code, files, network, time and memory.

    Arguments:
        ground: the folder below which files may be written.
        secret: a file that nobody has any business to read.
    """

    def __init__(self, ground: Path, secret: Path) -> None:
        self.ground, self.secret = str(ground.resolve()), str(secret)
        self.active = False
        self.seen: list[str] = []
        self.cases = 0
        sys.addaudithook(self._audit)

    def judge(self, call: Callable[[], Any]) -> ZooError | None:
        """Make the call; what it was refused with, or None where it succeeded.

        Raises:
            AssertionError: it did what no input may lead to, or its refusal is not one clear line.
        """
        self.cases += 1
        self.seen = []
        refusal: ZooError | None = None
        before = _peak_reset()
        with _limits():
            self.active = True
            try:
                call()
            except ZooError as error:
                refusal = error
            finally:
                self.active = False
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
        assert not self.seen, f"the input made the program {self.seen[:3]}"
        assert grown < BYTES, f"it took {grown:,} bytes"
        if refusal is not None:
            _check_line(refusal)
        return refusal

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if (event in _RUNS_CODE or event in _GOES_OUT) and not (event == "ctypes.dlopen" and _importing()):
            self.seen.append(f"{event} {arguments!r:.200}")
        elif event == "import" and str(arguments[0]).partition(".")[0] in BAITS:
            self.seen.append(f"import {arguments[0]}")
        elif event == "exec" and _made_up(arguments[0]) and not _importing():
            self.seen.append(f"exec {arguments[0]!r:.200}")
        elif event == "open":
            path, _, flags = arguments
            text = os.fsdecode(path) if isinstance(path, str | bytes) else ""
            if text == self.secret:
                self.seen.append("read the secret file")
            elif flags & _WRITES and text and not self._allowed(text):
                self.seen.append(f"write {text}")
        elif event in (
            "os.remove",
            "os.rename",
            "os.mkdir",
            "os.rmdir",
            "os.symlink",
            "os.link",
            "os.truncate",
            "shutil.rmtree",
        ):
            text = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
            if text and not self._allowed(text):
                self.seen.append(f"{event} {text}")

    def _allowed(self, path: str) -> bool:
        ours = path == os.devnull or "__pycache__" in path or os.path.abspath(path).startswith(self.ground)
        return ours or _importing()  # torch makes a folder of its own when it first loads its compiler


def _made_up(code: Any) -> bool:
    """Code that stands in no file. torch.fx itself writes down what it traced of torchvision's nets, under names of its own."""
    name = str(getattr(code, "co_filename", ""))
    by_torch = any(file.endswith("torch/fx/graph_module.py") for file in _callers())
    traced = name.startswith("<eval_with_key>") and by_torch
    return not traced and not name.startswith("<frozen") and not name.endswith(".py")


def _importing() -> bool:
    """Whether a module is being imported just now: those of the standard library and of plugins make code up as they define
    dataclasses; those that nobody should import are told by their names."""
    return any(file.startswith("<frozen importlib") for file in _callers())


def _callers() -> Iterator[str]:
    """The file of each function that is running, the innermost first."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def _check_line(error: ZooError) -> None:
    text = str(error)
    assert text.strip(), f"an empty {type(error).__name__}"
    assert len(text) <= LONGEST_LINE, f"{len(text)} characters: {text[:300]}"
    assert text.splitlines() == [text], f"several lines: {text!r}"
    control = [c for c in text if unicodedata.category(c)[0] == "C"]
    assert not control, f"control characters {control[:5]} in {text!r}"
    blamed = type(error) is PluginFailed and not isinstance(error, PluginMissing)
    assert not blamed, f"the input is wrong, and the plugin is blamed: {text}"
    link: BaseException | None = error
    while link is not None:
        refused = isinstance(link, MemoryError) or "allocate" in str(link)
        assert not refused, f"far too much memory was asked for: {link}"
        link = link.__cause__ or link.__context__


@contextmanager
def _limits() -> Iterator[None]:
    """A hang ends in :class:`Hung`, and a memory bomb in MemoryError and not with the machine."""

    def hung(which: int, _frame: FrameType | None) -> None:
        if which == signal.SIGPROF:
            raise Hung(f"more than {SECONDS} s of processor time")
        left = SECONDS_BLOCKED - (_seconds_blocked() - blocked)
        if left <= 0:
            raise Hung(f"more than {SECONDS_BLOCKED} s of waiting")
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.1))

    blocked = _seconds_blocked()
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    mapped = _pages(5)
    old = [signal.signal(which, hung) for which in (signal.SIGPROF, signal.SIGALRM)]
    if mapped:
        resource.setrlimit(resource.RLIMIT_DATA, (mapped + 12 * BYTES, hard))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_BLOCKED)
    faulthandler.dump_traceback_later(SECONDS_STUCK, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        for which, handler in zip((signal.SIGPROF, signal.SIGALRM), old):
            signal.signal(which, handler)


def _seconds_blocked() -> float:
    """Seconds, from some beginning, in which this thread neither ran nor waited for a processor; where the system does not say
    (it is not Linux), of the clock."""
    try:
        ran, delayed, _ = map(int, Path("/proc/self/schedstat").read_text().split())
    except OSError:
        return monotonic()
    return monotonic() - (ran + delayed) / 1e9


def _peak_reset() -> int:
    """Bytes in memory now; the peak is counted anew from here where the system can (Linux), else since the start."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return _pages(1)


def _pages(column: int) -> int:
    """Bytes in memory (column 1) or that could be written to (column 5); 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[column]) * resource.getpagesize()
    except OSError:
        return 0
