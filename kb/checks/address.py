"""Addresses as identities: all spellings of an address, and all versions of a paper, are one."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from kb.lists.identifiers import arxiv_in_url, doi_in

TRACKING = re.compile(
    r"^(?:utm_[a-z]{1,30}|fbclid|gclid|dclid|msclkid|yclid|twclid|igshid|igsh|mc_cid|mc_eid|"
    r"_hsenc|_hsmi|mkt_tok|oly_anon_id|oly_enc_id|vero_id|wickedid|spm|scm|trk|trkinfo|"
    r"ref_src|ref_url|share_source|share_medium|vd_source|spm_id_from|casa_token|usp)$",
    re.IGNORECASE,
)
DOI_HOSTS = ("doi.org", "dx.doi.org", "dl.acm.org", "link.springer.com", "onlinelibrary.wiley.com")
CODE_HOSTS = frozenset(
    [
        "github.com",
        "gitlab.com",
        "bitbucket.org",
        "gitee.com",
        "codeberg.org",
        "sourceforge.net",
        "gist.github.com",
        "colab.research.google.com",
    ]
)
TALK_HOSTS = frozenset(
    [
        "youtube.com",
        "youtu.be",
        "m.youtube.com",
        "vimeo.com",
        "bilibili.com",
        "twitter.com",
        "x.com",
        "facebook.com",
        "linkedin.com",
        "reddit.com",
        "slideshare.net",
        "zhihu.com",
        "zhuanlan.zhihu.com",
        "medium.com",
    ]
)
SEARCH = re.compile(r"^/(?:scholar|search|results|citations)\b", re.IGNORECASE)
# Hosts that serve every page over TLS: `http` and `https` are the same page there.
TLS_HOSTS = frozenset(
    [
        "arxiv.org",
        "export.arxiv.org",
        "openaccess.thecvf.com",
        "doi.org",
        "dx.doi.org",
        "dl.acm.org",
        "acm.org",
        "ieeexplore.ieee.org",
        "link.springer.com",
        "aclweb.org",
        "aclanthology.org",
        "aclanthology.info",
        "openreview.net",
        "proceedings.mlr.press",
        "papers.nips.cc",
        "proceedings.neurips.cc",
        "nips.cc",
        "sciencedirect.com",
        "onlinelibrary.wiley.com",
        "ecva.net",
        "github.com",
        "gitlab.com",
        "bitbucket.org",
        "gist.github.com",
        "raw.githubusercontent.com",
        "youtube.com",
        "youtu.be",
        "vimeo.com",
        "huggingface.co",
        "jmlr.org",
        "ijcai.org",
        "semanticscholar.org",
        "researchgate.net",
        "nature.com",
        "science.org",
        "hal.archives-ouvertes.fr",
        "hal.inria.fr",
        "hal.science",
        "zenodo.org",
        "kaggle.com",
        "medium.com",
        "drive.google.com",
        "docs.google.com",
        "sites.google.com",
        "scholar.google.com",
        "trecvid.nist.gov",
        "www-nlpir.nist.gov",
        "creativecommons.org",
        "wikipedia.org",
        "en.wikipedia.org",
    ]
)


@lru_cache(maxsize=65536)
def host(url: str) -> str:
    """The host of an address in lower case, without `www.`; empty if there is none."""
    try:
        return (urlsplit(url.strip()).hostname or "").removeprefix("www.")
    except ValueError:  # not an address
        return ""


def path(url: str) -> str:
    """The path of an address; empty if it is not one."""
    try:
        return urlsplit(url.strip()).path
    except ValueError:
        return ""


@lru_cache(maxsize=65536)
def identity(url: str) -> str:
    """`arxiv:ID`, `doi:ID`, or else the address in a normal form."""
    arxiv, _ = arxiv_in_url(url)
    if arxiv:
        return f"arxiv:{arxiv}"
    if host(url) in DOI_HOSTS and (doi := doi_in(url)):
        return f"doi:{doi.lower()}"
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url
    query = "&".join(p for p in parts.query.split("&") if p and not is_tracking(p))
    bare = f"{host(url)}{parts.path.rstrip('/').removesuffix('.git')}"
    return f"{bare}?{query}" if query else bare


def is_tracking(parameter: str) -> bool:
    """Whether `name=value` only tracks where a reader came from."""
    return TRACKING.match(parameter.partition("=")[0]) is not None


def serves_tls(url: str) -> bool:
    """Whether the host is known to serve the same page over https."""
    name = host(url)
    return name in TLS_HOSTS or name.endswith((".github.io", ".gitlab.io", ".readthedocs.io"))


def is_no_paper(url: str) -> str | None:
    """What an address leads to if that cannot be a paper; None if it can."""
    name, where = host(url), path(url)
    if name in CODE_HOSTS:
        document = where.lower().endswith((".pdf", ".ps", ".ps.gz"))
        return None if document else "a code repository"
    if name in TALK_HOSTS:
        return "a talk or a post"
    if SEARCH.match(where) and ("scholar." in name or "google." in name or "bing." in name):
        return "a search"
    return None
