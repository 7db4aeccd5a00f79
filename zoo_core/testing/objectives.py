"""Checks of an objective's terms: names, values, gradients, randomness."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from zoo_core.errors import ZooError
from zoo_core.interfaces import Batch, Labels, Term
from zoo_core.registry.parameter import context
from zoo_core.testing.determinism import global_generators_untouched
from zoo_core.testing.games import Playground, moves, playground
from zoo_core.testing.gradients import SEEDS, graph_leaves, refuse_unregistered_modules, shaken
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject


def check_terms_are_finite_scalars(subject: Subject) -> None:
    """Every term is a named finite scalar with a gradient, and every declared loss gets at least one."""
    ground = playground(subject)
    seen = []
    for loss, term in ground.terms(ground.step()):
        seen.append(loss)
        value = term.value
        if not isinstance(term.name, str) or not term.name or not term.name.isprintable():
            raise CheckFailed("a printable name of each term", found=repr(term.name)[:80])
        if not isinstance(value, Tensor) or value.shape != ():
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise CheckFailed(
                f"a scalar tensor as the value of {term.name}", found=str(shape), do="take the mean over the batch"
            )
        if not torch.isfinite(value):
            raise CheckFailed(f"a finite value of {term.name}", found=str(float(value.detach())))
        if not value.requires_grad:
            raise CheckFailed(f"a gradient of {term.name}", found="none", do="do not detach it, nor take .item()")
    silent = [loss for loss in ground.objective.losses if loss not in seen]
    if silent:
        raise CheckFailed(
            f"terms for every loss in losses = {ground.objective.losses}",
            found=f"none for {silent[0]}",
            do="yield terms for it in terms(), or do not declare it",
        )


def check_term_names_are_unique(subject: Subject) -> None:
    """No two terms have the same name: logs tell them apart by it."""
    ground = playground(subject)
    names = [term.name for _, term in ground.terms(ground.step())]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise CheckFailed(
            "different names of terms", found=f"{doubled[0]!r} twice", do="name each addend after what it is"
        )


def check_terms_reach_what_they_say(subject: Subject) -> None:
    """A term's ``grad_parts`` names parts of the model, each of which it moves; without it, it moves a part that it needs or its own."""
    missed: set[str] | None = None
    for seed in SEEDS:
        ground = playground(subject, seed=seed)
        now: set[str] = set()
        for _, term in ground.terms(ground.step(seed=seed)):
            now |= _missed(ground, term)
        missed = now if missed is None else missed & now
        if not missed:
            return
    raise CheckFailed(
        "each term to move the parts that it reaches",
        found=", ".join(sorted(missed or ())),
        do="name in reaches exactly the parts that the term depends on (self: the objective's own networks)",
    )


def _missed(ground: Playground, term: Term) -> set[str]:
    """What the term says it reaches and does not."""
    modules = {**ground.parts, "self": ground.objective}
    names = set(modules) if term.grad_parts is None else set(term.grad_parts)
    unknown = {f"{term.name} reaches {name!r}, which is no part" for name in names - set(modules)}
    moved = {name for name in names & set(modules) if moves(term.value, list(modules[name].parameters()))}
    if term.grad_parts is None:
        return set() if moved else {f"{term.name} moves no part"}
    return unknown | {f"{term.name} does not move {name!r}" for name in names & set(modules) - moved}


def check_own_networks_learn(subject: Subject) -> None:
    """The objective's own networks are registered, and each of their weights gets a gradient from one of its terms."""
    ground = playground(subject)
    refuse_unregistered_modules(ground.objective)
    known = {id(p) for module in (*ground.parts.values(), ground.objective) for p in module.parameters()}
    values, again = ([term.value for _, term in ground.terms(ground.step())] for _ in range(2))
    # A leaf made for one step, as a gradient penalty does, is no weight.
    lasting = {id(leaf) for leaf in graph_leaves(values)} & {id(leaf) for leaf in graph_leaves(again)}
    if lasting - known:
        raise CheckFailed(
            "terms that depend on registered parameters only",
            found="a weight that is none",
            do="hold own networks as attributes or in nn.ModuleList",
        )
    dead: set[str] | None = None
    for seed in SEEDS:
        ground = playground(subject, seed=seed)
        named = {name: p for name, p in ground.objective.named_parameters() if p.requires_grad}
        values = [term.value for _, term in ground.terms(ground.step(seed=seed))]
        now = {name for name, p in named.items() if not any(moves(value, [p]) for value in values)}
        dead = now if dead is None else dead & now
        if not dead:
            return
    raise CheckFailed("a gradient for every own weight", found=f"none for {', '.join(sorted(dead or ())[:4])}")


def check_training_only_exists(subject: Subject) -> None:
    """Each name in ``training_only`` is one of the objective's own networks or parameters, and ``trained_by`` one of its losses."""
    objective = playground(subject).objective
    own = {name.split(".")[0] for name, _ in [*objective.named_modules(), *objective.named_parameters()] if name}
    own |= {name for name, _ in objective.named_buffers()}
    for name in objective.training_only - own:
        raise CheckFailed(
            "training_only to name own networks", found=f"{name!r}", do="name attributes of the objective"
        )
    if objective.trained_by is not None and objective.trained_by not in objective.losses:
        raise CheckFailed(f"trained_by among losses = {objective.losses}", found=repr(objective.trained_by))


