"""What a round of the game costs, what it leaves behind, and what it refuses."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

SHAPE, EXAMPLES = (1, 8, 8), 8
NETS: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [9]},
    "decoder": {"name": "mlp", "hidden": [9], "sigma": "shared"},
    "discriminator": {"hidden": [7], "code_hidden": [5], "net": {"name": "mlp", "hidden": [7], "layers": ["hidden1"]}},
    "latent_dim": 4,
}


def build(**settings: Any) -> zoo.Model:
    return zoo.build("gibbsnet", image_shape=SHAPE, labels=Labels(), **{**NETS, **settings})


def step_of(model: zoo.Model) -> Step:
    named = {**dict(model.train().parts.items()), **dict(model.objectives.items())}
    x = torch.rand(EXAMPLES, *SHAPE, generator=torch.Generator().manual_seed(0))
    return Step({n: cast(Part, m) for n, m in named.items()}, Batch(x), KeyedNoise(0, 0))


def terms(model: zoo.Model, step: Step) -> dict[str, Tensor]:
    objective = cast(Objective, model.objectives["gibbsnet"])
    return {loss: term.value for loss in ("discriminate", "fool") for term in objective.terms(loss, step)}


def saved_bytes(steps: int, gradient: str) -> int:
    """What autograd keeps for both losses, the parameters aside."""
    model = build(steps=steps, **{"objective.gibbsnet.gradient": gradient})
    weights = {p.data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        held = terms(model, step_of(model))
    assert held
    return sum(kept.values())


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_forwards_grow_linearly_with_the_steps(steps: int) -> None:
    model = build(steps=steps)
    seen = dict.fromkeys(("encoder", "decoder", "discriminator"), 0)
    for name in seen:
        model.parts[name].register_forward_hook(lambda *_, name=name: seen.__setitem__(name, seen[name] + 1))
    terms(model, step_of(model))
    assert seen == {"encoder": steps, "decoder": steps, "discriminator": 2}


def test_what_autograd_keeps_does_not_grow_from_two_steps_on() -> None:
    kept = {steps: saved_bytes(steps, "last-step") for steps in (1, 2, 3, 6)}
    assert kept[1] < kept[2] == kept[3] == kept[6]
    assert saved_bytes(6, "all") > saved_bytes(3, "all") > kept[3]


def test_the_early_steps_leave_running_statistics_alone() -> None:
    norms = {"encoder.batch_norm": True, "decoder.batch_norm": True}
    short, long = build(steps=2, **norms), build(steps=6, **norms)
    counts = []
    for model in (short, long):
        terms(model, step_of(model))
        counts.append({name: int(t) for name, t in model.named_buffers() if name.endswith("num_batches_tracked")})
    assert counts[0] == counts[1] and set(counts[0].values()) == {1, 2}


@pytest.mark.parametrize(("gradient", "learns"), [("last-step", True), ("all", True), ("decoder", False)])
def test_the_encoder_learns_from_the_unclamped_chain_unless_its_code_is_a_constant(gradient: str, learns: bool) -> None:
    model = build(**{"objective.gibbsnet.gradient": gradient})
    step = step_of(model)
    terms(model, step)
    unclamped = step.features("discriminator", of=("unclamped:x", "unclamped:z"))["score"].sum()
    found = torch.autograd.grad(unclamped, list(model.parts["encoder"].parameters()), allow_unused=True)
    assert all((gradient is not None) is learns for gradient in found)


def test_instance_noise_is_seen_by_the_discriminator_alone_and_falls() -> None:
    plain, noisy = build(), build(**{"objective.gibbsnet.instance_noise": 0.5, "objective.gibbsnet.noise_until": 0.5})
    noisy.load_state_dict(plain.state_dict())
    step = step_of(noisy)
    assert not torch.equal(terms(plain, step_of(plain))["fool"], terms(noisy, step)["fool"])
    assert torch.equal(step.z(), step_of(plain).z())
    late = step_of(noisy)
    late.progress = 0.5
    assert torch.equal(terms(plain, step_of(plain))["fool"], terms(noisy, late)["fool"])


def test_a_draw_needs_pixels_whose_draws_have_a_gradient() -> None:
    with pytest.raises(IncompatibleError, match=r"likelihood\.rsample") as refused:
        build(**{"objective.gibbsnet.decoding": "sample", "decoder.likelihood": "bernoulli"})
    assert "gaussian" in str(refused.value.hint)


def test_a_discriminator_of_images_alone_is_refused_and_the_other_way_round() -> None:
    with pytest.raises(IncompatibleError, match="takes images alone") as refused:
        build(discriminator="mlp")
    assert "joint" in str(refused.value.hint)
    with pytest.raises(IncompatibleError, match="with codes"):
        zoo.build("gan", image_shape=(1, 32, 32), labels=Labels(), discriminator="joint")


@pytest.mark.parametrize("recipe", ["ali", "gibbsnet"])
def test_it_trains_saves_and_comes_back(recipe: str, tmp_path: Any) -> None:
    model = zoo.build(recipe, data="digits", **NETS)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    zoo.train(model, "digits", epochs=1, progress=False)
    moved = {name.split(".")[1] for name, t in model.state_dict().items() if not torch.equal(t, before[name])}
    assert {"encoder", "decoder", "discriminator"} <= moved
    again = zoo.load(model.save(tmp_path / "model"))
    assert torch.equal(again.sample(3, seed=0), model.sample(3, seed=0))
