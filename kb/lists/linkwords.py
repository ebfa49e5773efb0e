"""What a link is for: by the word in its brackets, else by its host."""

import re
from urllib.parse import urlsplit

PAPER, CODE, HOMEPAGE, DATASET = "paper", "code", "homepage", "dataset"
WORDS = {
    PAPER: "paper papers pdf arxiv abs abstract preprint article link-to-paper paper-link "
    "paper-pdf paper(pdf) full-paper doi acm ieee springer openreview cvf openaccess acl-anthology "
    "publication manuscript html arxiv-link paper-arxiv read cvpr iccv eccv pmlr jmlr "
    "论文 論文 논문 статья",
    CODE: "code codes github git source source-code official-code official code-link pytorch "
    "tensorflow tf keras jax paddle mindspore caffe torch matlab implementation repo repository "
    "code-pytorch code-tensorflow pytorch-code tensorflow-code unofficial unofficial-code "
    "official-implementation colab gitlab 代码 コード 코드 код",
    HOMEPAGE: "homepage home page project project-page website web site webpage project-website "
    "home-page project-homepage 主页 プロジェクト",
    DATASET: "dataset datasets data download corpus benchmark data-set 数据集 データセット",
    "video": "video videos youtube talk presentation demo-video recording",
    "slides": "slides slide ppt",
    "poster": "poster",
    "supplementary": "supplementary supp supplement suppl supplemental appendix",
    "demo": "demo live-demo online-demo huggingface-demo",
    "blog": "blog post blog-post blogpost article-blog",
    "bibtex": "bib bibtex cite citation",
    "model": "model models weights checkpoint checkpoints pretrained huggingface hf model-weights",
    "review": "review reviews",
}
KIND = {word: kind for kind, words in WORDS.items() for word in words.split()}
NOT_WORD = re.compile(r"[\s_/|]+")
EDGE = " \t\n[](){}<>:：,.;!?*`'\"“”\ufe0f•·|"
CODE_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "gitee.com", "codeberg.org")
PAPER_HOSTS = (
    "arxiv.org", "openaccess.thecvf.com", "aclanthology.org", "aclweb.org", "openreview.net",
    "proceedings.neurips.cc", "papers.nips.cc", "proceedings.mlr.press", "dl.acm.org",
    "ieeexplore.ieee.org", "link.springer.com", "doi.org", "sciencedirect.com", "bmva-archive.org.uk",
    "ecva.net", "hal.science", "hal.archives-ouvertes.fr", "semanticscholar.org", "jmlr.org",
    "ojs.aaai.org", "ijcai.org", "isca-speech.org", "biorxiv.org", "hal.inria.fr", "nature.com",
    "onlinelibrary.wiley.com", "mdpi.com", "ar5iv.org", "papers.nips.cc", "isca-archive.org",
)  # fmt: skip
LONGEST_WORD = 40


def word_kind(text: str) -> str | None:
    """The kind that the words of a link name; None where they name none (a title, say)."""
    if len(text) > LONGEST_WORD:
        return None
    word = NOT_WORD.sub("-", text.strip(EDGE).lower())
    if word in KIND:
        return KIND[word]
    first = word.split("-")[0].rstrip("0123456789")
    rest = word[len(first) :].strip("-0123456789")
    if first in KIND and (not rest or rest in KIND or rest in {"link", "version", "here", "page"}):
        return KIND[first]
    return None


def host(url: str) -> str:
    """The host of an address, `www.` off; empty where there is none."""
    try:
        name = urlsplit(url.strip()).hostname or ""
    except ValueError:  # not an address
        return ""
    return name.removeprefix("www.")


def host_kind(url: str) -> str | None:
    """The kind that the host tells: paper, code or video; None where it tells nothing."""
    name = host(url)
    if any(name == known or name.endswith("." + known) for known in PAPER_HOSTS):
        return PAPER
    if name in CODE_HOSTS:
        return CODE
    if name in {"youtube.com", "youtu.be", "bilibili.com"}:
        return "video"
    if url.split("?", maxsplit=1)[0].lower().endswith(".pdf"):
        return PAPER
    return None
