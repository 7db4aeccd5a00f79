"""Hostile paths: references, links, pipes and devices, and a cache that was tampered with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

import zoo_core as zoo
from zoo_core.errors import ZooError
from zoo_core.hub.reference import locate
from zoo_core.publishing.inspect import inspect

from .budget import Attack, rounds
from .conftest import Victim
from .json_trees import TEXTS
from .watch import Watch

Victims = Callable[[str], Victim]

FILES = ("config.json", "model.safetensors", "model.safetensors.index.json")
COMMIT = "0123456789abcdef0123456789abcdef01234567"

names = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(
        (
            "..",
            "../..",
            "/",
            "//",
            "~",
            "~nobody/x",
            ".",
            "./.",
            "hf:",
            "hf:..",
            "hf:../..",
            "hf:/etc",
            "hf:a/b/c",
            "a/b@",
            "@x",
        )
    ),
    st.lists(
        st.sampled_from(("..", ".", "", "a", "~", "hf:", "@", "x@y", "org", "\x00", "\n", "a" * 300, "%2e%2e", "‥")),
        max_size=5,
    ).map("/".join),
    st.text(max_size=30),
)


@rounds
def test_any_text_as_a_reference(
    round: int, watch: Watch, ground: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    monkeypatch.chdir(ground / "cache")

    def judged(case: tuple[str, str | None]) -> None:
        text, revision = case
        watch.judge(lambda: locate(text, revision=revision))
        watch.judge(lambda: inspect(text, revision=revision))

    cases = st.tuples(names, st.one_of(st.none(), names))
    attack(250, cases, judged)


def lead_away(path: Path, way: str, ground: Path) -> None:
    """Put something else in the place of a file."""
    path.unlink(missing_ok=True)
    if way == "pipe":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way == "circle":
        path.symlink_to(path.name)
    elif way == "nowhere":
        path.symlink_to(ground / "nowhere" / "x")
    elif way == "secret":
        path.symlink_to(ground / "secret")
    else:
        path.symlink_to(way)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "way", ["pipe", "folder", "circle", "nowhere", "secret", "/dev/zero", "/dev/stdin", "/proc/self/mem", "/", ".."]
)
def test_a_folder_whose_file_is_none(file: str, way: str, victim: Victims, watch: Watch, ground: Path) -> None:
    model = victim("vae")
    if file.endswith(".index.json"):
        zoo.load(model.sound).save(model.folder, max_shard_size=1500)
    lead_away(model.folder / file, way, ground)
    for look in (zoo.load, inspect, lambda folder: inspect(folder, verify=True)):
        assert isinstance(watch.judge(lambda look=look: look(model.folder)), ZooError)  # type: ignore[misc]


@pytest.mark.parametrize("way", ["pipe", "folder", "circle", "secret", "/dev/zero", "/proc/self/mem"])
def test_a_card_that_is_no_file_hinders_nobody(way: str, victim: Victims, watch: Watch, ground: Path) -> None:
    model = victim("vae")
    lead_away(model.folder / "README.md", way, ground)
    assert watch.judge(lambda: inspect(model.folder)) is None


CARDS = (
    "---\nlicense: [1, 2\n---\n",
    "---\nlicense: !!python/object/apply:os.system ['x']\n---\n",
    "---\n- a\n---\n",
    "---\nlicense: {a: b}\n---\n",
    '---\nlicense: "\\e[31m"\n---\n',
    "---\n" + "[" * 2000 + "\n---\n",
    "---\nlicense: " + "a" * 100_000 + "\n---\n",
    "\x00",
    "---\n---\n---\n",
    "---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n"
    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nlicense: &f [*e,*e,*e,*e,*e,*e,*e,*e]\n---\n",
    "---\nmodel-index: 1\n---\n",
    "---\n&a a: *a\n---\n",
    "---\nlicense: 2001-99-99\n---\n",
    "---\n<<: *x\n---\n",
    "\ufeff---\nlicense: mit\n---\n",
    "---\r\n" * 50_000,
    "-" * 500_000,
    "---\n" + " " * 300_000 + "x\n---\n",
    "---\neval_results: 1\nlicense: mit\n---\n",
    "---\nmodel-index: [{}]\n---\n",
    "---\ntags: 1\n---\n",
)


@rounds
def test_a_card_with_anything_in_it(round: int, victim: Victims, watch: Watch, attack: Attack) -> None:
    model = victim("vae")

    def judged(text: str) -> None:
        model.put("README.md", text)
        watch.judge(lambda: inspect(model.folder))

    framed = st.text(max_size=40).map(lambda text: f"---\n{text}\n---\n")
    attack(120, st.one_of(st.sampled_from(CARDS), framed, st.text(max_size=20)), judged)


def cached(ground: Path, model: Victim) -> Path:
    """A snapshot of the model in the Hub's cache, as huggingface_hub lays it out."""
    repo = ground / "cache" / "models--org--name"
    snapshot = repo / "snapshots" / COMMIT
    snapshot.mkdir(parents=True, exist_ok=True)
    (repo / "refs").mkdir(exist_ok=True)
    (repo / "refs" / "main").write_text(COMMIT)
    for path in model.sound.iterdir():
        (snapshot / path.name).unlink(missing_ok=True)
        (snapshot / path.name).write_bytes(path.read_bytes())
    return snapshot


def test_the_cached_model_is_found_without_a_network(victim: Victims, watch: Watch, ground: Path) -> None:
    cached(ground, victim("vae"))
    assert watch.judge(lambda: zoo.load("hf:org/name")) is None
    assert watch.judge(lambda: zoo.load("hf:org/name", revision=COMMIT)) is None


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("way", ["outside", "secret", "circle", "nowhere", "pipe", "folder", "/dev/zero"])
def test_a_link_out_of_the_cache_is_not_followed(
    file: str, way: str, victim: Victims, watch: Watch, ground: Path
) -> None:
    model = victim("vae")
    snapshot = cached(ground, model)
    lead_away(snapshot / file, str(model.sound / file) if way == "outside" else way, ground)
    refused = watch.judge(lambda: zoo.load("hf:org/name"))
    assert isinstance(refused, ZooError)
    if (snapshot / file).is_dir():
        (snapshot / file).rmdir()


@pytest.mark.parametrize(
    "said",
    ["../../../secret", "/etc/passwd", "", "\x00", "main", "..", "\x1b[31m", "x" * 5000, COMMIT.upper(), COMMIT[:-1]],
)
def test_a_reference_in_the_cache_that_leads_elsewhere(said: str, victim: Victims, watch: Watch, ground: Path) -> None:
    snapshot = cached(ground, victim("vae"))
    (snapshot.parent.parent / "refs" / "main").write_text(said)
    assert isinstance(watch.judge(lambda: zoo.load("hf:org/name")), ZooError)


def test_names_that_differ_in_case_are_different_files(victim: Victims, watch: Watch) -> None:
    model = victim("vae")
    for name in ("config.json", "model.safetensors"):
        (model.folder / name).rename(model.folder / name.upper())
    if (model.folder / "config.json").exists():
        pytest.skip("this file system takes them for one")
    assert isinstance(watch.judge(lambda: zoo.load(model.folder)), ZooError)
    model.restore()
