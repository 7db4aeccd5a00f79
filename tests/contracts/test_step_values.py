"""What a Step keeps, when it is stale, and what it remembers on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn.functional import dropout

from zoo_core.game import Step
from zoo_core.interfaces import Objective, Term
from zoo_core.noise import KeyedNoise

from .games import aae, introvac, vae
from .toys import SEED, Table, ToyPrior, batch, noise, player, turn


def step_of(made: Table, **settings: frozenset[str]) -> Step:
    return Step(made.modules, batch("main", 0), noise(0), **settings)


class Warm(Objective):
    """A loss of its own weight, for a turn that has nothing to do with the others."""

    losses = ("warm",)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("warm", self.weight * step.x.mean())


def states_differ(left: Table, right: Table) -> bool:
    return any(not torch.equal(t, right.state()[name]) for name, t in left.state().items())


def test_a_cache_that_is_not_outdated_is_silently_wrong_with_a_one_layer_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing in autograd notices: a linear layer's backward does not look at the weight that has moved."""
    right, wrong = aae(), aae()
    right.play()
    with monkeypatch.context() as patch:
        patch.setattr(Step, "invalidate", lambda self, stepped: None)
        wrong.play()
    assert states_differ(right, wrong)


def test_a_value_is_computed_once_until_a_part_that_it_used_has_stepped() -> None:
    made = vae()
    step = step_of(made)
    reconstruction = step.reconstruction()
    assert step.reconstruction() is reconstruction
    step.invalidate(frozenset({"decoder"}))
    z = step.z()
    assert step.reconstruction() is not reconstruction and step.z() is z
    step.invalidate(frozenset({"encoder"}))
    assert step.z() is not z


def test_a_value_that_is_made_of_a_kept_value_depends_on_the_parts_of_that_one() -> None:
    step = step_of(vae())
    step.z()
    step.value("norm", lambda: step.z().norm())
    step.invalidate(frozenset({"encoder"}))
    asked = []
    step.value("norm", lambda: asked.append("again"))
    assert asked == ["again"]


def test_recomputing_keeps_the_noise() -> None:
    step = step_of(vae())
    before = step.z()
    step.invalidate(frozenset({"encoder"}))
    assert torch.equal(step.z(), before)


def test_draws_depend_on_seed_step_and_name_alone() -> None:
    made = vae()
    made.parts["prior"] = ToyPrior()
    one, other = step_of(made), Step(made.modules, batch("main", 1), noise(0))
    one.z()
    assert torch.equal(one.prior_draw(), other.prior_draw())
    assert not torch.equal(one.prior_draw(), Step(made.modules, batch("main", 0), noise(1)).prior_draw())
    assert noise(0).seed == SEED


def test_as_of_turn_gives_the_value_from_before_with_its_graph() -> None:
    made = introvac()
    step = step_of(made, retained_values=frozenset({"reconstruction"}))
    before = step.reconstruction()
    step.invalidate(frozenset({"encoder"}))
    step.turn = 1
    assert step.reconstruction() is not before
    assert step.as_of_turn(0, "reconstruction") is before and before.requires_grad
    assert step.as_of_turn(1, "reconstruction") is step.reconstruction()


def test_as_of_loss_goes_by_the_last_turn_in_which_the_loss_was_played() -> None:
    made = introvac()
    step = Step(
        made.modules,
        batch("main", 0),
        noise(0),
        retained_values=frozenset({"reconstruction"}),
        turns=(("warm",), ("fit",), ("fool",)),
    )
    with pytest.raises(LookupError, match=r"as of the loss 'fit': it has no turn in this round before turn 1"):
        step.as_of_loss("fit", "reconstruction")
    step.turn = 1
    before = step.reconstruction()
    assert step.as_of_loss("fit", "reconstruction") is before
    step.invalidate(frozenset({"encoder"}))
    step.turn = 2
    assert step.reconstruction() is not before
    assert step.as_of_loss("fit", "reconstruction") is before and before.requires_grad
    assert step.as_of_loss("fool", "reconstruction") is step.reconstruction()


def test_as_of_loss_outside_of_a_game_is_the_value_as_it_stands() -> None:
    step = step_of(introvac())
    assert step.value("norm", lambda: step.z().norm()) is step.as_of_loss("fit", "norm")


