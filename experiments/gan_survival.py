"""20,000 steps of every adversarial objective on the embedded digits, MLP nets: does it stay finite, and how varied are its samples?

python experiments/gan_survival.py --seed 0 --minutes 60
python experiments/gan_survival.py --table
"""

from __future__ import annotations

import sys
from typing import Any

from bench import Deadline, Results, arguments, measure

import zoo_core as zoo

STEPS, BATCH = 20_000, 32
NETS: dict[str, Any] = {
    "decoder": {"name": "mlp", "hidden": [64, 64], "sigma": "fixed"},
    "discriminator": {"name": "mlp", "hidden": [64], "features": 64},
    "image_size": 8,
    "latent_dim": 8,
}
LINES: dict[str, Any] = {
    **{name: name for name in ("gan", "gan-minimax", "lsgan", "hinge", "wgan", "wgan-gp", "bgan", "feature-matching")},
    "bgan-discrete": {"name": "bgan", "pixels": "discrete", "draws": 5},
    **{f"gan+{name}": ["gan", name] for name in ("r1", "roth", "jacobian-clamping", "dfm")},
}


def run(line: str, seed: int, deadline: Deadline, results: Results) -> bool:
    """Train one line; False when the time ran out."""
    if results.has(line=line, seed=seed, steps=STEPS):
        return True
    settings = {"decoder.likelihood": "bernoulli"} if line == "bgan-discrete" else {}
    if line == "gan+dfm":
        settings["objective.dfm.denoiser"] = {"name": "mlp-denoiser", "depth": 4}
    model = zoo.build("gan", data="digits", objective=LINES[line], seed=seed, **NETS, **settings)
    turns = model.config["training"]["turns"]
    draws = max(turn["batches"] for turn in turns)
    rounds = STEPS // draws
    images = 1297 // BATCH
    epochs = -(-rounds * draws // images)
    failed = ""
    try:
        trained = zoo.train(
            model,
            "digits",
            epochs=epochs,
            batch_size=BATCH,
            seed=seed,
            device="cpu",
            progress=False,
            validate_every=epochs,
            callbacks=[deadline],
        )
    except zoo.ZooError as error:
        failed, trained = str(error), None
    if trained is not None and trained.reason != "finished":
        return False
    results.add(
        line=line,
        seed=seed,
        steps=STEPS,
        rounds=trained.rounds if trained else None,
        finite=trained is not None,
        failed=failed,
        diversity=trained.diversity if trained else None,
        seconds=round(trained.seconds) if trained else None,
        command=f"experiments/gan_survival.py --seed {seed}",
        device="cpu",
    )
    return True


def table(results: Results) -> None:
    """Every line that has run."""
    for row in results.lines:
        said = f"diversity {row['diversity']:.2f}" if row["finite"] else row["failed"]
        print(f"{row['line']:24}seed {row['seed']}  {row['steps']:,} batches of the discriminator  {said}")


def main() -> int:
    """Every line at one seed."""
    args = arguments(__doc__, table=True).parse_args()
    results = Results("gan_survival")
    measure(args, LINES, lambda line, deadline: run(line, args.seed, deadline, results))
    table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
