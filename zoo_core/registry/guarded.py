"""Plugins' code, run so that it hurts only its plugin: whatever it prints or raises, and however long it takes.

What cannot be helped in one process: code that ends the process itself (a crash, ``os._exit``), and C code that neither ends nor
lets other threads run.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from zoo_core.errors import PluginFailed, SettingError, shown
from zoo_core.registry.diverted import stdout_on_stderr

VARIABLE = "ZOO_PLUGIN_TIMEOUT"
SECONDS = 60.0
"""How long a plugin may take to be found, unless ``$ZOO_PLUGIN_TIMEOUT`` says otherwise."""
PATIENCE = 5.0
"""Seconds after which a plugin that is still at it is named."""
IN_USE = 10
"""How many times as long both are when a plugin is used: its components bring torch along, and may compile something."""
TICK = 0.1


class _TookTooLong(BaseException):
    """Raised in a plugin's code at its time limit. No ``Exception``, which a plugin that tries again and again would catch."""


class _Guard:
    """A stretch of a plugin's code.

    Arguments:
        plugin: its name, fit to be shown.
        doing: what it does, as in "plugin NAME is still DOING".
        times: how many times the usual limits it may take.
    """

    def __init__(self, plugin: str, doing: str, times: int) -> None:
        self.plugin, self.doing = plugin, doing
        self.patience, self.limit = times * PATIENCE, times * time_limit()
        self.started = time.monotonic()
        self.thread = threading.get_ident()
        self.running = False
        """Whether the plugin's code is being run, and not what is done before and after, which is not interrupted."""
        self.stopped = False
        """By the user's Ctrl-C."""
        self.overdue = False
        self.named = False

    def look(self, now: float) -> None:
        """Name the plugin, or stop it, where it is time to; called by the watching thread."""
        taken = now - self.started
        if taken > self.patience and not self.named:
            self.named = True
            _say(f"{self._text('is still')} after {self.patience:g} s; Ctrl-C stops, {self._without()}")
        if taken > self.limit and self.running:
            _ears.interrupt(self)  # at each look anew: the plugin may have caught the last one

    def say_stopped(self) -> None:
        """Say that the user's Ctrl-C met this plugin."""
        if not self.named:
            _say(f"stopped while {self._text('was')}; {self._without()}")
        for guard in _open:
            guard.named = True  # those around this one need not say so, too

    def _text(self, verb: str) -> str:
        return f'plugin "{self.plugin}" {verb} {self.doing}'

    def _without(self) -> str:
        return f"to do without it: ZOO_BLOCK_PLUGINS={self.plugin}"


_open: list[_Guard] = []
"""The guards that are open, an inner one behind the one around it."""