def test_a_turn_put_before_changes_nothing_of_what_an_objective_looks_back_at() -> None:
    plain, warmed = introvac(), introvac()
    warmed.objectives["warm"] = Warm().double()
    players = {**plain.training["players"], "warm": player(["warm"], ["warm"])}
    warmed.training = {"players": players, "turns": [turn(["warm"], ["warm"]), *plain.training["turns"]]}
    plain.play()
    warmed.play()
    assert warmed.objectives["warm"].weight.item() != 1.0
    for name, tensor in plain.state().items():
        assert torch.equal(tensor, warmed.state()[name]), name


def test_as_of_turn_refuses_what_was_not_kept() -> None:
    step = step_of(vae())
    step.reconstruction()
    step.invalidate(frozenset({"encoder"}))
    with pytest.raises(LookupError, match="retained_values"):
        step.as_of_turn(0, "reconstruction")


@pytest.mark.parametrize(("place", "batches"), [(1, 1), (1, 3), (5, 1), (5, 3)])
def test_turns_are_counted_in_the_round_whatever_stream_a_batch_is_of(place: int, batches: int) -> None:
    """The turn on the labelled stream is one of six, wherever it stands and however many batches it takes."""
    made = aae()
    turns = list(made.training["turns"])
    turns.insert(place, {**turns.pop(1), "batches": batches})
    made.training = {**made.training, "turns": turns}
    assert made.game().play().step.turn == 6


def test_images_that_nobody_computed_are_refused_by_name() -> None:
    with pytest.raises(LookupError, match="edited"):
        step_of(vae()).image("edited")


def test_aside_leaves_no_value_and_no_change_of_the_global_random_state() -> None:
    step = step_of(vae())
    state = torch.get_rng_state()
    inside = step.isolated(lambda: (step.z(), torch.randn(3)))[0]
    assert torch.equal(torch.get_rng_state(), state)
    assert step.z() is not inside and torch.equal(step.z(), inside)


def test_a_value_that_used_a_part_aside_depends_on_it() -> None:
    step = step_of(vae())
    value = step.value("attacked", lambda: step.isolated(lambda: step.part("encoder")(step.x)).detach())
    step.invalidate(frozenset({"encoder"}))
    assert step.value("attacked", lambda: value + 1) is not value


def dropped() -> torch.Tensor:
    """The mask of one dropout."""
    return dropout(torch.ones(64))


def test_aside_drops_others_than_the_forward_that_follows_and_than_the_aside_before() -> None:
    """An attack that knew the very mask of the forward that it attacks would be stronger than any there is."""
    step = step_of(vae())
    masks = [step.isolated(dropped), step.isolated(dropped), dropped(), dropped()]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(masks, 2))


def test_aside_draws_the_same_in_the_same_step_whatever_the_global_generator_is_at() -> None:
    """So that a resumed run draws them again; another step, seed or process draws others."""
    with torch.random.fork_rng():
        masks = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            masks.append(step_of(vae()).isolated(dropped))
    assert torch.equal(*masks)
    others = [KeyedNoise(SEED, 1), KeyedNoise(SEED + 1, 0), KeyedNoise(SEED, 0, rank=1, world=2)]
    made = vae()
    masks = [masks[0], *(Step(made.modules, batch("main", 0), other).isolated(dropped) for other in others)]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(masks, 2))


def test_an_aside_in_an_aside_leaves_the_outer_ones_draws_as_they_were() -> None:
    plain, nested = step_of(vae()), step_of(vae())
    expected = plain.isolated(lambda: (dropped(), dropped()))
    first, _, second = nested.isolated(lambda: (dropped(), nested.isolated(dropped), dropped()))
    assert torch.equal(first, expected[0]) and torch.equal(second, expected[1])


def test_named_draws_are_the_same_aside() -> None:
    step = step_of(vae())
    inside = step.isolated(lambda: step.noise.normal("z", (8, 2)))
    assert torch.equal(inside, step.noise.normal("z", (8, 2)))


def test_an_aside_that_fails_puts_the_random_state_back() -> None:
    step, state = step_of(vae()), torch.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        step.isolated(lambda: (dropped(), 1 / 0))
    assert torch.equal(torch.get_rng_state(), state)
