"""Which checks there are, and which of them a component is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoo_core.interfaces import Tags
from zoo_core.registry.names import KINDS
from zoo_core.testing import (
    attacks,
    capabilities,
    compiling,
    datasets,
    determinism,
    discovery,
    gradients,
    heads,
    metrics,
    needs,
    numbers,
    objectives,
    playing,
    plots,
    precision,
    priors,
    samplers,
    saving,
    shapes,
)
from zoo_core.testing.subject import PluginSubject, Subject

NETS = ("encoder", "decoder", "feature-extractor", "head")
"""Kinds whose ``forward`` is known."""
FORWARDS = (*NETS, "network")
"""Kinds whose ``forward`` can be tried: a network's where it names its ``inputs``."""
WITH_WEIGHTS = (*NETS, "prior", "objective", "network", "attack")


def _always(tags: Tags) -> bool:
    return True


class _Contract:
    """What checks of components and of plugins have in common."""

    function: Callable[..., None]

    @property
    def name(self) -> str:
        """As in ids and expected failures."""
        return self.function.__name__.removeprefix("check_")

    @property
    def contract(self) -> str:
        """What it holds a component or plugin against."""
        return " ".join((self.function.__doc__ or "").split())


@dataclass(frozen=True)
class Check(_Contract):
    """One contract.

    Arguments:
        function: raises :class:`~zoo_core.testing.results.CheckFailed`; its docstring is the contract in a sentence.
        kinds: of the components that it holds for.
        once: a component, not once an example.
        applies: whether a component with these tags is held against it.
    """

    function: Callable[[Subject], None]
    kinds: tuple[str, ...] = KINDS
    once: bool = False
    applies: Callable[[Tags], bool] = _always


@dataclass(frozen=True)
class PluginCheck(_Contract):
    """One contract of a plugin as a whole."""

    function: Callable[[PluginSubject], None]


PLUGIN_CHECKS = (
    PluginCheck(discovery.check_loads),
    PluginCheck(discovery.check_registers_something),
    PluginCheck(discovery.check_discovery_imports_no_torch),
)

CLASS_IS_THERE = Check(discovery.check_class_is_there, once=True)

