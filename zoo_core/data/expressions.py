"""Expressions of attributes: ``Goatee | Mustache | !No_Beard`` from what a user types to a column of marks.

Names, ``!`` (not), ``&`` (and), ``|`` (or) and parentheses, which bind in this order as they do in logic. A name is whatever stands
between these signs, less the spaces around it; one that has such a sign inside stands in double quotes. Several attributes are parted
by commas, each with a name of its own before ``=`` if it is to have one: ``has-sleeves=0|2|4|6, is-shoe=5|7|9``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NoReturn, TypeAlias, final

import torch
from torch import Tensor

from zoo_core.errors import SettingError, shown

LONGEST = 2000
"""Characters of an expression."""
DEEPEST = 40
"""Parentheses inside one another."""

_SIGNS = "|&!(),="
_TOKEN = re.compile(rf'\s*(?:(?P<sign>[{re.escape(_SIGNS)}])|"(?P<quoted>[^"]*)"|(?P<name>[^"{re.escape(_SIGNS)}]+))')
_EXAMPLE = 'for instance "Goatee|Mustache|!No_Beard", or with a name: "beard=Goatee|Mustache"'

Marks: TypeAlias = Callable[[str], Tensor]
"""From a name to its marks, int8 (N,) of 0 and 1, −1 = not known."""


class Expression(ABC):
    """What is said of each example."""

    @abstractmethod
    def names(self) -> Iterator[str]:
        """The names in it, in order."""

    @abstractmethod
    def marks(self, of: Marks) -> Tensor:
        """int8 (N,) of 0 and 1; −1 where what is known does not decide it (known or not, ``a | b`` holds where a does)."""


@final
@dataclass(frozen=True)
class Name(Expression):
    """An attribute or a class."""

    name: str

    def names(self) -> Iterator[str]:
        yield self.name

    def marks(self, of: Marks) -> Tensor:
        return of(self.name)

    def __str__(self) -> str:
        return f'"{self.name}"' if set(self.name) & set(_SIGNS) or self.name != self.name.strip() else self.name


@final
@dataclass(frozen=True)
class Not(Expression):
    """``!inner``."""

    inner: Expression

    def names(self) -> Iterator[str]:
        yield from self.inner.names()

    def marks(self, of: Marks) -> Tensor:
        marks = self.inner.marks(of)
        return torch.where(marks < 0, marks, 1 - marks)

    def __str__(self) -> str:
        return f"!({self.inner})" if isinstance(self.inner, Joined) else f"!{self.inner}"


@final
@dataclass(frozen=True)
class Joined(Expression):
    """``a & b & …`` or ``a | b | …``."""

    sign: str
    inner: tuple[Expression, ...]

    def names(self) -> Iterator[str]:
        for one in self.inner:
            yield from one.names()

    def marks(self, of: Marks) -> Tensor:
        # In the order false < not known < true, "and" is the least of all and "or" the greatest.
        ordered = [_ordered(one.marks(of)) for one in self.inner]
        return _unordered(reduce(torch.minimum if self.sign == "&" else torch.maximum, ordered))

    def __str__(self) -> str:
        return self.sign.join(f"({one})" if isinstance(one, Joined) else str(one) for one in self.inner)


@final
@dataclass(frozen=True)
class Attribute:
    """An attribute made of others: ``name`` = ``expression``."""

    name: str
    expression: Expression

    def __str__(self) -> str:
        own = str(self.expression)
        return own if self.name == _plain_name(self.expression) else f"{Name(self.name)}={own}"


def parse(text: str) -> tuple[Attribute, ...]:
    """The attributes that ``text`` describes, one or more; one without a name of its own is called as its expression is written.

    Raises:
        SettingError: it is no expression, with where and what was expected; two attributes of one name.
    """
    parser = _Parser(text)
    found = parser.attributes()
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(
                f'{shown(text)!r} has two attributes called "{shown(name)}"', hint="give them names: NAME=…,NAME=…"
            )
    return found


def _plain_name(expression: Expression) -> str:
    return expression.name if isinstance(expression, Name) else str(expression)


def _ordered(marks: Tensor) -> Tensor:
    return torch.where(marks < 0, 1, 2 * marks).to(torch.int8)


def _unordered(ordered: Tensor) -> Tensor:
    return torch.where(ordered == 1, -1, ordered // 2).to(torch.int8)


class _Parser:
    """By recursive descent: a method for each level of binding."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise SettingError(
                f"an expression has at most {LONGEST:,} characters, this one {len(text):,}", hint=_EXAMPLE
            )
        self.text = text
        self.tokens = self._tokens()
        self.at = self.depth = 0

    def attributes(self) -> tuple[Attribute, ...]:
        found = [self._attribute()]
        while self._take(","):
            found.append(self._attribute())
        if self.at < len(self.tokens):
            self._expected("| or & or , or the end")
        return tuple(found)

    def _attribute(self) -> Attribute:
        name = None
        if (
            self.at + 1 < len(self.tokens)
            and self.tokens[self.at + 1][:2] == ("=", True)
            and not self.tokens[self.at][1]
        ):
            name = self.tokens[self.at][0]
            self.at += 2
        expression = self._joined("|")
        return Attribute(_plain_name(expression) if name is None else name, expression)

    def _joined(self, sign: str) -> Expression:
        inner = [self._one(sign)]
        while self._take(sign):
            inner.append(self._one(sign))
        return inner[0] if len(inner) == 1 else Joined(sign, tuple(inner))

    def _one(self, sign: str) -> Expression:
        return self._joined("&") if sign == "|" else self._single()

    def _single(self) -> Expression:
        negated = False
        while self._take("!"):
            negated = not negated
        if self._take("("):
            self.depth += 1
            if self.depth > DEEPEST:
                raise SettingError(
                    f"{shown(self.text)!r} has more than {DEEPEST} parentheses inside one another", hint=_EXAMPLE
                )
            found = self._joined("|")
            if not self._take(")"):
                self._expected(")")
            self.depth -= 1
        elif self.at < len(self.tokens) and not self.tokens[self.at][1]:
            found = Name(self.tokens[self.at][0])
            self.at += 1
        else:
            self._expected("a name, ! or (")
        return Not(found) if negated else found

    def _take(self, sign: str) -> bool:
        """Go past ``sign`` if it is next."""
        if self.at < len(self.tokens) and self.tokens[self.at][:2] == (sign, True):
            self.at += 1
            return True
        return False

    def _tokens(self) -> Sequence[tuple[str, bool, int]]:
        """Each sign or name, whether it is a sign, and where it begins."""
        found, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            token = _TOKEN.match(self.text, at)
            if token is None:
                raise SettingError(f"{shown(self.text)!r} has a quote that does not end", hint=_EXAMPLE)
            kind = str(token.lastgroup)
            text = token[kind] if kind == "quoted" else token[kind].strip()
            found.append((text, kind == "sign", token.start(kind)))
            at = token.end()
        return found

    def _expected(self, what: str) -> NoReturn:
        if self.at < len(self.tokens):
            text, _, place = self.tokens[self.at]
            raise SettingError(
                f"{shown(self.text)!r} is no expression: expected {what} in place of {shown(text)!r} at character "
                f"{place + 1}",
                hint=_EXAMPLE,
            )
        raise SettingError(f"{shown(self.text)!r} is no expression: expected {what} at its end", hint=_EXAMPLE)
