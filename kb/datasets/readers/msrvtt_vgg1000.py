"""MSR-VTT's first 1,000 videos with public VGG16 features of their frames: five folds.

Captions: Xu, Mei, Yao, Rui (CVPR 2016), videos 0 to 999, 20 sentences each, from any of MSR-VTT's
annotation files that has them. Features: 50 frames x 128 numbers of each video, VGG16 reduced by an
autoencoder, of the repository Hassaan-Elahi/Dense-Captioning. Protocol fold-i: fold i is the gallery
(200 videos, 4,000 queries), fold i + 1 validates, the other three train. The folds are this project's:
no YouTube address is in two of them, since cuts of one video look alike. No paper reports these
numbers.
"""

import hashlib
from pathlib import Path

from kb.datasets.corpus import Caption, Corpus
from kb.datasets.readers import msrvtt
from kb.datasets.readers.annotations import Annotations, Captions, Reading

FILES = (msrvtt.TRAIN_VAL, "videodatainfo.json", msrvtt.JOINED)
FOLD_OF = (  # the fold of video0, video1, ..., video999
    "04114243231112324223410442330311142302001033224333014041133233100333103212001201"
    "22332133041444434433323423424211333032032443020111401412212014213341023141123414"
    "43430344313110111024132120134041140124033212114020342140224444200423302401041112"
    "11422242020424233423430420021234141222110104210243212241031013414111021033401044"
    "04044141444222020243333311343331224213413430324311441330134133321140220332100200"
    "42312321222430222340330430421432230103032133033023102220043140340141234324120003"
    "20432331412300432121014001300313212142302241140444024320433110024320424020414120"
    "40342400202304002231442203011031133334413401222121100112124101422232134041230121"
    "24124211044132113343402333030041104200204242044312422133400322004040032304431013"
    "20222334304121340110021010343103044021441043001411033224143411404344301441023313"
    "42011030100012221422244001230133130424342432021121400143002401044224132441001234"
    "40231420300344223004133211014133324124104210340044000311333342230001010440121014"
    "0322444203031234321341023331001232220020"
)
FOLDS = 5
CAPTIONS_SHA256 = "7cf0b99113b6e5468d491862600c4e1df31ae9b3384d138c989d0362a13dea80"  # of `digest`
PROTOCOLS = tuple(f"fold-{fold}" for fold in range(FOLDS))
PUBLISHED = {protocol: {"train": 600, "val": 200, "test": 200} for protocol in PROTOCOLS}
CAPTIONS = {
    protocol: {"train": (12_000,), "val": (4_000,), "test": (4_000,)} for protocol in PROTOCOLS
}


def read(
    root: Path, *, protocol: str = PROTOCOLS[0], name: str = "msrvtt-vgg1000", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it.

    The fingerprint is of the captions and features: the whole annotation file and an excerpt of it
    are the same dataset. Captions are in alphabetical order within a video for the same reason.
    """
    reading = Reading(root, partial)
    path = reading.want(*FILES)
    read_by_video = msrvtt.read_files([path], hashlib.sha256()).captions if path else {}
    captions = {
        video: _sorted(read_by_video[video]) for video in videos() if video in read_by_video
    }
    sha256 = digest(captions)
    reading.digest.update(sha256.encode())
    annotations = Annotations({}, captions)
    splits = {
        split: annotations.split(split, [video for video in ids if video in captions], path)
        for split, ids in folds(int(protocol.removeprefix("fold-"))).items()
    }
    corpus = reading.corpus(name, protocol, splits)
    corpus.laptop = True
    if path and sha256 != CAPTIONS_SHA256:
        corpus.faults.append(f"the captions of {path.name} are not those published (sha256)")
    return corpus


def videos() -> list[str]:
    """The ids of the 1,000 videos."""
    return [f"video{number}" for number in range(len(FOLD_OF))]


def folds(test: int) -> dict[str, list[str]]:
    """Videos by split, where this fold is the gallery and the next one validates."""
    split_of = dict.fromkeys(range(FOLDS), "train") | {test: "test", (test + 1) % FOLDS: "val"}
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for video, fold in zip(videos(), FOLD_OF, strict=True):
        splits[split_of[int(fold)]].append(video)
    return splits


def digest(captions: Captions) -> str:
    """SHA-256 of lines `video<TAB>caption`, captions in alphabetical order within a video."""
    lines = [f"{video}\t{one.text}\n" for video in captions for one in captions[video]]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sorted(captions: list[Caption]) -> list[Caption]:
    """The captions of a video in alphabetical order, numbered anew."""
    ordered = sorted(captions, key=lambda one: one.text)
    return [Caption(f"{one.video}#{k}", one.video, one.text) for k, one in enumerate(ordered)]
