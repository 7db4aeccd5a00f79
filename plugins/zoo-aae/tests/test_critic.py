"""The critic of codes, and how labels reach it (section 2.3)."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from zoo_aae.critic import CodeCritic

CLASSES, WIDTH, EXAMPLES = 4, 3, 12


def critic() -> CodeCritic:
    torch.manual_seed(0)
    return CodeCritic(WIDTH, (7, 6), CLASSES).double()


def codes() -> torch.Tensor:
    return torch.randn(EXAMPLES, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def plain(source: CodeCritic, bias: torch.Tensor) -> nn.Sequential:
    """A critic without labels whose first layer has this bias."""
    first = nn.Linear(WIDTH, 7).double()
    with torch.no_grad():
        first.weight.copy_(source.first.weight)
        first.bias.copy_(bias)
    return nn.Sequential(first, *source.rest)


@pytest.mark.parametrize("y", [None, torch.full((EXAMPLES,), -1)])
def test_unlabelled_codes_see_a_plain_critic_whose_first_bias_holds_the_extra_label_to_the_last_bit(
    y: torch.Tensor | None,
) -> None:
    ours = critic()
    assert ours.label is not None
    other = plain(ours, ours.first.bias + ours.label.weight[CLASSES])
    z, same = codes().requires_grad_(), codes().requires_grad_()
    loss, expected = nn.functional.softplus(-ours(z, y)).mean(), nn.functional.softplus(-other(same).squeeze(1)).mean()
    assert torch.equal(loss, expected)
    assert torch.equal(*(torch.autograd.grad(value, at)[0] for value, at in ((loss, z), (expected, same))))


def test_without_a_label_the_weights_of_the_labels_get_no_gradient() -> None:
    ours = critic()
    assert ours.label is not None
    ours(codes(), torch.full((EXAMPLES,), -1)).sum().backward()
    assert ours.label.weight.grad is not None
    assert torch.count_nonzero(ours.label.weight.grad[:CLASSES]) == 0
    assert torch.count_nonzero(ours.label.weight.grad[CLASSES]) > 0


def test_an_unlabelled_example_among_labelled_ones_touches_the_extra_label_alone() -> None:
    ours = critic()
    assert ours.label is not None
    y = torch.arange(EXAMPLES) % CLASSES
    y[5] = -1
    ours(codes(), y)[5].backward()
    assert ours.label.weight.grad is not None
    assert ours.label.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [CLASSES]


def test_the_label_is_a_one_hot_vector_beside_the_code() -> None:
    ours = critic()
    assert ours.label is not None
    y = torch.tensor([0, 1, 2, 3, -1] * 3)[:EXAMPLES]
    one_hot = nn.functional.one_hot(torch.where(y < 0, CLASSES, y), CLASSES + 1).double()
    weight = torch.cat([ours.first.weight, ours.label.weight.t()], dim=1)
    first = torch.cat([codes(), one_hot], dim=1) @ weight.t() + ours.first.bias
    torch.testing.assert_close(ours(codes(), y), ours.rest(first).squeeze(1), rtol=1e-13, atol=1e-13)


def test_first_weights_are_spread_as_those_of_one_linear_layer_or_drawn_with_the_asked_deviation() -> None:
    torch.manual_seed(0)
    spread = CodeCritic(5, (2000, 8), 10)
    assert spread.label is not None
    bound = (5 + 11) ** -0.5
    for weights in (spread.first.weight, spread.label.weight):
        assert 0.99 * bound < weights.abs().max() <= bound
        assert weights.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    drawn = CodeCritic(5, (2000, 8), 10, init_std=0.01)
    assert drawn.label is not None
    for weights in (drawn.first.weight, drawn.label.weight):
        assert weights.std().item() == pytest.approx(0.01, rel=0.05)
    assert torch.count_nonzero(drawn.first.bias) == 0
