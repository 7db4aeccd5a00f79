"""Atomic writes and what killed ones leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_core.errors import RunError
from zoo_core.storage.files import replacing, sweep, write_bytes, write_json


def test_a_failing_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"old": 1})

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RunError, match="No space left on device"):
        write_json(path, {"new": 2})
    assert path.read_text("utf-8") == '{\n  "old": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_sweep_removes_what_killed_writes_left_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes(tmp_path / "model.safetensors", b"whole")
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(Path, "unlink", lambda self, missing_ok: None)
        with replacing(tmp_path / "model.safetensors") as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt
    assert len(list(tmp_path.iterdir())) == 2, "a killed write leaves its temporary file"
    theirs = [".hidden", ".draft.tmp", ".notes.txt.abcd1234.tmp", ".a.zoo-tmp", "b.abcd1234.zoo-tmp"]
    for name in theirs:
        (tmp_path / name).write_bytes(b"somebody's")
    (tmp_path / ".folder.abcd1234.zoo-tmp").mkdir()
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*theirs, ".folder.abcd1234.zoo-tmp", "model.safetensors"]
    )
    sweep(tmp_path / "not there")
