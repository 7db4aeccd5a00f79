"""A component that the kit cannot try is told so, with what was tried and why it did not fit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from zoo_core.cli import main
from zoo_core.interfaces import Component, Need, Tags
from zoo_core.testing.results import CheckResult

from .holding import results
from .originals import PlainEncoder, PlainMetric, PlainObjective, PlainPlot, PlainPrior, PlainSampler

UNMET = {"encoder": Need("encoder"), "decoder": Need("decoder", ("decoder.unheard",))}


class Demanding(PlainObjective):
    __doc__ = PlainObjective.__doc__
    needs: ClassVar[Any] = UNMET


class DemandingSampler(PlainSampler):
    __doc__ = PlainSampler.__doc__
    needs: ClassVar[Any] = UNMET


class DemandingMetric(PlainMetric):
    __doc__ = PlainMetric.__doc__
    needs: ClassVar[Any] = UNMET


class DemandingPlot(PlainPlot):
    __doc__ = PlainPlot.__doc__
    needs: ClassVar[Any] = UNMET


DEMANDING = [
    ("objective", Demanding), ("sampler", DemandingSampler), ("metric", DemandingMetric), ("plot", DemandingPlot),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cls"), DEMANDING)
def test_what_nothing_fits_fails_one_check_and_each_skip_says_why(kind: str, cls: type[Component]) -> None:
    found = results(kind, cls)
    (failed,) = [result for result in found if result.status == "failed"]
    skipped = [result for result in found if result.status == "skipped"]
    assert failed.check == "needs_can_be_met" and len(skipped) >= 3
    for result in (failed, *skipped):
        said = result.reason
        assert (
            'nothing installed fits the part "decoder" that it needs, a component of kind decoder with decoder.unheard'
            in said
        )
        # Each component once, and each reason once.
        assert said.count("it lacks decoder.unheard") == 1
        assert said.count("zoo-basics:dcgan") == 1 and "zoo-basics:mlp" in said


def test_refusals_and_other_plugins_errors_are_among_the_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]
) -> None:
    (tmp_path / "zoo_odd.py").write_text(
        "from zoo_core.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def register_components(register):\n"
        "    for name in ('Refusing', 'Broken', 'Missing'):\n"
        "        register('network', name.lower(), f'zoo_odd_parts:{name}', summary='one')\n"
    )
    (tmp_path / "zoo_odd_parts.py").write_text(
        "from zoo_core.errors import SettingError\n"
        "from zoo_core.interfaces import Part\n"
        "class Refusing(Part):\n"
        "    def __init__(self): raise SettingError('only for pictures of cats')\n"
        "class Broken(Part):\n"
        "    def __init__(self): raise ZeroDivisionError('by zero')\n"
    )
    info = tmp_path / "zoo_odd-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: zoo-odd\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[zoo_core]\nzoo-odd = zoo_odd\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    fresh_registry()

    class Networked(PlainObjective):
        needs: ClassVar[Any] = {**PlainObjective.needs, "critic": Need("network", ("unheard",))}

    (failed,) = results("objective", Networked, "needs_can_be_met")
    assert failed.status == "failed"
    assert "zoo-odd:refusing: only for pictures of cats" in failed.reason
    assert "could not be built: ZeroDivisionError: by zero" in failed.reason
    assert (
        'zoo-odd:missing: plugin "zoo-odd": network "missing" (zoo_odd_parts:Missing) could not be imported'
        in failed.reason
    )


def test_a_kind_of_which_there_is_none_is_said(
    monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]
) -> None:
    class Attacked(PlainObjective):
        needs: ClassVar[Any] = {"critic": Need("network")}

    monkeypatch.setenv("ZOO_PLUGINS", "zoo-none")
    fresh_registry()
    (failed,) = results("objective", Attacked, "needs_can_be_met")
    assert "there is none of this kind" in failed.reason


def test_a_density_that_cannot_be_tried_in_one_dimension_is_skipped_and_not_passed() -> None:
    class Wide(PlainPrior):
        tags: ClassVar[Tags] = Tags(density=True)

        def __init__(self, *, latent_dim: int = 6) -> None:
            if latent_dim < 2:
                raise ValueError("two at least")
            super().__init__(latent_dim=latent_dim)

    class WideEncoder(PlainEncoder):
        def __init__(
            self, *, image_shape: Any, latent_dim: int = 6, width: int = 8, posterior: str = "gaussian"
        ) -> None:
            if latent_dim < 2:
                raise ValueError("two at least")
            super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width)

    for kind, cls, check in (("prior", Wide, "prior_density"), ("encoder", WideEncoder, "density_is_normalised")):
        result = results(kind, cls, check)[0]
        assert (result.status, result.reason) == ("skipped", "it takes no latent_dim=1: two at least")


def test_the_command_prints_a_reason_in_full_and_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "nothing fits: " + "because " * 40
    made = [
        CheckResult("zoo-mine", "objective", "mine", 0, check, "skipped", reason, 0.0)
        for check in ("terms_are_means", "plays_at_once")
    ]
    monkeypatch.setattr("zoo_core.testing.check_plugin", lambda plugin, checks: made, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["check", "zoo-mine"]) == 0
    out = capsys.readouterr().out
    assert out.count(reason.strip()) == 1
    assert (
        "objective mine[0]: terms_are_means: skipped\nobjective mine[0]: plays_at_once: skipped\n  nothing fits" in out
    )
