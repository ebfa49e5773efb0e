"""Whether there is a network at all: without one nothing may be held against a link."""

import ipaddress
from contextlib import suppress

from kb.links.guard import ABSENT, LookupFailedError, NoSuchNameError, Resolver, kind
from kb.links.urls import Target, parse
from kb.links.verdict import Failure, Result

# Names that exist as long as there is a DNS; looked up, never connected to.
ROOTS = ("iana.org", "icann.org", "ietf.org")
SILENT = frozenset({Failure.NO_NAME, Failure.LOOKUP, Failure.UNREACHABLE, Failure.TIMEOUT})


class Reach:
    """Collects what the outside answered during a run."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.answered = self.silent = 0

    def note(self, result: Result) -> None:
        """Count a result that came from, or should have come from, outside this machine."""
        if result.cached or result.attempts == 0:
            return
        if self.unreached(result):
            self.silent += 1
        elif result.failure is not Failure.REFUSED and not self.inside(parse(result.url)):
            self.answered += 1

    def unreached(self, result: Result) -> bool:
        """Whether a public address stayed silent as it would without a network."""
        return result.failure in SILENT and not self.inside(parse(result.final_url or result.url))

    def nothing(self) -> bool:
        """Whether every public address stayed silent, and the name servers do too."""
        return bool(self.silent) and not self.answered and not self.names()

    def names(self) -> bool:
        """Whether a name that surely exists is known here."""
        for name in ROOTS:
            with suppress(NoSuchNameError, LookupFailedError):
                if self.resolver(name, 443):
                    return True
        return False

    @staticmethod
    def inside(target: Target) -> bool:
        """Whether an address is by its very name not of the public network."""
        labels = target.host.rstrip(".").split(".")
        if labels[-1] in ABSENT | {"localhost", "local", "internal"}:
            return True
        try:
            return kind(ipaddress.ip_address(target.host)) != "public"
        except ValueError:
            return False