class _Ears:
    """Hears Ctrl-C before whoever heard it so far, and the watching thread, which speaks by the same signal.

    Only the main thread can hear: plugins' code in another one has no time limit.
    """

    def __init__(self) -> None:
        self._users = 0
        self._listens = False
        self._before: Any = None
        self._lock = threading.Lock()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear in here, where this is the main thread."""
        main = threading.current_thread() is threading.main_thread()
        self._users += main
        if main and self._users == 1:
            self._listen()
        try:
            yield
        finally:
            self._users -= main
            if main and not self._users:
                self._leave()

    def interrupt(self, guard: _Guard) -> None:
        """Have :class:`_TookTooLong` raised in the code of ``guard``; called by the watching thread."""
        with self._lock:
            if self._listens and guard.thread == threading.main_thread().ident:
                guard.overdue = True
                _interrupt_main_thread()

    def _listen(self) -> None:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not None:  # else it was set outside Python, and could not be put back
            with suppress(ValueError):  # an interpreter beside the main one
                signal.signal(signal.SIGINT, self._heard)
                self._listens = True

    def _leave(self) -> None:
        with self._lock:
            listened, self._listens = self._listens, False
        if listened:
            signal.signal(signal.SIGINT, self._before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        here = next((guard for guard in reversed(_open) if guard.thread == threading.get_ident()), None)
        late = next((guard for guard in _open if guard.overdue), None)
        if late is not None:
            late.overdue = False
            if here is not None and here.running:
                raise _TookTooLong(late)
        elif self._before is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        elif callable(self._before):
            try:
                self._before(number, frame)
            except KeyboardInterrupt:
                if here is not None:
                    here.stopped = True
                if here is None or here.running:
                    raise


_ears = _Ears()


@contextmanager
def guarded(plugin: str, doing: str, *, in_use: bool = False) -> Iterator[None]:
    """Run code of ``plugin``. What it prints goes to standard error; it is named when it takes long, and stopped when it takes too
    long; and of what it raises only an ``Exception`` and the user's own Ctrl-C come out as they are.

    Arguments:
        doing: what it does here, as in "plugin NAME is still DOING".
        in_use: the plugin is used, not just looked for, and may take longer.

    Raises:
        PluginFailed: it raised what is no ``Exception``, or took too long.
        KeyboardInterrupt: the user pressed Ctrl-C, even where the plugin caught it.
        SettingError: ``$ZOO_PLUGIN_TIMEOUT`` is no number of seconds.
    """
    with guarding():
        guard = _Guard(shown(plugin), doing, IN_USE if in_use else 1)
        _open.append(guard)
        try:
            guard.running = True
            yield
        except _TookTooLong as late:
            guard.running = False
            if late.args[0] is not guard:
                raise
            raise PluginFailed(
                f"took longer than {guard.limit:g} s{_place(late)}", hint=f"{VARIABLE}=SECONDS gives it more time"
            ) from None
        except Exception:
            raise
        except BaseException as error:
            guard.running = False
            raise PluginFailed(reason(error)) from error
        finally:
            guard.running = False
            if guard.stopped:
                guard.say_stopped()
            _open.remove(guard)
            if guard.stopped:
                raise KeyboardInterrupt from None


@contextmanager
def guarding() -> Iterator[None]:
    """What :func:`guarded` needs, set up once for several calls: that takes longer than most of what plugins do."""
    with _watching(), _ears.listening(), stdout_on_stderr():
        yield


def time_limit() -> float:
    """Seconds that a plugin may take to be found; infinite for ``ZOO_PLUGIN_TIMEOUT=0``.

    Raises:
        SettingError: ``$ZOO_PLUGIN_TIMEOUT`` is no number of seconds.
    """
    given = os.environ.get(VARIABLE, "").strip()
    try:
        seconds = float(given or SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingError(
            f'{VARIABLE} should be a number of seconds, is "{shown(given)}"',
            hint=f"for instance {VARIABLE}={SECONDS:g}",
        )
    return seconds or math.inf


def reason(error: BaseException) -> str:
    """What went wrong in a plugin's code, in one line, with the place in the plugin's code where there is one."""
    return described(error) if isinstance(error, PluginFailed) else f"{described(error)}{_place(error)}"


def described(error: BaseException) -> str:
    """An error that a plugin raised, in one line; of a PluginFailed the text alone."""
    if isinstance(error, PluginFailed):
        return str(error)
    name = shown(type(error).__name__)
    try:
        return f"{name}: {shown(error, 300)}"
    except BaseException:  # its own __str__ fails
        return name


def _place(error: BaseException) -> str:
    from traceback import walk_tb

    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    places = [(file, line) for file, line in frames if _may_be_a_plugins(file)]
    return f" ({shown(os.path.basename(places[-1][0]))}:{places[-1][1]})" if places else ""


def _may_be_a_plugins(file: str) -> bool:
    """Whether ``file`` is neither the zoo's nor the standard library's."""
    ours, pythons = os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.__file__)
    return not file.startswith(("<", ours)) and (not file.startswith(pythons) or "site-packages" in file)


class _Watch(threading.Thread):
    """Looks at the open guards from outside until it is over."""

    def __init__(self) -> None:
        super().__init__(name="zoo-plugin-watch", daemon=True)
        self.users = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(TICK):
            for guard in tuple(_open):
                guard.look(time.monotonic())


_lock = threading.Lock()
_watch: _Watch | None = None


@contextmanager
def _watching() -> Iterator[None]:
    """Have one watching thread, however many ask for it."""
    global _watch
    with _lock:
        if _watch is None:
            _watch = _Watch()
            _watch.start()
        watch = _watch
        watch.users += 1
    try:
        yield
    finally:
        with _lock:
            watch.users -= 1
            last = not watch.users
            if last:
                _watch = None
        if last:
            watch.over.set()
            watch.join()  # a process that forks later on has no thread left over from here


def _say(line: str) -> None:
    with suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(f"zoo: {line}", file=sys.stderr, flush=True)


def _interrupt_main_thread() -> None:
    if sys.platform == "win32":
        import _thread

        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
