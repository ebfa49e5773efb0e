"""How links are looked at."""

import os
from dataclasses import dataclass, field
from datetime import timedelta

from kb.links import archive as archives
from kb.links import arxiv as arxiv_links
from kb.links import github as repositories
from kb.links.guard import Resolver, system_resolver
from kb.links.waiting import Patience


@dataclass(frozen=True)
class Settings:
    """How links are looked at."""

    max_age: timedelta = timedelta(days=7)
    offline: bool = False
    concurrency: int = 100
    timeout: float = 20.0  # seconds for one request
    budget: float | None = None  # seconds for the run
    allow_private: bool = False
    resolver: Resolver = system_resolver
    ca_file: str | None = None
    patience: Patience = field(default_factory=Patience)
    github: repositories.API | None = field(default_factory=repositories.API)
    archive: str | None = archives.ENDPOINT
    arxiv: arxiv_links.Exists | None = None

    @classmethod
    def from_environment(cls, **own: object) -> "Settings":
        """Endpoints and the token from KB_GITHUB_API, KB_WAYBACK and GITHUB_TOKEN."""
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or None
        endpoint = os.environ.get("KB_GITHUB_API", repositories.API.endpoint)
        api = repositories.API(endpoint, token)
        archive = os.environ.get("KB_WAYBACK", archives.ENDPOINT) or None
        return cls(**{"github": api, "archive": archive, **own})  # type: ignore[arg-type]
