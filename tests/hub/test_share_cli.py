"""push, pull, inspect and lock at the command line: what they do, and one line for everything that goes wrong."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants as constants
import pytest
import torch
from huggingface_hub import CommitOperationAdd, HfApi
from safetensors.torch import save_file

import zoo_core as zoo
from zoo_core.errors import HubError, SettingError, ZooError
from zoo_core.publishing.push import push
from zoo_core.registry.catalogue import catalogue, core_source
from zoo_core.testing.hub import Fault, HubServer

Cli = Callable[..., SimpleNamespace]
REPO = "org/model"
CPU = ("--device", "cpu")


@pytest.fixture
def published(client: SimpleNamespace, folder: Path) -> str:
    """The commit of the tiny model, which stands in REPO as v1; the cache is empty."""
    commit = push(folder, REPO, license="mit", tag="v1").commit
    client.fresh()
    client.hub.clear()
    return commit


@pytest.fixture
def api(client: SimpleNamespace) -> HfApi:
    """The plain client."""
    return HfApi(endpoint=client.hub.endpoint)


def refused(said: SimpleNamespace, *parts: str) -> None:
    """One line, exit code 2, nothing printed."""
    assert (said.code, said.out) == (2, ""), said
    assert len(said.lines) == 1 and "Traceback" not in said.err, said.err
    for part in parts:
        assert part in said.line, said.line


def wanted(hub: HubServer, suffix: str) -> list[str]:
    """Files with this suffix that somebody downloaded."""
    return [record.path for record in hub.requests if record.method == "GET" and record.path.endswith(suffix)]


def blobs(client: SimpleNamespace, name: str) -> Path:
    """Where a file of the cache really is."""
    return next(client.cache.glob(f"*/snapshots/*/{name}")).resolve()


# ---------------------------------------------------------------------------------------------------- from end to end


def test_a_rehearsal_shows_everything_and_sends_nothing(client: SimpleNamespace, folder: Path, cli: Cli) -> None:
    said = cli("push", folder, REPO, "--license", "apache-2.0", "--dry-run")
    assert said.code == 0 and not client.hub.requests
    shown = said.out.partition("\n\n")[0]
    assert "would publish org/model under apache-2.0" in shown
    files = {line.split()[-1]: int(line.split()[0].replace(",", "")) for line in shown.splitlines()[1:]}
    assert set(files) == {"README.md", "config.json", "metrics.json", "model.safetensors", "pictures/samples.png"}
    assert files["config.json"] == (folder / "config.json").stat().st_size
    assert "license: apache-2.0" in said.out and 'zoo.load("org/model")' in said.out


def test_push_says_where_it_is_and_how_to_load_it(
    client: SimpleNamespace, folder: Path, cli: Cli, api: HfApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "any")
    said = cli("push", folder, REPO, "--license", "mit", "--tag", "v1", "--message", "First", "--private")
    commit = api.list_repo_commits(REPO)[0]
    assert said.code == 0 and commit.title == "First"
    assert f"{client.hub.endpoint}/{REPO}  at commit {commit.commit_id}" in said.out
    assert 'zoo.load("org/model", revision="v1")' in said.out
    assert api.model_info(REPO).private


def test_a_second_push_of_the_same_changes_nothing(
    client: SimpleNamespace, published: str, folder: Path, cli: Cli
) -> None:
    said = cli("push", folder, REPO, "--license", "mit", "--tag", "v1")
    assert said.code == 0 and f"unchanged, at commit {published}" in said.out
    assert not [record for record in client.hub.requests if record.method == "PUT"]


def test_pull_fetches_the_card_too_and_loads_offline(
    client: SimpleNamespace, published: str, cli: Cli, tiny: zoo.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = cli("pull", f"{REPO}@v1")
    there = Path(said.out.strip())
    assert said.code == 0 and there.name == published
    names = {path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()}
    assert names == {"README.md", "config.json", "metrics.json", "model.safetensors", "pictures/samples.png"}
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    client.hub.clear()
    for revision in ("v1", published):
        assert torch.equal(zoo.load(REPO, revision=revision).sample(2, seed=3), tiny.sample(2, seed=3))
    assert not client.hub.requests


def test_pull_into_a_folder_makes_a_model_of_ordinary_files(published: str, cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "mine" / "model"
    assert cli("pull", REPO, "--out", out).out == f"{out}\n"
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {"README.md", "config.json", "metrics.json", "model.safetensors", "pictures/samples.png"}
    assert not any(path.is_symlink() for path in out.rglob("*"))
    assert zoo.load(out).recipe == "vae-mlp"
    refused(cli("pull", REPO, "--out", out), "is there already and not empty", "choose another --out")
    refused(cli("pull", REPO, REPO, "--out", tmp_path / "other"), "--out takes one model")


def test_inspect_reads_no_weights_and_verify_reads_all(client: SimpleNamespace, published: str, cli: Cli) -> None:
    said = cli("inspect", f"{REPO}@v1")
    facts = {(group, name): value for group, name, value, *_ in (line.split("\t") for line in said.out.splitlines())}
    assert facts["model", "commit"] == published and facts["model", "licence"] == "mit"
    assert facts["parts", "encoder"] == "zoo-basics:mlp" and facts["plugins", "zoo-basics"] == "saved by 0.1.0"
    assert ("model", "verified") not in facts
    assert not list(client.cache.glob("*/snapshots/*/*.safetensors"))
    found = json.loads(cli("inspect", REPO, "--verify", "--json").out)
    assert found["verified"] is True and found["commit"] == published
    assert str(found["parameters"]) == facts["model", "numbers"].replace(",", "")


def test_what_is_locked_comes_at_the_commit_that_it_was_locked_to(
    client: SimpleNamespace,
    published: str,
    folder: Path,
    cli: Cli,
    api: HfApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_registry: Callable[[], None],
) -> None:
    (tmp_path / "models.txt").write_text(f"# ours\n{REPO}  # the newest\nfirst = {REPO}@v1\n")
    said = cli("lock", tmp_path / "models.txt")
    assert said.code == 0 and said.out.count(published) == 2
    (tmp_path / "locked.toml").write_text(said.out)
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=REPO, commit_message="spoil it")
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "locked.toml"))
    fresh_registry()
    client.fresh()
    said = cli("pull", "--locked")
    assert said.code == 0 and [Path(line).name for line in said.out.splitlines()] == [published] * 2
    assert cli("pull", "--locked", REPO).code == 0
    assert zoo.load("first").recipe == zoo.load("model").recipe == "vae-mlp"
    refused(cli("pull", "--locked", "org/other"), "org/other is not locked", "zoo lock")
    refused(cli("pull", "--locked", f"{REPO}@{'a' * 40}"), "is not locked")


def test_a_model_that_is_not_what_it_was_locked_to_is_refused(
    client: SimpleNamespace,
    published: str,
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_registry: Callable[[], None],
) -> None:
    (tmp_path / "models.txt").write_text(REPO)
    text = re.sub(
        r'(files."model.safetensors" = )"[^"]+"', rf'\1"{"0" * 64}"', cli("lock", tmp_path / "models.txt").out
    )
    (tmp_path / "locked.toml").write_text(text)
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "locked.toml"))
    fresh_registry()
    refused(cli("pull", "--locked"), "model.safetensors has sha256", "0" * 64, "not loaded")
    refused(cli("sample", "model", "--out", tmp_path / "x.png", *CPU), "has sha256")


def test_sample_and_eval_take_a_model_of_the_hub(
    client: SimpleNamespace, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sizes = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 3}
    zoo.build("vae-mlp", data="digits", seed=2, **sizes).push_to_hub("org/digits", license="mit")
    client.fresh()
    assert "4 pictures" in cli("sample", "org/digits", "-n", "4", "--out", "x.png", *CPU).out
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    said = cli("reconstruct", "org/digits", "--data", "digits", "--out", "y.png", *CPU)
    assert said.code == 0 and (tmp_path / "y.png").is_file()
    measure = ("--metric", "reconstruction", "--limit", "20", *CPU)
    said = cli("eval", "org/digits", "--data", "digits", *measure)
    assert said.code == 0 and {line.split("\t")[0] for line in said.out.splitlines()} >= {"mse", "psnr"}
    refused(cli("eval", "org/digits", *measure), "does not say what it was trained on", "--data digits")


def test_every_model_that_travels_with_the_catalogue_can_be_pushed_at_once(
    client: SimpleNamespace,
    tiny: zoo.Model,
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_registry: Callable[[], None],
) -> None:
    tiny.save(tmp_path / "weights" / "tiny-digits")
    recipes = core_source().read_text("utf-8").partition("\n[weights")[0]
    entry = '[weights."tiny-digits"]\nrecipe = "vae-mlp"\npath = "weights/tiny-digits"\nlicence = "cc-by-4.0"\n'
    (tmp_path / "registry.toml").write_text(f"{recipes}\n")
    monkeypatch.setattr("zoo_core.registry.catalogue.core_source", lambda: tmp_path / "registry.toml")
    fresh_registry()
    refused(cli("push", "--catalogue", "--namespace", "org"), "the catalogue has no models in folders")
    (tmp_path / "registry.toml").write_text(f"{recipes}\n{entry}")
    fresh_registry()
    said = cli("push", "--catalogue", "--namespace", "org", "--dry-run")
    assert said.code == 0 and "would publish org/tiny-digits" in said.out and not client.hub.requests
    said = cli("push", "--catalogue", "--namespace", "org")
    assert said.code == 0, said.err
    (tmp_path / "registry.toml").write_text(f"{recipes}\n{said.out}")
    fresh_registry()
    client.fresh()
    assert catalogue().weights["tiny-digits"].repo == "org/tiny-digits"
    assert torch.equal(zoo.load("tiny-digits").sample(2, seed=1), tiny.sample(2, seed=1))
    refused(cli("push", "--catalogue"), "needs --namespace")


# ---------------------------------------------------------------------------------------------- what may go wrong, in words


ASKING = (("pull", REPO), ("inspect", REPO), ("sample", REPO, "--out", "x.png", *CPU))


@pytest.mark.parametrize("command", ASKING, ids=lambda command: command[0])
def test_without_a_network(
    command: tuple[str, ...], client: SimpleNamespace, point: Any, folder: Path, cli: Cli
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        point(f"http://127.0.0.1:{taken.getsockname()[1]}", client.home)
        refused(cli(*command), f"{REPO} is not, or not wholly, in the cache, and the Hub cannot be reached")
        refused(cli("push", folder, REPO, "--license", "mit"), "the Hub cannot be reached", "nothing was changed")


@pytest.mark.parametrize("command", ASKING, ids=lambda command: command[0])
def test_offline_without_and_with_a_cache(
    command: tuple[str, ...],
    published: str,
    folder: Path,
    cli: Cli,
    client: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(cli(*command), "HF_HUB_OFFLINE is set", f"zoo pull {REPO}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert cli("pull", REPO).code == 0
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    client.hub.clear()
    assert cli(*command).code == 0 and not client.hub.requests
    refused(cli("push", folder, REPO, "--license", "mit"), "cannot be pushed", "HF_HUB_OFFLINE is set")
    refused(cli("inspect", "--verify", REPO), "cannot be verified without the Hub")


@pytest.mark.parametrize("command", ASKING, ids=lambda command: command[0])
def test_no_such_repository_or_revision(command: tuple[str, ...], published: str, cli: Cli) -> None:
    verb, _, *rest = command
    refused(cli(verb, "org/modle", *rest), "there is no repository org/modle on the Hub", "hf auth login")
    refused(cli(verb, f"{REPO}@v9", *rest), "org/model has no revision 'v9'", "give a branch, a tag or a commit")
    refused(cli(verb, f"{REPO}@{'0' * 40}", *rest), "org/model has no revision")
    refused(cli(verb, f"{REPO}@", *rest), "ends in @", "org/name@revision")
    refused(cli(verb, "hf:org", *rest), "is no name of a Hub repository", "write org/name")


@pytest.mark.parametrize("command", ASKING, ids=lambda command: command[0])
def test_gated_and_private(command: tuple[str, ...], published: str, client: SimpleNamespace, cli: Cli) -> None:
    client.hub.set_gated(REPO)
    refused(cli(*command), "org/model", "is gated", "accept their terms", "hf auth login")
    client.hub.set_private(REPO)
    refused(cli(*command), "there is no repository org/model on the Hub, or it is private", "hf auth login")


@pytest.mark.parametrize("status", [429, 500, 403, 418])
@pytest.mark.parametrize("asked", ["/api/models/", "/tree/", "resolve/"])
def test_a_hub_that_keeps_refusing(status: int, asked: str, published: str, client: SimpleNamespace, cli: Cli) -> None:
    told = {429: "asks you to wait: too many requests (429); try again after 7 seconds",
            500: "the Hub has an error of its own (500)", 403: "you may not fetch this repository", 418: "answered 418"}  # fmt: skip
    headers = {"Retry-After": "7"} if status == 429 else {}
    with client.hub.fault(Fault(kind="status", matching=asked, times=99, status=status, headers=headers)):
        refused(cli("pull", REPO), told[status])


def test_a_push_that_the_hub_refuses(client: SimpleNamespace, folder: Path, cli: Cli) -> None:
    for status, told in {
        401: "does not know you; log in with: hf auth login",
        403: "you may not push this repository",
        429: "asks you to wait",
        507: "an error of its own (507)",
    }.items():
        with client.hub.fault(Fault(kind="status", matching="/commit/", times=99, status=status)):
            refused(cli("push", folder, REPO, "--license", "mit"), told)


def test_a_full_disk(
    published: str, client: SimpleNamespace, folder: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **named: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.file_download.http_get", full)
        refused(cli("pull", REPO), "the disk is full", "free some space")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        refused(cli("pull", REPO, "--out", tmp_path / "out"), "cannot be written: No space left on device")
        refused(cli("push", folder, REPO, "--license", "mit"), "cannot be written: No space left on device")
    assert cli("pull", REPO, "--out", tmp_path / "out").code == 0


def test_a_download_that_was_cut_off_is_no_model_and_leaves_no_waste(
    published: str, client: SimpleNamespace, cli: Cli, tiny: zoo.Model
) -> None:
    cut = Fault(kind="cut", matching="GET .*safetensors", times=99, after_bytes=500)
    with client.hub.fault(cut):
        refused(cli("pull", REPO), "the same command goes on where it stopped")
    assert not list(client.cache.glob("*/snapshots/*/model.safetensors"))
    (client.cache / "models--org--model" / "blobs" / ("0" * 64 + ".12345678.incomplete")).write_bytes(b"half")
    assert cli("pull", REPO).code == 0
    assert torch.equal(zoo.load(REPO).sample(2, seed=3), tiny.sample(2, seed=3))


@pytest.mark.parametrize("repair", [("inspect", "--verify", REPO), ("pull", "--force", REPO)], ids=lambda r: r[0])
@pytest.mark.parametrize("damage", ["shortened", "changed"])
def test_a_damaged_file_in_the_cache(
    repair: tuple[str, ...],
    damage: str,
    published: str,
    client: SimpleNamespace,
    cli: Cli,
    tmp_path: Path,
    tiny: zoo.Model,
) -> None:
    assert cli("pull", REPO).code == 0
    blob = blobs(client, "model.safetensors")
    content = blob.read_bytes()
    blob.write_bytes(content[:-100] if damage == "shortened" else content[:-1] + bytes([content[-1] ^ 1]))
    if damage == "shortened":
        refused(
            cli("sample", REPO, "--out", tmp_path / "x.png", *CPU),
            "in the cache, but cannot be opened",
            f"zoo pull --force {REPO}",
        )
    if repair[0] == "inspect":
        refused(cli(*repair), "model.safetensors", "damaged", "thrown away")
    assert cli(*repair).code == 0
    assert torch.equal(zoo.load(REPO).sample(2, seed=3), tiny.sample(2, seed=3))


def test_an_interrupted_upload_is_finished_by_a_second_push(client: SimpleNamespace, tiny: zoo.Model, cli: Cli) -> None:
    sharded = {"license": "mit", "max_shard_size": "2KB"}
    with client.hub.fault(Fault(kind="refuse", matching="PUT /lfs", at=2, times=99)), pytest.raises(HubError):
        tiny.push_to_hub(REPO, **sharded)
    refused(cli("inspect", REPO), "has no config.json", "no model of this zoo")
    first = [record.path for record in client.hub.requests if record.method == "PUT" and record.status == 200]
    client.hub.clear()
    pushed = tiny.push_to_hub(REPO, **sharded)
    second = [record.path for record in client.hub.requests if record.method == "PUT"]
    assert len(first) == 1 and not set(first) & set(second), "what had arrived was sent again"
    assert len(first) + len(second) == len([name for name in pushed.files if name.endswith(".safetensors")])


def test_nobody_s_work_is_overwritten_unseen(
    published: str, client: SimpleNamespace, folder: Path, cli: Cli, api: HfApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = HfApi.create_commit

    def later(self: HfApi, *args: Any, **named: Any) -> Any:
        monkeypatch.setattr(HfApi, "create_commit", commit)
        add = CommitOperationAdd("config.json", b"{}")
        api.create_commit(REPO, [add], commit_message="somebody else")
        return commit(self, *args, **named)

    monkeypatch.setattr(HfApi, "create_commit", later)
    refused(
        cli("push", folder, REPO, "--license", "apache-2.0"), "was changed", "nothing was overwritten", "push again"
    )
    assert api.list_repo_commits(REPO)[0].title == "somebody else"
    assert cli("push", folder, REPO, "--license", "apache-2.0").code == 0


def test_a_tag_stays_where_it_is(published: str, client: SimpleNamespace, folder: Path, cli: Cli, api: HfApi) -> None:
    another = ("push", folder, REPO, "--license", "apache-2.0", "--tag")
    refused(cli(*another, "v1"), "has a tag v1 already, at another commit", "choose another tag")
    assert cli(*another, "v2").code == 0
    assert {ref.name: ref.target_commit == published for ref in api.list_repo_refs(REPO).tags} == {
        "v1": True,
        "v2": False,
    }
    client.hub.clear()
    refused(cli("push", folder, REPO, "--license", "mit", "--tag", "v1"), "has a tag v1 already, at another commit")
    assert not [record for record in client.hub.requests if "/commit/" in record.path], "told before anything was sent"


def test_what_is_no_model_of_this_zoo(client: SimpleNamespace, cli: Cli, api: HfApi) -> None:
    api.create_repo("org/bert")
    api.upload_file(path_or_fileobj=b"# hi", path_in_repo="README.md", repo_id="org/bert")
    for verb in ("pull", "inspect"):
        refused(cli(verb, "org/bert"), "org/bert has no config.json: it is no model of this zoo")
    api.upload_file(path_or_fileobj=b'{"model_type": "bert"}', path_in_repo="config.json", repo_id="org/bert")
    api.upload_file(path_or_fileobj=b"\x80\x04", path_in_repo="pytorch_model.bin", repo_id="org/bert")
    for verb in ("pull", "inspect"):
        refused(cli(verb, "org/bert"), "unknown key 'model_type'")
    assert not wanted(client.hub, ".bin")


def test_weights_that_are_no_safetensors_are_never_asked_for(
    client: SimpleNamespace, published: str, cli: Cli, api: HfApi
) -> None:
    api.delete_file("model.safetensors", REPO)
    api.upload_file(path_or_fileobj=b"\x80\x04", path_in_repo="pytorch_model.bin", repo_id=REPO)
    for verb in ("pull", "inspect"):
        refused(cli(verb, REPO), "safetensors")
    assert not wanted(client.hub, ".bin")


def test_a_missing_plugin_is_told_before_the_weights_are_fetched(
    client: SimpleNamespace, published: str, folder: Path, cli: Cli, api: HfApi, tmp_path: Path
) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["parts"]["encoder"] |= {"name": "zoo-nobody:mlp", "version": "3.1"}
    api.upload_file(path_or_fileobj=json.dumps(config).encode(), path_in_repo="config.json", repo_id=REPO)
    needs = ("needs what is not installed: zoo-nobody (saved by 3.1)", "pip install zoo-nobody", "if you trust it")
    refused(cli("pull", REPO), *needs)
    refused(cli("sample", REPO, "--out", tmp_path / "x.png", *CPU), *needs)
    assert not wanted(client.hub, ".safetensors")
    said = cli("inspect", REPO)
    assert said.code == 0 and "plugins\tzoo-nobody\tsaved by 3.1\tMISSING: pip install zoo-nobody" in said.out


@pytest.fixture
def second(client: SimpleNamespace, api: HfApi, tmp_path: Path) -> str:
    """A model in REPO whose classifier's weights stand in org/net, at the commit given; the cache is empty."""
    pytest.importorskip("zoo_features")
    shape = {"image_shape": (3, 32, 32)}
    narrow = {"encoder.width": 4, "decoder.width": 4, "latent_dim": 3, **shape}
    net = {"name": "cifar-resnet20", "layers": ["layer1"]}
    plain = zoo.build("discreg-vae", classifier={**net, "weights": None}, **narrow)
    save_file(plain.parts["classifier"].state_dict(), tmp_path / "net.safetensors")
    api.create_repo("org/net")
    at = api.upload_file(
        path_or_fileobj=tmp_path / "net.safetensors", path_in_repo="model.safetensors", repo_id="org/net"
    ).oid
    zoo.build("discreg-vae", classifier={**net, "weights": "hf:org/net"}, **narrow).push_to_hub(REPO, license="mit")
    client.fresh()
    client.hub.clear()
    return str(at)


