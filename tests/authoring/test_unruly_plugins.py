"""A plugin that prints, hangs, or raises whatever it likes hurts only itself, and is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import PluginFailed, SettingError
from zoo_core.registry import guarded as guards
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.registry.guarded import guarded
from zoo_core.registry.loading import PluginStatus, loaded_plugins

Install = Callable[..., None]
REGISTERS = """
@hookimpl
def register_components(register):
    register("encoder", "unruly", "zoo_unruly_parts:Unruly", summary="one that is")
"""
LOUD = """
import ctypes, os, subprocess, sys
print("python")
sys.__stdout__.write("stream\\n")
os.write(1, b"descriptor\\n")
subprocess.run([sys.executable, "-c", "print('process')"])
ctypes.CDLL(None).puts(b"library")
"""
SAID = ("python", "stream", "descriptor", "process", "library")
PART = """
from zoo_core.interfaces import Encoder

class Unruly(Encoder):
    def forward(self, x, noise=None): ...
"""


def zoo_command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``zoo`` in a process of its own."""
    command = [sys.executable, "-m", "zoo_core", *arguments]
    # Else C's own standard output would have no buffer.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | variables
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def status_of(name: str) -> PluginStatus:
    (found,) = [status for status in loaded_plugins().statuses if status.name == name]
    return found


# ------------------------------------------------------------------------------------------------------------- printing


@pytest.mark.parametrize("where", ["import", "hook"])
def test_what_a_plugin_prints_while_it_is_loaded_is_no_output_of_a_command(install: Install, where: str) -> None:
    hook = "@hookimpl\ndef register_commands(register):\n" + "".join(
        f"    {line}\n" for line in LOUD.strip().split("\n")
    )
    install("zoo-loud", REGISTERS + (LOUD if where == "import" else hook))
    done = zoo_command("list", "--kind", "encoder", "--json")
    assert "unruly" in [row["name"] for row in json.loads(done.stdout)]
    assert sorted(done.stderr.split()) == sorted(SAID)


