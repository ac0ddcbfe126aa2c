"""The part of XPath 1.0 that is let through to the engine: paths whose cost grows with the document and no faster.

    path       = ["/" | "//"] step *(("/" | "//") step)       at most one // in all
    step       = ["@"] name *predicate | "text()" *predicate | "."
    name       = NCName | prefix ":" NCName | prefix ":*" | "*"
    predicate  = "[" (number | "last()" | condition *(("and" | "or") condition)) "]"
    condition  = comparison | "not(" comparison ")"
    comparison = operand [("=" | "!=") literal] | ("contains" | "starts-with") "(" operand "," literal ")"
    operand    = "." | "text()" | "local-name()" | "namespace-uri()" | ["@"] name *("/" ["@"] name)

Each step visits a node once, because the nodes it starts from have no common descendants at one depth; a second `//`
would visit them once for each of their ancestors. No predicate inside a predicate, no way up or sideways, no count
and no variable; at most 16 conditions.
"""

import re
from collections.abc import Collection

from dispatcher.domain.engines import PathRefused

MAX_CONDITIONS = 16

_NAME = r"[^\W\d][\w.-]*"
_TOKEN = re.compile(
    rf"\s*(?:(?P<mark>//|/|@|\.\.|\.|\[|\]|\(|\)|,|!=|=|::)|(?P<literal>'[^']*'|\"[^\"]*\")|(?P<number>[0-9]{{1,9}})"
    rf"|(?P<name>{_NAME}:{_NAME}|{_NAME}:\*|{_NAME}|\*))"
)
_NODE_TESTS = ("text",)
_PROPERTIES = ("text", "local-name", "namespace-uri")
_TESTS = ("contains", "starts-with")


def check_xpath(path: str, prefixes: Collection[str]) -> None:
    """Raises `PathRefused` with the reason for what is no path of the subset."""
    _Path(path, prefixes).read()


class _Path:
    """A recursive descent over the tokens; nothing nests, so neither does it."""

    def __init__(self, path: str, prefixes: Collection[str]) -> None:
        self._tokens = _tokens(path)
        self._prefixes = prefixes
        self._at = 0
        self._conditions = 0

    def read(self) -> None:
        deep = 0
        if self._token() in ("/", "//"):
            deep += self._next() == "//"
        self._step()
        while self._token() in ("/", "//"):
            deep += self._next() == "//"
            self._step()
        if self._token():
            raise PathRefused(f"nothing after the path, but there is {self._token()}")
        if deep > 1:
            raise PathRefused("at most one //")

    # --- tokens

    def _token(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._token()
        self._at += 1
        return token

    def _takes(self, mark: str) -> bool:
        taken = self._kind() == "mark" and self._token() == mark
        self._at += taken
        return taken

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            raise PathRefused(f"{mark} expected, not {self._token() or 'the end'}")

    def _literal(self) -> None:
        if self._kind() not in ("literal", "number"):
            raise PathRefused(f"a text in quotation marks expected, not {self._token() or 'the end'}")
        self._at += 1

    def _calls(self, names: Collection[str]) -> bool:
        following = self._tokens[self._at + 1][1] if self._at + 1 < len(self._tokens) else ""
        return self._token() in names and following == "("

    # --- grammar

    def _step(self) -> None:
        if self._takes("."):
            return
        if self._calls(_NODE_TESTS):
            self._call_without_arguments()
        else:
            self._takes("@")
            self._name()
        while self._takes("["):
            self._predicate()
            self._expect("]")

    def _call_without_arguments(self) -> None:
        self._at += 1
        self._expect("(")
        self._expect(")")

    def _name(self) -> None:
        if self._kind() != "name":
            raise PathRefused(f"a name expected, not {self._token() or 'the end'}")
        name = self._next()
        prefix, colon, _ = name.partition(":")
        if colon and prefix not in self._prefixes:
            raise PathRefused(f"the prefix {prefix} is not among the namespaces")
        if self._token() in ("(", "::"):
            raise PathRefused(f"{name}{self._token()} is not in the subset")

    def _predicate(self) -> None:
        if self._kind() == "number" and self._tokens[self._at + 1 : self._at + 2] == [("mark", "]")]:
            self._at += 1
        elif self._calls(("last",)):
            self._call_without_arguments()
        else:
            self._condition()
            while self._kind() == "name" and self._token() in ("and", "or"):
                self._at += 1
                self._condition()

    def _condition(self) -> None:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise PathRefused(f"at most {MAX_CONDITIONS} conditions")
        if self._calls(("not",)):
            self._at += 2
            self._comparison()
            self._expect(")")
        else:
            self._comparison()

    def _comparison(self) -> None:
        if self._calls(_TESTS):
            self._at += 2
            self._operand()
            self._expect(",")
            self._literal()
            self._expect(")")
            return
        self._operand()
        if self._takes("=") or self._takes("!="):
            self._literal()

    def _operand(self) -> None:
        if self._takes("."):
            return
        if self._calls(_PROPERTIES):
            self._call_without_arguments()
            return
        self._takes("@")
        self._name()
        while self._takes("/"):
            self._takes("@")
            self._name()


def _tokens(path: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at, end = 0, len(path.rstrip())
    while at < end:
        match = _TOKEN.match(path, at)
        if match is None:
            raise PathRefused(f"nothing of the subset at character {at}")
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        at = match.end()
    return tokens