CHECKS = (
    CLASS_IS_THERE,
    Check(numbers.check_is_documented, once=True),
    Check(numbers.check_tags_and_examples),
    Check(numbers.check_arguments_are_keywords, once=True),
    Check(numbers.check_numbers_are_bounded, once=True),
    Check(numbers.check_defaults_are_allowed, once=True),
    Check(numbers.check_huge_values_are_refused, (*NETS, "prior", "objective"), once=True),
    Check(shapes.check_forward_gives_tensors, NETS),
    Check(shapes.check_declares_what_it_is, (*NETS, "prior")),
    Check(shapes.check_shapes_in_eval, NETS),
    Check(shapes.check_shapes_in_train, NETS),
    Check(shapes.check_layers_have_their_names, ("feature-extractor",)),
    Check(determinism.check_same_seed_same_weights, WITH_WEIGHTS),
    Check(determinism.check_seed_decides_weights, WITH_WEIGHTS),
    Check(determinism.check_same_result_twice, FORWARDS),
    Check(determinism.check_own_noise_comes_from_outside, FORWARDS),
    Check(determinism.check_same_row_alone, FORWARDS),
    Check(determinism.check_input_unchanged, FORWARDS),
    Check(determinism.check_any_memory_layout, FORWARDS),
    Check(determinism.check_eval_changes_nothing, FORWARDS),
    Check(
        determinism.check_train_mode_as_tagged, FORWARDS, applies=lambda t: not t.stochastic or not t.batch_statistics
    ),
    Check(determinism.check_nothing_is_hidden, FORWARDS),
    Check(gradients.check_every_parameter_learns, FORWARDS),
    Check(gradients.check_gradient_reaches_the_input, FORWARDS),
    Check(gradients.check_only_registered_weights_learn, FORWARDS),
    Check(saving.check_state_is_tensors, WITH_WEIGHTS),
    Check(saving.check_weights_survive_saving, WITH_WEIGHTS),
    Check(saving.check_tied_weights_stay_tied, WITH_WEIGHTS),
    Check(saving.check_config_builds_it_again, (*WITH_WEIGHTS, "sampler", "metric", "plot")),
    Check(saving.check_components_inside_are_settings, WITH_WEIGHTS),
    Check(saving.check_moves_whole, FORWARDS),
    Check(precision.check_float64, FORWARDS),
    Check(precision.check_bfloat16, FORWARDS),
    Check(precision.check_finite_at_the_limits, FORWARDS),
    Check(capabilities.check_posterior_does_what_it_says, ("encoder",)),
    Check(capabilities.check_draws_differ_as_said, ("encoder",)),
    Check(capabilities.check_codes_of_one_example_are_its_own, ("encoder",)),
    Check(capabilities.check_density_is_normalised, ("encoder",), applies=lambda t: t.density),
    Check(capabilities.check_likelihood_does_what_it_says, ("decoder",)),
    Check(capabilities.check_pictures_depend_on_codes, NETS),
    Check(capabilities.check_labels_as_said, ("encoder", "decoder")),
    Check(capabilities.check_attributes_as_said, ("encoder", "decoder"), applies=lambda t: t.conditional),
    Check(capabilities.check_conditional_as_tagged, ("encoder", "decoder"), once=True, applies=lambda t: t.conditional),
    Check(capabilities.check_needs_labels_as_tagged, NETS, once=True, applies=lambda t: t.labels != "none"),
    Check(priors.check_prior_draws, ("prior",)),
    Check(priors.check_prior_density, ("prior",)),
    Check(priors.check_prior_divergence, ("prior",)),
    Check(heads.check_head_does_what_it_says, ("head",)),
    Check(attacks.check_attack_stays_close, ("attack",)),
    Check(attacks.check_attack_is_seeded, ("attack",)),
    Check(attacks.check_attack_keeps_rows_apart, ("attack",)),
    Check(attacks.check_attack_leaves_no_trace, ("attack",)),
    Check(compiling.check_compiles, FORWARDS, applies=lambda t: t.compilable),
    Check(compiling.check_exports, FORWARDS, applies=lambda t: t.exportable),
    Check(needs.check_needs_can_be_met, ("objective", "sampler", "metric", "plot"), once=True),
    Check(objectives.check_terms_are_finite_scalars, ("objective",)),
    Check(objectives.check_term_names_are_unique, ("objective",)),
    Check(objectives.check_terms_reach_what_they_say, ("objective",)),
    Check(objectives.check_own_networks_learn, ("objective",)),
    Check(objectives.check_training_only_exists, ("objective",)),
    Check(objectives.check_draws_come_from_the_step, ("objective",)),
    Check(objectives.check_batch_is_left_alone, ("objective",)),
    Check(objectives.check_terms_are_means, ("objective",)),
    Check(objectives.check_unknown_labels_are_taken, ("objective",)),
    Check(objectives.check_data_without_labels, ("objective",)),
    Check(playing.check_default_players_are_sound, ("objective",)),
    Check(playing.check_plays_at_once, ("objective",)),
    Check(playing.check_plays_in_turn, ("objective",)),
    Check(playing.check_training_does_good, ("objective",)),
    Check(samplers.check_samples_are_pictures, ("sampler",)),
    Check(samplers.check_samples_are_seeded, ("sampler",)),
    Check(samplers.check_seed_decides_samples, ("sampler",)),
    Check(samplers.check_samples_follow_labels, ("sampler",)),
    Check(samplers.check_model_is_left_alone, ("sampler",)),
    Check(metrics.check_figures_are_finite, ("metric",)),
    Check(metrics.check_figures_are_seeded, ("metric",)),
    Check(metrics.check_figures_do_not_depend_on_batches, ("metric",)),
    Check(plots.check_plot_draws_something, ("plot",)),
    Check(plots.check_plot_size_is_finite, ("plot",)),
    Check(plots.check_plots_are_seeded, ("plot",)),
    Check(plots.check_plot_leaves_the_model_alone, ("plot",)),
    Check(datasets.check_splits_are_as_promised, ("dataset",)),
    Check(datasets.check_splits_are_the_same_every_time, ("dataset",)),
    Check(datasets.check_windows_do_not_overlap, ("dataset",)),
)


def checks_for(subject: Subject) -> tuple[Check, ...]:
    """What ``subject`` is held against, in order."""
    tags = subject.tags if isinstance(subject.tags, Tags) else Tags()
    untried = subject.kind == "network" and not getattr(subject.component, "inputs", ())
    return tuple(
        check
        for check in CHECKS
        if subject.kind in check.kinds
        and not (untried and check.kinds == FORWARDS)
        and (subject.index == 0 or not check.once)
        and check.applies(tags)
    )