def test_a_second_repository_is_shown_announced_and_can_be_refused(
    client: SimpleNamespace, second: str, cli: Cli, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = client.hub
    assert f"second\tclassifier\torg/net@{second[:7]}\tmodel.safetensors" in cli("inspect", REPO).out
    with pytest.raises(HubError, match="a second repository; load it with allow_external=True"):
        zoo.load(REPO, allow_external=False)
    assert not [path for path in wanted(hub, "") if "org/net" in path], "nothing of it was fetched"
    said: list[int] = []
    monkeypatch.setattr(
        "zoo_core.hub.announce._log.warning",
        lambda *args: said.append(sum("org/net" in record.path for record in hub.requests)),
    )
    assert cli("pull", REPO).code == 0
    assert said == [0], "announced once, before anything was asked of it"
    assert [path for path in wanted(hub, ".safetensors") if "org/net" in path]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert zoo.load(REPO).recipe == "discreg-vae"
    assert said == [0], "and not again, once it is there"


def test_a_second_repository_that_has_changed_is_refused(
    client: SimpleNamespace, second: str, cli: Cli, api: HfApi, folder: Path
) -> None:
    text = Path(api.hf_hub_download(REPO, "config.json")).read_text()
    config = json.loads(text)
    config["parts"]["classifier"]["weights"]["sha256"] = "0" * 64
    api.upload_file(path_or_fileobj=json.dumps(config).encode(), path_in_repo="config.json", repo_id=REPO)
    refused(cli("pull", REPO), f"org/net@{second[:7]}", "has sha256", "0" * 64)
    with pytest.raises(ZooError, match="sha256"):
        zoo.load(REPO)


def test_references_that_say_two_things(
    published: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="say two things; give one of them"):
        zoo.load(f"{REPO}@v1", revision="main")
    assert zoo.load(f"{REPO}@v1", revision="v1").recipe == "vae-mlp"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org").mkdir()
    refused(cli("pull", REPO), "there is no folder 'org/model', but a folder 'org'", "write hf:org/model")
    (tmp_path / "org" / "model-2").mkdir()
    refused(cli("pull", REPO), 'did you mean "model-2"?', "write hf:org/model")
    assert cli("pull", f"hf:{REPO}").code == 0


def test_nothing_is_published_without_a_licence(client: SimpleNamespace, folder: Path, cli: Cli) -> None:
    refused(cli("push", folder, REPO), "published under a licence, and none is given", "--license mit")
    refused(cli("push", folder, REPO, "--license", "mitt"), "mit")
    refused(cli("push", folder, "model", "--license", "mit"), "'model' is no name of a Hub repository")
    refused(cli("push", folder), "push needs a model and a repository")
    assert not client.hub.requests


def test_a_card_that_somebody_wrote_goes_as_it_is(client: SimpleNamespace, folder: Path, cli: Cli, api: HfApi) -> None:
    card = "---\nlicense: cc-by-4.0\n---\n# By hand\n"
    (folder / "README.md").write_text(card)
    assert cli("push", folder, REPO).code == 0
    assert Path(api.hf_hub_download(REPO, "README.md")).read_text() == card
    assert zoo.inspect(REPO).licence == "cc-by-4.0"
    (folder / "README.md").write_text("# By hand\n")
    refused(cli("push", folder, REPO, "--license", "mit"), "README.md has no metadata")


def test_a_public_repository_is_not_taken_for_a_private_one(published: str, folder: Path, cli: Cli, api: HfApi) -> None:
    refused(cli("push", folder, REPO, "--license", "apache-2.0", "--private"), "is there already, and public")
    assert api.list_repo_commits(REPO)[0].commit_id == published


# ------------------------------------------------------------------------------------------------------------- secrets


WITH_A_TOKEN = """
import sys, time
from zoo_core.cli import main

time.sleep = lambda seconds: None  # the client's, before it tries again
for line in sys.argv[1].splitlines():
    print(line, "->", main(line.split()))
"""


def test_a_token_is_used_and_never_shown_or_written(folder: Path, tmp_path: Path, fresh_process: Any) -> None:
    token = "hf_" + "Tr0ub4dor" * 4
    commands = {
        "push saved ada/model --license mit --private --tag v1": 0,
        "pull ada/model@v1 --out copy": 0,
        "inspect ada/model": 0,
        "push saved bob/model --license mit": 2,
        "push saved ada/model --license mit --tag ..": 2,
        "pull ada/other": 2,
        "pull ada/broken": 2,
    }
    with HubServer(tmp_path / "store", tokens={token: "ada", "another": "bob"}) as hub:
        hub.fault(Fault(kind="cut", matching="GET .*/resolve/"))
        hub.fault(Fault(kind="status", matching="ada/broken", times=99, status=418))
        done = fresh_process(
            WITH_A_TOKEN, "\n".join(commands), HF_ENDPOINT=hub.endpoint, HF_TOKEN=token, HF_HUB_VERBOSITY="debug"
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line for line in done.stdout.splitlines() if " -> " in line] == [f"{c} -> {n}" for c, n in commands.items()]
    asked = [
        record for record in hub.requests if record.path.startswith(("/api/models/ada/model", "/ada/model/resolve"))
    ]
    assert len(asked) > 10 and all(record.has_authorization for record in asked)
    assert "Trying to resume download" in done.stderr, "the client says what it does"
    assert token not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if token.encode() in path.read_bytes()] == []