def test_what_a_component_or_a_later_hook_prints_goes_to_standard_error(
    install: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    sections = "@hookimpl\ndef card_sections(config):\n    print('section')\n    return {}\n"
    install("zoo-loud", REGISTERS + sections, modules={"zoo_unruly_parts": LOUD + PART})
    registry().resolve("encoder", "unruly").entry.load()
    from zoo_core.registry.hooks import card_sections

    assert [given for plugin, given in card_sections({}) if plugin == "zoo-loud"] == [{}]
    out, err = capfd.readouterr()
    assert out == "" and sorted(err.split()) == sorted([*SAID, "section"])


def test_a_command_of_a_plugin_prints_when_it_is_run_and_not_when_it_is_imported(install: Install) -> None:
    hook = "@hookimpl\ndef register_commands(register): register('greet', 'zoo_greet', summary='greets')\n"
    module = "print('import')\ndef configure(parser): print('configure')\ndef run(args): print('run')\n"
    install("zoo-loud", hook, modules={"zoo_greet": module})
    done = zoo_command("greet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "run\n", "import\nconfigure\n")


def test_a_plugin_that_puts_another_stream_in_place_of_standard_output_is_undone(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("zoo-loud", "import io, sys\nsys.stdout = io.StringIO()\n" + REGISTERS)
    assert status_of("zoo-loud").error is None
    print("mine")
    assert capsys.readouterr().out == "mine\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_reason_to_lose_a_plugin(install: Install, closed: str) -> None:
    install("zoo-loud", "import os\nprint('hi')\n" + REGISTERS)
    script = (
        "from zoo_core.registry.loading import loaded_plugins\n"
        "import sys\n"
        "sys.exit(any(status.error for status in loaded_plugins().statuses if status.name == 'zoo-loud'))"
    )
    assert subprocess.run(["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, script], timeout=60).returncode == 0


def test_what_was_printed_before_comes_out_before_and_on_standard_output(install: Install) -> None:
    install("zoo-loud", "print('plugin')\n" + REGISTERS)
    script = "from zoo_core.registry.loading import loaded_plugins\nprint('before')\nloaded_plugins()\nprint('after')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("before\nafter\n", "plugin\n")


# -------------------------------------------------------------------------------------------------------------- raising

RAISED = {
    "raise GeneratorExit('out')": "GeneratorExit: out (",
    "class Own(BaseException): pass\nraise Own('mine')": "Own: mine (",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise SystemExit(3)": "SystemExit: 3 (",
    "import asyncio\nraise asyncio.CancelledError": "CancelledError",
    "raise BaseExceptionGroup('both', [KeyboardInterrupt()])": "BaseExceptionGroup: both",
    "class Own(Exception):\n    def __str__(self): raise ValueError\nraise Own": "Own (",
    "raise type('\\x1b[2J', (Exception,), {})('x')": r"\x1b[2J: x",
}


@pytest.mark.parametrize("code", RAISED)
def test_whatever_a_plugin_raises_costs_itself_only(
    install: Install, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    install("zoo-bad", code)
    assert zoo_command("list").returncode == 0
    error = status_of("zoo-bad").error
    assert error is not None and RAISED[code] in error and error.isprintable()
    assert any(entry.plugin == "zoo-basics" for entry in loaded_plugins().entries)


@pytest.mark.parametrize("code", ["raise GeneratorExit", "raise KeyboardInterrupt"])
def test_so_does_what_its_parts_hooks_and_commands_raise(
    install: Install, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    hooks = (
        REGISTERS
        + f"@hookimpl\ndef training_callbacks(training):\n    {code}\n"
        + "@hookimpl\ndef register_commands(register): register('greet', 'zoo_greet', summary='greets')\n"
    )
    install("zoo-bad", hooks, modules={"zoo_unruly_parts": code, "zoo_greet": code})
    name = code.split()[1]
    with pytest.raises(PluginFailed, match=f'plugin "zoo-bad": encoder "unruly" .* could not be imported: {name}'):
        registry().resolve("encoder", "unruly").entry.load()
    model = zoo.build("vae-mlp", data="digits", **{"encoder.hidden": [4], "decoder.hidden": [4], "latent_dim": 2})
    with pytest.raises(PluginFailed, match=f'plugin "zoo-bad": training_callbacks failed: {name}'):
        zoo.train(model, "digits", epochs=1, progress=False, device="cpu")
    assert main(["greet"]) == 2
    assert f"could not be imported: {name}" in capsys.readouterr().err


def test_what_a_hook_gives_may_fail_when_it_is_read(install: Install) -> None:
    given = """
        import collections.abc
        class Lazy(collections.abc.Mapping):
            def __getitem__(self, key): raise GeneratorExit
            def __iter__(self): return iter(["title"])
            def __len__(self): return 1

        @hookimpl
        def card_sections(config): return Lazy()
    """
    install("zoo-bad", given)
    from zoo_core.registry.hooks import card_sections

    (failed,) = [given for plugin, given in card_sections({}) if plugin == "zoo-bad"]
    assert isinstance(failed, PluginFailed) and "card_sections failed: GeneratorExit" in str(failed)


def test_a_catalogue_of_its_own_kind_of_path_costs_that_catalogue_only(install: Install) -> None:
    code = """
        import pathlib
        class Own(type(pathlib.Path())):
            def read_text(self, *arguments, **settings): raise RuntimeError("no such luck")
            open = read_bytes = stat = read_text

        @hookimpl
        def register_catalogue(): return Own("registry.toml")
    """
    install("zoo-bad", code)
    assert "RuntimeError: no such luck" in catalogue().problems["zoo-bad"]
    assert "vae" in catalogue().recipes


def test_an_escape_code_in_a_name_does_not_reach_the_terminal(site: Path, fresh_registry: Callable[[], None]) -> None:
    info = site / "zoo_evil-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: zoo\x9b2J\nVersion: 1\x1b[2J\n")
    (info / "entry_points.txt").write_text("[zoo_core]\nzoo-\x1b[2J\x9b\u202eevil = zoo_evil\n")
    fresh_registry()
    for command in (["list"], ["list", "--json"], ["plugins"], ["plugins", "--json"], ["info", "no-such"], ["no-such"]):
        done = zoo_command(*command)
        for character in ("\x1b", "\x9b", "\u202e"):
            assert character not in done.stdout + done.stderr
    assert "evil" in zoo_command("list").stderr


# -------------------------------------------------------------------------------------------------------------- hanging

HANGS = {
    "sleeps": "import time\ntime.sleep(1000)",
    "turns": "while True: pass",
    "waits": "import threading\nthreading.Lock().acquire() and threading.Event().wait()",
    "tries again": "import time\nwhile True:\n    try: time.sleep(1000)\n    except Exception: pass",
    "is stubborn": "import time\nfor _ in range(3):\n    try: time.sleep(1000)\n    except BaseException: pass\ntime.sleep(1000)",
}


@pytest.mark.parametrize("code", HANGS.values(), ids=HANGS)
def test_a_plugin_that_hangs_is_left_out_after_its_time(install: Install, code: str) -> None:
    install("zoo-hangs", code)
    done = zoo_command("plugins", ZOO_PLUGIN_TIMEOUT="0.3")
    assert done.returncode == 0 and done.stderr == ""
    rows = {line.split("\t")[0]: line.split("\t")[-1] for line in done.stdout.splitlines()}
    assert rows["zoo-hangs"].startswith("took longer than 0.3 s (zoo_hangs.py:")
    assert "ZOO_PLUGIN_TIMEOUT" in rows["zoo-hangs"] and rows["zoo-basics"] == "ok"


def test_its_parts_may_take_longer_and_not_for_ever(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("zoo-hangs", REGISTERS, modules={"zoo_unruly_parts": "import time\ntime.sleep(1000)"})
    monkeypatch.setenv("ZOO_PLUGIN_TIMEOUT", "0.03")
    with pytest.raises(PluginFailed, match=r"could not be imported: took longer than 0\.3 s"):
        registry().resolve("encoder", "unruly").entry.load()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_that_takes_long_is_named_with_what_to_do_about_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "PATIENCE", 0.05)
    with guarded("zoo-slow", "being loaded"):
        time.sleep(0.5)
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert 'plugin "zoo-slow" is still being loaded' in err and "ZOO_BLOCK_PLUGINS=zoo-slow" in err


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_no_plugins_fault(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setenv("ZOO_PLUGIN_TIMEOUT", seconds)
    with pytest.raises(SettingError, match="ZOO_PLUGIN_TIMEOUT should be a number of seconds"):
        loaded_plugins()


def test_no_limit_and_no_signal_in_another_thread(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_PLUGIN_TIMEOUT", "0.01")
    found: list[str | None] = []

    def load() -> None:
        with guarded("zoo-slow", "being loaded"):
            time.sleep(0.3)
        found.append("done")

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert found == ["done"]


# --------------------------------------------------------------------------------------------------------------- Ctrl-C


def interrupted(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """``zoo`` stopped by Ctrl-C once the file ``there`` is written: its exit code and standard error."""
    # A test runner in the background may ignore Ctrl-C, and so would its children.
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from zoo_core.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", start, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not (tmp_path / "there").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("caught", [False, True])
def test_ctrl_c_ends_the_command_and_names_the_plugin(install: Install, tmp_path: Path, caught: bool) -> None:
    there = f"open({str(tmp_path / 'there')!r}, 'w').close()"
    sleeps = "try: time.sleep(1000)\nexcept BaseException: pass" if caught else "time.sleep(1000)"
    install("zoo-hangs", f"import time\n{there}\n{sleeps}\n{REGISTERS}")
    code, err = interrupted(tmp_path, "list")
    assert code == 130
    assert (
        err == 'zoo: stopped while plugin "zoo-hangs" was being loaded; to do without it: ZOO_BLOCK_PLUGINS=zoo-hangs\n'
    )


def test_ctrl_c_while_a_part_is_imported_does_too(install: Install, tmp_path: Path) -> None:
    there = f"open({str(tmp_path / 'there')!r}, 'w').close()"
    install("zoo-hangs", REGISTERS, modules={"zoo_unruly_parts": f"import time\n{there}\ntime.sleep(1000)"})
    code, err = interrupted(tmp_path, "info", "unruly")
    assert code == 130
    assert err.startswith('zoo: stopped while plugin "zoo-hangs" was importing zoo_unruly_parts')


def test_whoever_heard_ctrl_c_before_hears_it_still(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with guarded("zoo-slow", "being loaded"), guarded("zoo-inner", "being loaded"):
            signal.raise_signal(signal.SIGINT)
        assert heard == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
        assert len(heard) == 2
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == ""


def test_nothing_is_left_over(install: Install, capfd: pytest.CaptureFixture[str]) -> None:
    install("zoo-quiet", REGISTERS)
    threads, handler, descriptors = threading.active_count(), signal.getsignal(signal.SIGINT), os.listdir("/dev/fd")
    loaded_plugins()
    assert (threading.active_count(), signal.getsignal(signal.SIGINT)) == (threads, handler)
    assert len(os.listdir("/dev/fd")) == len(descriptors)
    os.write(1, b"out")
    assert capfd.readouterr().out == "out"
