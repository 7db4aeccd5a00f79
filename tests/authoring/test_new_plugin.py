"""`zoo new-plugin` writes a whole package, or one line that says why not."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from zoo_core.authoring.kinds import AUTHORED, KINDS
from zoo_core.authoring.package import new_plugin
from zoo_core.cli import main
from zoo_core.errors import NameConflict, RunError, SettingError
from zoo_core.registry.loading import loaded_plugins
from zoo_core.registry.names import KINDS as EVERY_KIND

ROOT = Path(__file__).parents[2]


def written(folder: Path) -> set[str]:
    """Every file below ``folder``."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_one_kind_gives_a_package_with_everything(tmp_path: Path) -> None:
    folder = new_plugin("zoo-tiny-net", ["encoder"], out=tmp_path / "new")
    assert written(folder) == {
        "pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/test.yml", "zoo_tiny_net/__init__.py",
        "zoo_tiny_net/encoder.py", "zoo_tiny_net/registry.toml", "zoo_tiny_net/py.typed", "tests/test_conformance.py",
        "tests/test_encoder.py",
    }  # fmt: skip
    assert "class TinyNetEncoder(Encoder)" in (folder / "zoo_tiny_net/encoder.py").read_text()


def test_every_template_is_filled_in_and_every_kind_has_its_own() -> None:
    template = files("zoo_core.authoring") / "template"
    for one in AUTHORED:
        assert one.kind in EVERY_KIND
        assert {file.name for file in (template / one.kind).iterdir()} == {"component.py.tmpl", "behaviour.py.tmpl"}


def test_the_metadata_hold_whatever_the_author_is_called(tmp_path: Path) -> None:
    folder = new_plugin("zoo-tiny-net", ["metric"], out=tmp_path / "new", author='Zoë "Z" \\ Ünal', licence="mit")
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["authors"] == [{"name": 'Zoë "Z" \\ Ünal'}]
    assert project["license"] == "MIT"
    assert project["entry-points"] == {"zoo_core": {"zoo-tiny-net": "zoo_tiny_net"}}
    assert any(one.startswith("zoo-core>=0.") for one in project["dependencies"])
    assert 'Zoë "Z" \\ Ünal' in (folder / "LICENSE").read_text("utf-8")


def test_a_placeholder_in_the_authors_name_stays_one(tmp_path: Path) -> None:
    folder = new_plugin("zoo-tiny-net", ["metric"], out=tmp_path / "new", author="$package ${x}", licence="mit")
    assert "$package ${x}" in (folder / "LICENSE").read_text()


