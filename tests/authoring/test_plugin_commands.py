"""Commands that plugins bring stand beside the core's, and take nothing from them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from zoo_core.cli import main
from zoo_core.registry.loading import loaded_plugins

Install = Callable[..., None]

HOOK = """
@hookimpl
def register_commands(register):
    register("{name}", "{module}", summary="greets somebody")
"""
GREET = """
def configure(parser):
    parser.add_argument("who")
    parser.add_argument("--code", type=int, default=0)

def run(args):
    print(f"{greeting} {{args.who}}")
    return args.code
"""


def greeting(install: Install, plugin: str, name: str, says: str = "hello") -> None:
    """Install a plugin with one command."""
    module = plugin.replace("-", "_") + "_command"
    install(
        plugin,
        HOOK.format(name=name, module=module),
        modules={module: GREET.replace("{greeting}", says).replace("{{", "{").replace("}}", "}")},
    )


def error_of(plugin: str) -> str:
    """Why a plugin is not loaded."""
    return next(status.error or "" for status in loaded_plugins().statuses if status.name == plugin)


def test_a_command_runs_with_its_arguments_and_its_exit_code(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    greeting(install, "zoo-polite", "greet")
    assert main(["greet", "Ada", "--code", "3"]) == 3
    assert capsys.readouterr().out == "hello Ada\n"
    assert main(["zoo-polite:greet", "Ada"]) == 0


def test_it_has_a_help_of_its_own_and_a_line_in_that_of_zoo(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    greeting(install, "zoo-polite", "greet")
    assert main(["--help"]) == 0
    assert "\nzoo-polite:\n  greet        greets somebody\n" in capsys.readouterr().out
    assert main(["greet", "--help"]) == 0
    said = capsys.readouterr().out
    assert "usage: zoo greet" in said and "Greets somebody." in said
    assert main(["greet"]) == 2
    assert "zoo greet --help" in capsys.readouterr().err


def test_a_command_of_the_core_cannot_be_replaced(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    greeting(install, "zoo-greedy", "list")
    assert main(["list", "--kind", "encoder"]) == 0
    assert "encoder\tdcgan" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "  zoo-greedy:list greets somebody" in capsys.readouterr().out
    assert main(["zoo-greedy:list", "Ada"]) == 0
    assert capsys.readouterr().out == "hello Ada\n"


def test_two_plugins_with_one_command_are_told_apart(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    greeting(install, "zoo-one", "greet", "hello")
    greeting(install, "zoo-two", "greet", "good day")
    assert main(["greet", "Ada"]) == 2
    assert "zoo-one:greet or zoo-two:greet" in capsys.readouterr().err
    assert main(["zoo-two:greet", "Ada"]) == 0
    assert capsys.readouterr().out == "good day Ada\n"


@pytest.mark.parametrize(("call", "says"), [
    ('register("Greet", "m", summary="s")', "lower-case"),
    ('register("greet", "m:run", summary="s")', "package.module"),
    ('register("greet", "m", summary="")', "summary"),
    ('register("greet", "m", summary="a\\x1b[2J")', "control characters"),
    ('register(3, "m", summary="s")', "should be a text"),
    ('register("greet", "m", summary="s"); register("greet", "n", summary="s")', "twice"),
    ('1 / 0', "ZeroDivisionError"),
])  # fmt: skip
def test_a_malformed_registration_loses_that_plugin_and_no_other(install: Install, call: str, says: str) -> None:
    install("zoo-bad", f"@hookimpl\ndef register_commands(register):\n    {call}\n")
    greeting(install, "zoo-good", "greet")
    assert says in error_of("zoo-bad")
    assert [command.plugin for command in loaded_plugins().commands if command.plugin.endswith(("bad", "good"))] == [
        "zoo-good"
    ]


@pytest.mark.parametrize(("code", "says"), [
    ("import no_such_module_at_all", "could not be imported: ModuleNotFoundError"),
    ("raise SystemExit(0)", "could not be imported: SystemExit"),
    ("def configure(parser): pass", "has no function run"),
    ("def configure(parser): 1 / 0\ndef run(args): pass", "could not declare its arguments: ZeroDivisionError"),
])  # fmt: skip
def test_a_broken_command_is_told_with_its_plugin_when_it_is_used(
    install: Install, capsys: pytest.CaptureFixture[str], code: str, says: str
) -> None:
    install("zoo-bad", HOOK.format(name="greet", module="zoo_bad_command"), modules={"zoo_bad_command": code})
    assert main(["plugins"]) == 0 and main(["list"]) == 0
    capsys.readouterr()
    assert main(["greet"]) == 2
    error = capsys.readouterr().err
    assert says in error and 'plugin "zoo-bad"' in error and error.count("\n") == 1


def test_an_unknown_command_hears_of_near_ones_and_of_plugins_that_failed(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    greeting(install, "zoo-polite", "greet")
    install("zoo-bad", "1 / 0")
    assert main(["gret"]) == 2
    error = capsys.readouterr().err
    assert 'did you mean "greet"' in error and "not loaded: zoo-bad" in error


def test_a_command_that_is_not_used_is_not_imported(install: Install) -> None:
    install(
        "zoo-heavy",
        HOOK.format(name="greet", module="zoo_heavy_command"),
        modules={"zoo_heavy_command": "raise MemoryError"},
    )
    subprocess.run([sys.executable, "-m", "zoo_core", "list"], check=True, capture_output=True)
