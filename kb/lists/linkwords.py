"""What a link is for: by the word in its brackets, else by its host."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

PAPER, CODE, HOMEPAGE, DATASET = "paper", "code", "homepage", "dataset"
WORDS = {
    PAPER: "paper pdf arxiv abs abstract preprint article link-to-paper paper-link "
    "paper-pdf paper(pdf) full-paper doi acm ieee springer openreview cvf openaccess acl-anthology "
    "publication manuscript html arxiv-link paper-arxiv cvpr iccv eccv pmlr jmlr "
    "论文 論文 논문 статья 📄 📃 📑 📜",
    CODE: "code codes github git source source-code official-code official code-link pytorch "
    "tensorflow tf keras jax paddle mindspore caffe torch matlab implementation repo repository "
    "code-pytorch code-tensorflow pytorch-code tensorflow-code unofficial unofficial-code "
    "official-implementation colab gitlab 代码 コード 코드 код 💻 👨‍💻 👩‍💻 🖥 ⌨",
    HOMEPAGE: "homepage home page project project-page website web site webpage project-website "
    "home-page project-homepage leaderboard 主页 プロジェクト 🌐 🏠",
    DATASET: "dataset datasets data download corpus benchmark database databases db data-set 数据集 データセット 💾 🗃",
    "video": "video videos youtube talk presentation demo-video recording 🎥 📹 🎬 📺",
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
NUMBERED = frozenset(
    [
        "paper",
        "pdf",
        "code",
        "video",
        "slides",
        "project",
        "homepage",
        "page",
        "demo",
        "poster",
        "arxiv",
        "github",
        "talk",
        "part",
    ]
)
FILL = frozenset(
    [
        "link", "links", "here", "url", "official", "unofficial", "authors", "author", "and", "of",
        "our", "main", "full", "short", "long", "extended", "version", "v1", "v2", "v3", "page",
        "pdf", "material", "materials", "release", "new", "old", "original", "third", "party",
        "public", "access", "open", "local", "only", "free", "reproduced", "implementation", "the",
        "this", "see", "accompanying",
    ]
)  # fmt: skip
GENERIC = frozenset(
    {
        "link",
        "links",
        "here",
        "url",
        "this",
        "click",
        "🔗",
        "✓",
        "✔",
        "⭐",
        "-",
        "ref",
        "source link",
        "google drive",
        "gdrive",
        "onedrive",
        "dropbox",
        "baidu",
        "baidu pan",
        "baidu yun",
        "baiduyun",
    }
)
PART = re.compile(r"[^\s_/|\-()\[\]{},.:;&+@'\"“”·•~*#!?]+")
EDGE = " \t\n[](){}<>:：,.;!?*`'\"“”\ufe0f•·|"
CODE_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "gitee.com", "codeberg.org")
PAPER_HOSTS = (
    "arxiv.org", "openaccess.thecvf.com", "aclanthology.org", "aclweb.org", "openreview.net",
    "proceedings.neurips.cc", "papers.nips.cc", "proceedings.mlr.press", "dl.acm.org",
    "ieeexplore.ieee.org", "link.springer.com", "doi.org", "sciencedirect.com", "bmva-archive.org.uk",
    "ecva.net", "hal.science", "hal.archives-ouvertes.fr", "semanticscholar.org", "jmlr.org",
    "ojs.aaai.org", "ijcai.org", "isca-speech.org", "biorxiv.org", "hal.inria.fr", "nature.com",
    "onlinelibrary.wiley.com", "mdpi.com", "ar5iv.org", "papers.nips.cc", "isca-archive.org",
    "spiedigitallibrary.org", "europepmc.org", "pubmed.ncbi.nlm.nih.gov", "ncbi.nlm.nih.gov",
    "journals.plos.org", "science.org", "sciencemag.org", "pnas.org", "cell.com", "academic.oup.com",
    "tandfonline.com", "journals.sagepub.com", "frontiersin.org", "iopscience.iop.org", "pubs.acs.org",
    "pubs.rsc.org", "journals.aps.org", "royalsocietypublishing.org", "epubs.siam.org", "medrxiv.org",
    "chemrxiv.org", "techrxiv.org", "eprint.iacr.org", "direct.mit.edu", "mitpressjournals.org",
    "pubsonline.informs.org", "hindawi.com", "papers.ssrn.com", "jstor.org", "worldscientific.com",
)  # fmt: skip
HUB = {"datasets": DATASET, "spaces": "demo", "papers": PAPER}  # of Hugging Face
HUB_PAGES = frozenset({"docs", "blog", "collections", "learn", "tasks", "models", "spaces"})
BLOG_HOSTS = frozenset(
    {"medium.com", "towardsdatascience.com", "zhuanlan.zhihu.com", "zhihu.com", "mp.weixin.qq.com"}
)
PAPER_PATH = re.compile(  # pages of papers on hosts that have others, too
    r"https?://(?:www\.)?(?:aaai\.org/(?:ocs|papers|library)/|usenix\.org/(?:system/files/|conference/(?!srecon|enigma|lisa)[^/]{1,60}/presentation/)|"
    r"researchgate\.net/publication/|microsoft\.com/[^?]{0,20}research/publication/|research\.google/pubs/|"
    r"ndss-symposium\.org/ndss-paper/)",
    re.IGNORECASE,
)
BARE_HOST = re.compile(  # a publisher's front page, a conference's list of papers
    r"https?://[^/\s]{1,200}/?|https?://openaccess\.thecvf\.com/[A-Za-z]{3,9}\d{4}[\w.]{0,30}/?|"
    r"https?://dl\.acm\.org/(?:conference|journal)/\w{2,20}/?",
    re.IGNORECASE,
)
LONGEST_WORD = 40
MOST_WORDS = 4
LONGEST_NUMBER = 2  # digits of a link that only counts; more may be a year


@lru_cache(maxsize=4096)
def word_kind(text: str) -> str | None:
    """The kind that the words of a link name; None where they name none (a title, say)."""
    if len(text) > LONGEST_WORD:
        return None
    words = [part.lower() for part in PART.findall(text.replace("\ufe0f", ""))]
    if len(words) > 1:
        words = [word for word in words if any(map(str.isalnum, word))]  # `📖 Paper`
    if not words or len(words) > MOST_WORDS:
        return None
    if (whole := "-".join(words)) in KIND:
        return KIND[whole]
    kinds = [KIND.get(word) or KIND.get(_unnumbered(word)) for word in words]
    known = next((kind for kind in kinds if kind), None)
    if kinds == [DATASET, PAPER] and "/" not in text:
        known = PAPER  # `Dataset Paper`
    others = [w for w, k in zip(words, kinds, strict=True) if k is None and w not in FILL]
    marks = [part for part in PART.findall(text) if part.isupper() or part[-1:].isdigit()]
    if all(word in {mark.lower() for mark in marks} for word in others):
        return known if kinds[0] or not others else None  # `Code (CVPR 2020)`
    return None


def _unnumbered(word: str) -> str:
    """`paper2` -> `paper`; `html5` and `torch7` are names."""
    bare = word.rstrip("0123456789")
    return bare if bare in NUMBERED else ""


def is_generic(text: str) -> bool:
    """Whether the words of a link say only that it is one, or where: `link`, `here`, `2`, `Dropbox`."""
    bare = text.strip(EDGE).lower()
    return bare in GENERIC or (bare.isdigit() and len(bare) <= LONGEST_NUMBER)


def is_download(text: str) -> bool:
    """Whether the word of a link says that something can be had there, but not what."""
    return text.strip(EDGE).lower() == "download"


def is_word(text: str) -> bool:
    """Whether a link's text is a word for what it leads to, or for nothing, and not a name."""
    return not text.strip() or is_generic(text) or word_kind(text) is not None


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
    if BARE_HOST.fullmatch(url.strip()):  # it leads to no paper
        return CODE if name in CODE_HOSTS else None
    of_papers = any(name == known or name.endswith("." + known) for known in PAPER_HOSTS)
    if of_papers or PAPER_PATH.match(url):
        return PAPER
    pdf = url.split("?", maxsplit=1)[0].lower().endswith(".pdf")
    if name in CODE_HOSTS and not pdf:
        return CODE
    if name == "huggingface.co":
        return _on_hugging_face(url)
    if name in {"youtube.com", "youtu.be", "bilibili.com"}:
        return "video"
    return PAPER if pdf else None


def _on_hugging_face(url: str) -> str | None:
    """What an address of the Hugging Face Hub leads to, by its path."""
    parts = [part for part in urlsplit(url.strip()).path.split("/") if part]
    if not parts:
        return None
    if parts[0] in HUB:
        return HUB[parts[0]]
    return "model" if len(parts) > 1 and parts[0] not in HUB_PAGES else None
