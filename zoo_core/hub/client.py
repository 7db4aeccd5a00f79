"""The Hub's client, and its errors in words.

Only huggingface_hub's own login is used for tokens; no token, header or signed address ever stands in a message.
"""

from __future__ import annotations

import errno
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)

from zoo_core.errors import HubError, ZooError, shown
from zoo_core.version import VERSION

_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")
_LOGS_WITH_ADDRESSES = ("huggingface_hub.utils._http", "huggingface_hub.file_download")
_TRANSPORT: type[Exception] = HfHubHTTPError.__mro__[1]
"""Base of the HTTP library's errors, whichever huggingface_hub uses."""


def api() -> HfApi:
    """The client, as huggingface_hub is set up (``HF_ENDPOINT``, ``HF_TOKEN``, ``hf auth login``)."""
    return HfApi(endpoint=constants.ENDPOINT, library_name="zoo-core", library_version=VERSION)


def reachable() -> bool:
    """False where the Hub's host does not answer: told at once, and not after the client's half minute of retries."""
    if constants.is_offline_mode():
        return False
    url = urlsplit(constants.ENDPOINT)
    if url.scheme in getproxies():
        return True
    try:
        socket.create_connection(
            (url.hostname or "", url.port or (443 if url.scheme == "https" else 80)), timeout=5
        ).close()
    except OSError:
        return False
    return True


@contextmanager
def _signatures_hidden() -> Iterator[None]:
    """Inside, the client's warnings of its retries show addresses without their queries: whoever has a signed one may read the file."""

    def shorten(record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub(r"\1?…", record.getMessage()), None
        return True

    logs = [logging.getLogger(name) for name in _LOGS_WITH_ADDRESSES]
    for log in logs:
        log.addFilter(shorten)
    try:
        yield
    finally:
        for log in logs:
            log.removeFilter(shorten)


@contextmanager
def translate_hub_errors(repo: str, revision: str | None = None, *, doing: str = "fetch") -> Iterator[None]:
    """Inside, what goes wrong with the Hub is raised as :class:`HubError`: what happened, and what to type.

    Arguments:
        doing: ``"fetch"`` or ``"push"``.
    """
    at = shown(repo) + (f"@{shown(revision)}" if revision else "")
    try:
        with _signatures_hidden():
            yield
    except ZooError:
        raise
    except GatedRepoError:
        raise HubError(
            f"{at} is gated: its owners give access on request",
            hint="accept their terms on its page, then log in with: hf auth login",
        ) from None
    except RevisionNotFoundError:
        raise HubError(
            f"{shown(repo)} has no revision {shown(revision or 'main')!r}", hint="give a branch, a tag or a commit"
        ) from None
    except RepositoryNotFoundError:
        raise HubError(
            f"there is no repository {shown(repo)} on the Hub, or it is private and you may not see it",
            hint="check the name; for a private one log in with: hf auth login",
        ) from None
    except (RevisionResolutionError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _refused(at, doing, error.__cause__) from None
        raise unreachable(at, doing) from None
    except EntryNotFoundError as error:
        raise HubError(f"{at} lacks a file that it should have: {shown(str(error).splitlines()[0])}") from None
    except HFValidationError:
        raise HubError(f"{shown(repo)!r} is no name of a Hub repository", hint="write org/name[@revision]") from None
    except LocalTokenNotFoundError:
        raise HubError("you are not logged in to the Hub", hint="hf auth login") from None
    except HfHubHTTPError as error:
        raise _refused(at, doing, error) from None
    except OSError as error:
        raise _of_the_system(at, doing, error) from None
    except _TRANSPORT as error:
        raise HubError(
            f"{at}: the connection to the Hub broke off ({type(error).__name__})",
            hint="the same command goes on where it stopped",
        ) from None
    except (ValueError, AssertionError, RuntimeError, LookupError, TypeError, AttributeError, NameError) as error:
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _refused(at, doing, error.__cause__) from None
        # The client's own complaints about answers that it cannot make sense of.
        raise HubError(
            f"{at}: the Hub's answer could not be used ({type(error).__name__}: {shown(str(error).splitlines()[0] if str(error) else '')})",
            hint="try again; if it stays so, say it on the repository's page",
        ) from None


def unreachable(at: str, doing: str) -> HubError:
    """The Hub does not answer, and the cache does not help."""
    why = "HF_HUB_OFFLINE is set" if constants.is_offline_mode() else "the Hub cannot be reached"
    if doing == "push":
        return HubError(f"{at} cannot be pushed: {why}", hint="nothing was changed; try again online")
    return HubError(f"{at} is not, or not wholly, in the cache, and {why}", hint=f"go online once and: zoo pull {at}")


def _refused(at: str, doing: str, error: HfHubHTTPError) -> HubError:
    status = error.response.status_code
    again = "the same command goes on where it stopped"
    if status == 401:
        return HubError(f"{at}: the Hub does not know you", hint="log in with: hf auth login")
    if status == 403:
        return HubError(f"{at}: you may not {doing} this repository", hint="log in as somebody who may: hf auth login")
    if status == 409:
        return HubError(f"{at}: the Hub reports a conflict with what is there", hint="try again")
    if status == 412:
        return HubError(f"{at} was changed meanwhile; nothing was overwritten", hint="look at it, then push again")
    if status == 429:
        wait = error.response.headers.get("Retry-After", "")
        after = f" after {shown(wait, 10)} seconds" if wait.isdigit() else " in a few minutes"
        return HubError(f"{at}: the Hub asks you to wait: too many requests (429)", hint=f"try again{after}; {again}")
    if status >= 500:
        return HubError(f"{at}: the Hub has an error of its own ({status})", hint=f"try again later; {again}")
    return HubError(f"{at}: the Hub answered {status}", hint=again)


def _of_the_system(at: str, doing: str, error: OSError) -> HubError:
    if error.errno == errno.ENOSPC:
        return HubError(
            f"{at}: the disk is full", hint="free some space (hf cache prune), then the same command goes on"
        )
    if isinstance(error, ConnectionError | TimeoutError):
        return HubError(f"{at}: the connection to the Hub broke off", hint="the same command goes on where it stopped")
    reason = error.strerror or str(error).partition("\n")[0] or type(error).__name__
    hint = "try again" if doing == "push" else "is the cache writable? HF_HOME says where it is"
    return HubError(f"{at}: {shown(reason, 200)}", hint=hint)