# ------------------------------------------------------------------------------------------------------------- no pickle


UNDER_THE_HOOK = """
import sys

def refuse(event, arguments):
    if event == "pickle.find_class":
        import os
        print("unpickled", arguments, file=sys.stderr, flush=True)
        os._exit(7)

from pathlib import Path
import zoo_core as zoo
from zoo_core.cli import main

sys.addaudithook(refuse)
if sys.argv[1:] == ["control"]:
    import pickle
    pickle.loads(pickle.dumps(Path("x")))
Path("models.txt").write_text("org/model@v1")
assert main(["push", "saved", "org/model", "--license", "mit", "--tag", "v1", "--max-shard-size", "2KB"]) == 0
assert main(["inspect", "org/model"]) == 0
assert main(["pull", "org/model@v1", "--out", "copy"]) == 0
assert main(["inspect", "--verify", "org/model"]) == 0
assert main(["lock", "models.txt"]) == 0
zoo.load("org/model").sample(2, seed=0)
zoo.load("copy", mmap=True).sample(2, seed=0)
print("done")
"""


def test_nothing_is_unpickled_in_push_inspect_pull_lock_and_load(folder: Path, fresh_process: Any) -> None:
    done = fresh_process(UNDER_THE_HOOK)
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stderr[-3000:]
    control = fresh_process(UNDER_THE_HOOK, "control")
    assert control.returncode == 7 and "done" not in control.stdout
