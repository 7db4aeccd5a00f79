"""Who may see and change what, and links that work without a token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from zoo_core.testing.hub.refusals import Refusal
from zoo_core.testing.hub.store import Repository


class Access:
    """The rules.

    A namespace named like a user is theirs; any other is an organisation that every user belongs to. Without ``tokens``
    every token is one of the user ``"anyone"``, and public repositories may be written without any token.
    """

    def __init__(self, tokens: Mapping[str, str] | None) -> None:
        self._tokens = None if tokens is None else dict(tokens)
        self._key = secrets.token_bytes(32)

    def user(self, authorization: str | None) -> str | None:
        """The user that an ``Authorization`` header stands for; None without one.

        Raises:
            Refusal: 401, nobody has this token.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token:
            if self._tokens is None:
                return "anyone"
            for known, user in self._tokens.items():
                if hmac.compare_digest(known.encode(), token.encode()):
                    return user
        raise Refusal(401, "Invalid credentials in Authorization header")

    def may_create(self, user: str | None, name: str) -> None:
        """Refuse (401 or 403) whoever may not have a repository of this name."""
        if user is None and self._tokens is not None:
            raise Refusal(401, "a token is needed to write")
        if not self._belongs(user, name):
            raise Refusal(403, f"You don't have the rights to create a model under the namespace {name.split('/')[0]}")

    def may_read(self, user: str | None, repository: Repository) -> None:
        """Refuse whoever may not know of the repository, as if there were none: 401 without a token, 404 with one."""
        if repository.private and (user is None or not self._belongs(user, repository.name)):
            raise self.not_found(user, repository.name)

    def may_write(self, user: str | None, repository: Repository) -> None:
        """Refuse whoever may not change the repository (401, 403, or as :meth:`may_read`)."""
        self.may_read(user, repository)
        self.may_create(user, repository.name)

    def may_download(self, user: str | None, repository: Repository) -> None:
        """Refuse whoever may not have the files of a gated repository: 401 without a token, 403 with one."""
        self.may_read(user, repository)
        own = user is not None and repository.name.split("/")[0] == user
        if repository.gated and not own and user not in repository.gated_users:
            raise Refusal(
                401 if user is None else 403,
                f"Access to model {repository.name} is restricted and you are not in the authorized list",
                "GatedRepo",
            )

    def not_found(self, user: str | None, name: str) -> Refusal:
        """What is told of a repository that is not there."""
        return Refusal(401 if user is None else 404, f"Repository not found: {name}", "RepoNotFound")

    def signature(self, *facts: object) -> str:
        """What a link has so that it works without a token: only this server, while it runs, can make it."""
        return hmac.new(self._key, "\n".join(map(str, facts)).encode(), hashlib.sha256).hexdigest()

    def check_signature(self, given: str, *facts: object) -> None:
        """Refuse (403) a link that this server has not made."""
        if not hmac.compare_digest(given.encode(), self.signature(*facts).encode()):
            raise Refusal(403, "this link is not one of this server")

    def _belongs(self, user: str | None, name: str) -> bool:
        owner = name.split("/")[0]
        return owner == user or owner not in (self._tokens or {}).values()