def check_draws_come_from_the_step(subject: Subject) -> None:
    """All draws come from ``step.noise``: the same step gives the same terms, and no global generator moves."""
    values = []
    for state in (1, 2):
        ground = playground(subject)
        torch.manual_seed(state)
        with global_generators_untouched("terms()"):
            values.append([float(term.value.detach()) for _, term in ground.terms(ground.step())])
    if any(abs(a - b) > 1e-5 * max(1.0, abs(b)) for a, b in zip(*values, strict=True)):
        raise CheckFailed(
            "the same terms from the same step",
            found=f"{values[0]} and {values[1]}",
            do="draw with step.noise.normal(name, shape)",
        )


def check_batch_is_left_alone(subject: Subject) -> None:
    """Terms leave the batch, the weights and the modes (train, eval) as they were."""
    ground = playground(subject)
    given = ground.batch()
    for module in ground.modules().values():
        shaken(module.train())
    before = [t.clone() for t in (given.x, given.y, given.attributes) if t is not None]
    weights = {name: p.detach().clone() for name, m in ground.modules().items() for name, p in m.named_parameters(name)}
    modes = [m.training for module in ground.modules().values() for m in module.modules()]
    list(ground.terms(ground.step(given)))
    if modes != [m.training for module in ground.modules().values() for m in module.modules()]:
        raise CheckFailed("parts in the mode that they were in", found="another mode after terms()", do="put it back")
    after = [t for t in (given.x, given.y, given.attributes) if t is not None]
    if not all(torch.equal(a, b) for a, b in zip(before, after)):
        raise CheckFailed("the batch as it was", found="it was changed in place", do="work on copies")
    now = {name: p for name, m in ground.modules().items() for name, p in m.named_parameters(name)}
    changed = [name for name, p in now.items() if not torch.equal(p, weights[name])]
    if changed:
        raise CheckFailed("weights that only players change", found=f"{changed[0]} changed in terms()")


def check_terms_are_means(subject: Subject) -> None:
    """A term is a mean over the batch: the same rows eight times over do not make it eight times as large."""
    for_one: dict[str, float] = {}
    ratios: dict[str, list[float]] = {}
    for seed in SEEDS:
        for times in (1, 8):
            ground = playground(subject, seed=seed)
            given = _repeated(ground.batch(8, start=8 * seed), times)
            for _, term in ground.terms(ground.step(given, seed=seed)):
                value = float(term.value.detach())
                if times == 1:
                    for_one[term.name] = value
                elif abs(for_one.get(term.name, 0.0)) > 1e-8:
                    ratios.setdefault(term.name, []).append(value / for_one[term.name])
    for name, found in ratios.items():
        if len(found) == len(SEEDS) and all(6 < ratio < 10.5 for ratio in found):
            raise CheckFailed(
                f"{name} to be a mean over the batch",
                found="a sum over it: eight times the rows gave eight times the value",
                do="take .mean() over the rows, so that learning rates serve every batch size",
            )


def _repeated(given: Batch, times: int) -> Batch:
    y = None if given.y is None else given.y.repeat(times)
    attributes = None if given.attributes is None else given.attributes.repeat(times, 1)
    return replace(given, x=given.x.repeat(times, *[1] * (given.x.ndim - 1)), y=y, attributes=attributes)


def check_unknown_labels_are_taken(subject: Subject) -> None:
    """Rows whose label is not known (−1) leave the terms finite."""
    ground = playground(subject)
    given = ground.batch()
    y = None if given.y is None else given.y.index_fill(0, torch.arange(0, len(given), 2), -1)
    attributes = (
        None if given.attributes is None else given.attributes.index_fill(0, torch.arange(0, len(given), 2), -1)
    )
    for _, term in ground.terms(ground.step(replace(given, y=y, attributes=attributes))):
        if not torch.isfinite(term.value):
            raise CheckFailed(f"a finite {term.name} where some labels are −1", found=str(float(term.value.detach())),
                              do="leave such rows out")  # fmt: skip


def check_data_without_labels(subject: Subject) -> None:
    """An objective tagged ``labels`` refuses data without them when it is built; any other works without them."""
    ground = playground(subject)
    if subject.tags.labels == "none":
        try:
            list(ground.terms(ground.step(replace(ground.batch(), y=None, attributes=None))))
        except Exception as error:
            raise CheckFailed(
                "terms for data without labels, as there is no tag labels",
                found=f"{type(error).__name__}: {error}",
                do='tags = Tags(labels="classes"), if it cannot do without',
            ) from error
    elif "labels" in context(subject.component):
        try:
            subject.fresh(labels=Labels())
        except ZooError:
            return
        raise CheckFailed(
            "to be refused for data without labels", found="it was built", do="raise a IncompatibleError in __init__"
        )