@pytest.mark.parametrize("name", [
    "Zoo-Mine", "zoo_mine", "zoo--mine", "zoo-mine-", "-zoo", "9lives", "zoo-9lives", "../evil", "a/b", "", "zoo mine", "z" * 61,
    "zoo-ünicode", "zoo\n", "class", "match", "json", "zoo-",
])  # fmt: skip
def test_what_cannot_be_a_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        new_plugin(name, ["encoder"], out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("name", "kind", "says"), [
    ("zoo-basics", "encoder", "is installed"),
    ("zoo-core", "encoder", "known plugin"),
    ("torch", "encoder", 'package called "torch"'),
    ("zoo-resnet", "encoder", 'kind encoder called "resnet"'),
    ("zoo-timm", "feature-extractor", '"timm/"'),
    ("zoo-vae", "encoder", 'recipe called "vae"'),
])  # fmt: skip
def test_a_name_that_is_taken_is_refused(name: str, kind: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(NameConflict, match=says):
        new_plugin(name, [kind], out=tmp_path / "new")


def test_a_name_that_another_kind_has_will_do(tmp_path: Path) -> None:
    # "resnet" is an encoder and a decoder, and no metric.
    assert new_plugin("zoo-resnet", ["metric"], out=tmp_path / "new").is_dir()


def test_a_folder_with_something_in_it_is_left_alone_and_an_empty_one_is_used(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for taken in ("full", "file"):
        with pytest.raises(RunError, match="not empty"):
            new_plugin("zoo-tiny-net", ["encoder"], out=tmp_path / taken)
    assert written(tmp_path) == {"full/mine.txt", "file"}
    (tmp_path / "empty").mkdir()
    assert (new_plugin("zoo-tiny-net", ["encoder"], out=tmp_path / "empty") / "README.md").is_file()


@pytest.mark.parametrize(("arguments", "says"), [
    (["zoo-tiny-net", "--kind", "encodr"], 'did you mean "encoder"'),
    (["zoo-tiny-net"], "--kind"),
    (["zoo-tiny-net", "--kind", "encoder", "--licence", "gpl"], "invalid choice"),
    (["zoo-tiny-net", "--kind", "encoder", "--author", "a\nb"], "one line"),
    (["zoo-tiny-net", "--kind", "encoder", "--out", "file/below"], "cannot be written"),
    (["zoo_tiny", "--kind", "encoder"], 'as in "zoo-mine"'),
])  # fmt: skip
def test_wrong_use_is_one_line_and_writes_nothing(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["new-plugin", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert written(tmp_path) == {"file"}


def test_it_says_what_to_type_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "zoo-tiny-net", "--kind", "objective", "--kind", "objective"]) == 0
    wrote, *commands = capsys.readouterr().out.splitlines()
    assert wrote.startswith("wrote zoo-tiny-net")
    assert [command.split()[0] for command in commands] == ["cd", "pytest", "zoo"]
    assert """objective='["elbo", "tiny-net"]'""" in commands[-1]


@pytest.fixture
def everything(
    tmp_path: Path, site: Path, fresh_registry: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A new plugin with a component of every kind, installed as pip's editable mode would."""
    folder = new_plugin("zoo-tiny-net", KINDS, out=tmp_path / "new")
    info = site / "zoo_tiny_net-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: zoo-tiny-net\nVersion: 0.1.0\nRequires-Dist: zoo-core<0.2,>=0.1\n"
    )
    (info / "entry_points.txt").write_text("[zoo_core]\nzoo-tiny-net = zoo_tiny_net\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ["PYTHONPATH"]]))
    monkeypatch.syspath_prepend(str(folder))
    fresh_registry()
    yield folder
    for module in [name for name in sys.modules if name.partition(".")[0] == "zoo_tiny_net"]:
        del sys.modules[module]


def test_the_package_is_found_with_one_component_a_kind_and_its_recipes(
    everything: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (status,) = [one for one in loaded_plugins().statuses if one.name == "zoo-tiny-net"]
    assert (status.error, status.components) == (None, len(KINDS))
    assert main(["list"]) == 0
    rows = [line.split("\t")[:2] for line in capsys.readouterr().out.splitlines() if "\tzoo-tiny-net\t" in line]
    assert sorted(rows) == sorted(
        [*([kind, "tiny-net"] for kind in KINDS), ["recipe", "tiny-net"], ["recipe", "tiny-net-classifier"]]
    )
    assert main(["info", "tiny-net"]) == 0


def test_it_can_be_installed_in_editable_mode_with_hatchling_alone(tmp_path: Path) -> None:
    """As pip does without build isolation, where the package called editables is not there."""
    folder = new_plugin("zoo-tiny-net", ["metric"], out=tmp_path / "new")
    script = "import sys; sys.modules['editables'] = None; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as built:
        (path,) = [name for name in built.namelist() if name.endswith(".pth")]
        assert built.read(path).decode().split() == [str(folder)]
        assert not any(name.endswith(".py") for name in built.namelist())


def test_ruff_finds_nothing_in_it(everything: Path) -> None:
    for command in (["check", "--isolated"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=everything, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_its_own_tests_pass(everything: Path) -> None:
    """All but the conformance kit, which takes longer: see test_installed_plugin.py."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--ignore", "tests/test_conformance.py"]
    done = subprocess.run(command, cwd=everything, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout and "skipped" not in done.stdout


def test_its_entry_module_imports_no_torch(everything: Path) -> None:
    script = "import sys, zoo_tiny_net; assert 'torch' not in sys.modules; import zoo_tiny_net.encoder; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
