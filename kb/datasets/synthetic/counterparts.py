"""Synthetic counterparts of the datasets: format, reader, size and difficulty."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kb.datasets.readers.registry import READERS, Reader
from kb.datasets.synthetic import (
    activitynet_format,
    avs_format,
    didemo_format,
    howto100m_format,
    lsmdc_format,
    msrvtt_format,
    msvd_format,
    tgif_format,
    vatex_format,
)
from kb.datasets.synthetic.difficulty import SIZES, Difficulty, Size
from kb.datasets.synthetic.world import EXPERTS, Progress, World


@dataclass(frozen=True)
class Counterpart:
    """The synthetic counterpart of one dataset of the list, in its file format."""

    write: Callable[[World, Path, Progress], None]
    read: Reader  # of the dataset whose files it writes
    keeps: tuple[str, ...]  # what it has in common with the real set
    leaves: tuple[str, ...]  # what it does not have
    sizes: Mapping[str, Size]
    difficulty: Difficulty = Difficulty()  # noqa: RUF009  (frozen)
    experts: tuple[str, ...] = EXPERTS

    def world(self, name: str, size: str, seed: int) -> World:
        """The world of this counterpart at a size."""
        return World(name, self.sizes[size], seed, self.difficulty, self.experts)


_SILENT = ("frames", "motion", "regions", "ocr")  # experts of clips without sound
_SOUND = ("frames", "motion", "audio")  # experts of long videos
_NOT_REAL = "people, places and sounds of the real world"

COUNTERPARTS = {
    "diorama-msvd": Counterpart(
        write=msvd_format.write,
        read=READERS["msvd"],
        keeps=(
            "collections msvdtrain, msvdval, msvdtest: caption files and lists of clips",
            "short silent clips, half of them of one act",
            "a number of captions that varies from clip to clip",
        ),
        leaves=(_NOT_REAL, "captions in other languages than English"),
        sizes={
            "tiny": Size(60, 10, 30, 12),
            "small": Size(800, 80, 300, 24),
            "full": Size(1200, 100, 670, 41),
        },
        difficulty=Difficulty(second=50, third=0),
        experts=_SILENT,
    ),
    "diorama-msrvtt": Counterpart(
        write=msrvtt_format.write,
        read=READERS["msrvtt"],
        keeps=(
            "two videodatainfo.json files with the keys and split names of the original",
            "twenty sentences a video, by annotators who choose, leave out and at times err",
            "several experts, of which a video may lack some",
        ),
        leaves=(_NOT_REAL, "the 1k protocols: their lists name videos of the original"),
        sizes=SIZES,
    ),
    "diorama-tgif": Counterpart(
        write=tgif_format.write,
        read=READERS["tgif"],
        keeps=(
            "tgif-v1.0.tsv of urls and sentences, and a list of urls a split",
            "one sentence a GIF to learn from, three a GIF of the test",
            "no sound",
        ),
        leaves=(_NOT_REAL, "loops: a GIF is shown once", "the protocols li and chen"),
        sizes={
            "tiny": Size(60, 10, 30, 1),
            "small": Size(2400, 200, 250, 1),
            "full": Size(80_000, 10_708, 11_360, 1),
        },
        difficulty=Difficulty(third=0, twins=60),
        experts=_SILENT,
    ),
    "diorama-lsmdc": Counterpart(
        write=lsmdc_format.write,
        read=READERS["lsmdc"],
        keeps=(
            "the files of retrieval, multiple choice and fill-in-the-blank",
            "films: scenes that share a cast and two places; no film is in two splits",
            "SOMEONE in the place of some agents, one sentence a clip",
        ),
        leaves=(_NOT_REAL, "dialogue", "clips with several sentences"),
        sizes={
            "tiny": Size(60, 10, 30, 1),
            "small": Size(1500, 150, 250, 1),
            "full": Size(101_079, 7_408, 1_000, 1),
        },
        difficulty=Difficulty(twins=50, film=12, someone=20, place=50),
    ),
    "diorama-activitynet": Counterpart(
        write=activitynet_format.write,
        read=READERS["activitynet"],
        keeps=(
            "train.json, val_1.json, val_2.json: durations, time stamps, sentences",
            "a paragraph of a sentence an act, in order, with stamps that are a little off",
            "a second telling of the test videos by others",
        ),
        leaves=(_NOT_REAL, "moments that overlap", "videos longer than two minutes"),
        sizes={
            "tiny": Size(60, 10, 30, 1),
            "small": Size(1000, 100, 300, 1),
            "full": Size(10_009, 500, 4_917, 1),
        },
        difficulty=Difficulty(acts=(3, 5), twins=100, omitted=15),
        experts=_SOUND,
    ),
    "diorama-didemo": Counterpart(
        write=didemo_format.write,
        read=READERS["didemo"],
        keeps=(
            "train_data.json, val_data.json, test_data.json: descriptions, times, num_segments",
            "an act in each chunk of five seconds; a moment is marked by four, not always alike",
            "a few videos under a second extension",
        ),
        leaves=(_NOT_REAL, "descriptions in another order than that of time"),
        sizes={
            "tiny": Size(60, 10, 30, 1),
            "small": Size(800, 80, 250, 1),
            "full": Size(8_395, 1_065, 1_004, 1),
        },
        difficulty=Difficulty(acts=(5, 6), chunk=10, twins=100, omitted=30),
        experts=_SOUND,
    ),
    "diorama-howto100m": Counterpart(
        write=howto100m_format.write,
        read=READERS["howto100m"],
        keeps=(
            "HowTo100M_v1.csv and caption.json: lines of speech with their times",
            "narration up to three seconds early or late, by an amount that is on record",
            "one line in twenty tells of nothing that is seen",
        ),
        leaves=(
            _NOT_REAL,
            "errors of speech recognition",
            "tasks that many videos share",
            "most twins: a window tells of a part of a video, and twins may differ in another",
        ),
        sizes={
            "tiny": Size(60, 10, 30, 1),
            "small": Size(1200, 100, 500, 1),
            "full": Size(100_000, 1_000, 2_000, 1),
        },
        difficulty=Difficulty(acts=(3, 5), twins=8, chatter=5, drift=6),
        experts=_SOUND,
    ),
    "diorama-avs": Counterpart(
        write=avs_format.write,
        read=READERS["avs"],
        keeps=(
            "tv16.avs.txt, avs.qrels.tv16 and the gallery iacc.3: topics with many right shots",
            "judgements of pooled runs: the first stratum whole, one in nine of the second",
            "a training collection of clips with one caption and clips with several",
        ),
        leaves=(_NOT_REAL, "errors of the assessors", "other years than tv16", "v3c1"),
        sizes={
            "tiny": Size(60, 10, 160, 10),
            "small": Size(1000, 100, 2000, 10),
            "full": Size(110_855, 200, 335_944, 20),
        },
        experts=("frames", "motion", "audio"),
    ),
    "diorama-vatex": Counterpart(
        write=vatex_format.write,
        read=READERS["vatex"],
        keeps=(
            "the lists of {videoID, enCap, chCap}",
            "ten captions in English and ten in Chinese; the last five of each say the same",
        ),
        leaves=(_NOT_REAL, "the halved validation split"),
        sizes={
            "tiny": Size(60, 10, 30, 10),
            "small": Size(1200, 100, 300, 10),
            "full": Size(25_991, 3_000, 6_000, 10),
        },
    ),
}
