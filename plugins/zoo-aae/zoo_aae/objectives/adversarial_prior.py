"""AdversarialPrior: a critic tells codes from draws of the prior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, cast

from annotated_types import Ge, Le, MaxLen, MinLen
from torch import Tensor, nn

from zoo_aae.critic import CodeCritic
from zoo_core.adversarial import AdversarialLoss, Penalty, critic_loss, generator_loss, gradient_penalty
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Encoder, Labels, Need, Objective, Part, Prior, Tags, Term

Width = Annotated[int, Ge(1), Le(65_536)]


class AdversarialPrior(Objective):
    """Matches the aggregated posterior q(z) with the prior p(z) (section 2): ``discriminate`` trains a critic that tells draws of
    the prior (real) from codes, ``fool`` trains the encoder to be taken for the prior.

    A joint code of a label y and a style z gets a critic for each (section 5, Figure 8); the prior has to have as many categories
    as the encoder. The critics are not published.

    Arguments:
        loss: the game; ``gan`` is the paper's.
        penalty: on the critic's slope.
        penalty_weight: its factor.
        hidden: widths of a critic's hidden layers.
        conditional: the critic is told the label of the code or of the draw, with an extra label where it is not known (section
            2.3, Figure 3): the codes of a class go to its place in the prior.
        independent: the critic is told the label of the code, and draws know nothing of theirs: each class is to fill the whole
            prior, so that codes do not tell the class.
        instance_noise: standard deviation of Gaussian noise on all that a critic sees.
        init_std: a critic's weights are drawn from N(0, init_std²) (appendix A.1: 0.01); with 0, torch's own initialisation.
        weight: factor of the encoder's term.

    Raises:
        ValueError: both ``conditional`` and ``independent``.
        IncompatibleError: a prior without categories for a joint code, or with another number; ``conditional`` with a prior that takes no
            labels; ``independent`` with a joint code; either with data without classes.
    """

    tags: ClassVar[Tags] = Tags(adversarial=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"hidden": [16, 16]}
        return [
            small,
            {**small, "loss": "lsgan", "instance_noise": 0.1},
            {**small, "loss": "hinge", "penalty": "r1", "penalty_weight": 0.1},
            {**small, "loss": "wgan", "penalty": "gradient", "init_std": 0.05},
        ]

    losses: ClassVar[tuple[str, ...]] = ("discriminate", "fool")
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "prior": Need("prior")}
    training_only: ClassVar[frozenset[str]] = frozenset({"critics"})
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "critic": {"trains": ["self"], "losses": ["discriminate"], "lr": 2e-4, "betas": [0.5, 0.999]},
        "generator": {"trains": ["encoder"], "losses": ["fool"], "lr": 2e-4, "betas": [0.5, 0.999]},
    }

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        labels: Labels,
        loss: AdversarialLoss = "gan",
        penalty: Penalty = "none",
        penalty_weight: Annotated[float, Ge(0)] = 10.0,
        hidden: Annotated[tuple[Width, ...], MinLen(1), MaxLen(64)] = (1000, 1000),
        conditional: bool = False,
        independent: bool = False,
        instance_noise: Annotated[float, Ge(0)] = 0.0,
        init_std: Annotated[float, Ge(0)] = 0.0,
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__()
        self.loss: AdversarialLoss = loss
        self.penalty: Penalty = penalty
        self.penalty_weight, self.instance_noise, self.weight = penalty_weight, instance_noise, weight
        if conditional and independent:
            raise ValueError(
                "conditional gives each class its place in the prior, independent spreads each over it all: set one to false"
            )
        self.conditional, self.told = conditional, conditional or independent
        if self.told:
            _refuse_without_classes(labels, "conditional" if conditional else "independent")
        if conditional:
            _refuse_without_places(cast(Prior, parts["prior"]), labels)
        self.latents = _latents(cast(Encoder, parts["encoder"]), cast(Prior, parts["prior"]))
        if independent and len(self.latents) > 1:
            raise IncompatibleError(
                "codes that begin with a label cannot be independent of it",
                hint="set objective.adversarial-prior.independent=false",
            )
        classes = labels.count if self.told else 0
        self.critics = nn.ModuleDict(
            {
                name: CodeCritic(columns.stop - columns.start, hidden, classes, init_std)
                for name, columns in self.latents.items()
            }
        )

    @property
    def capabilities(self) -> frozenset[str]:
        if self.conditional:
            return frozenset({"labels", "labels.places"})
        return frozenset({"labels"}) if self.told else frozenset()

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``critic`` or ``fool``, one for each latent of a joint code."""
        codes, y = step.z(), step.y if self.told else None
        for name, columns in self.latents.items():
            suffix = f"_{name}" if len(self.latents) > 1 else ""
            z = codes[:, columns]
            if loss == "fool":
                yield Term(
                    f"fool{suffix}", self.weight * generator_loss(self.loss, self._scores(step, name, "code", z, y))
                )
                continue
            draws, z = self._draws(step)[:, columns], z.detach()
            real, fake = self._scores(step, name, "prior", draws, y), self._scores(step, name, "code", z, y)
            yield Term(f"critic{suffix}", critic_loss(self.loss, real, fake))
            if self.penalty != "none" and self.penalty_weight:
                mix = step.noise.uniform(f"mix:{name}", (len(step),))
                critic = partial(self._critic(name), y=y)
                slope = gradient_penalty(self.penalty, critic, draws, z, mix)
                yield Term(f"penalty{suffix}", self.penalty_weight * slope)

    def _draws(self, step: Step) -> Tensor:
        """Draws of the prior, (N, latent_dim), for the examples' labels where the critic is told them."""
        if not self.conditional or step.y is None:
            return step.prior_draw()
        prior = cast(Prior, step.part("prior"))
        return step.value("prior_draw(y)", lambda: prior.sample(len(step), step.noise, step.y, "prior(y)"))

    def _scores(self, step: Step, name: str, of: str, z: Tensor, y: Tensor | None) -> Tensor:
        if self.instance_noise:
            z = z + self.instance_noise * step.noise.normal(f"instance:{of}:{name}", z.shape)
        scores: Tensor = self._critic(name)(z, y)
        return scores

    def _critic(self, name: str) -> CodeCritic:
        return cast(CodeCritic, self.critics[name])


def _latents(encoder: Encoder, prior: Prior) -> dict[str, slice]:
    """The columns of the code that each critic sees."""
    family, categories = encoder.family, encoder.family.categories
    if not categories:
        return {"z": family.columns("code")}
    if prior.categories != categories:
        has = f"has {prior.categories}" if prior.categories else "has none"
        raise IncompatibleError(
            f"the encoder's codes begin with a label of {categories} categories, and the prior {has}",
            hint=f'set prior={{"name": "categorical-gaussian", "categories": {categories}}}',
        )
    return {"y": family.columns("label"), "z": family.columns("style")}


def _refuse_without_classes(labels: Labels, setting: str) -> None:
    if labels.type != "classes":
        raise IncompatibleError(
            f"a critic that is told the label needs data with classes, these have labels of type {labels.type}",
            hint=f"set objective.adversarial-prior.{setting}=false",
        )


def _refuse_without_places(prior: Prior, labels: Labels) -> None:
    if "labels" not in prior.capabilities:
        raise IncompatibleError(
            "a critic that is told the label needs a prior with a place for each class",
            hint="set prior=gaussian-mixture or prior=swiss-roll, or objective.adversarial-prior.conditional=false",
        )
    if prior.components < labels.count:
        raise IncompatibleError(
            f"the data have {labels.count} classes, the prior places for {prior.components}",
            hint=f"set prior.components={labels.count}",
        )
