"""TRECVID ad-hoc video search: topics, a gallery of shots, and pooled, sampled judgements.

Awad et al. "TRECVID 2016: Evaluating Video Search, Video Event Detection, Localization, and
Hyperlinking." TRECVID 2016, and the campaigns up to 2020. Topics: `tv16.avs.txt` ... `tv20.avs.txt`
of lines `number text` (30 a year, 20 in 2020). Judgements: `avs.qrels.tv16` ... of lines
`1<number> 0 shot stratum gain`, gain -1 for a shot that was pooled and not judged. Gallery:
`VideoSets/iacc.3.txt` (335,944 shots; tv16, tv17, tv18) or `VideoSets/v3c1.txt` (tv19, tv20).
Training, as RUC has it: the collection `tgif-msrvtt10k`, validated on `tv2016train`.
Protocols: full (= iacc.3, its three years), v3c1 (its two), or one year.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kb.datasets.corpus import Corpus, Judgement, SplitData, Topic
from kb.datasets.readers.annotations import AGAIN, RELEASE, Reading, text_of
from kb.datasets.readers.collections import read_collections
from kb.datasets.readers.textfiles import read_ids, read_lines
from kb.records.errors import KBError

GALLERIES = {"iacc.3": ("tv16", "tv17", "tv18"), "v3c1": ("tv19", "tv20")}
TRAIN, VAL = "tgif-msrvtt10k", "tv2016train"
SHOTS = {"iacc.3": 335_944}
TOPICS = {"tv16": 30, "tv17": 30, "tv18": 30, "tv19": 30, "tv20": 20}
_YEARS = {year: gallery for gallery, years in GALLERIES.items() for year in years}
PROTOCOLS = ("full", "v3c1", *_YEARS)
PUBLISHED = {
    protocol: {"test": SHOTS["iacc.3"]} if protocol in {"full", *GALLERIES["iacc.3"]} else {}
    for protocol in PROTOCOLS
}
CAPTIONS: dict[str, dict[str, tuple[int, ...]]] = {}
_CELLS = 5  # of a line of qrels: topic 0 shot stratum gain


def read(root: Path, *, protocol: str = "full", name: str = "avs", partial: bool = False) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it.

    The test split has shots and no captions: its queries are `topics`, its truth `judgements`.
    """
    reading = Reading(root, partial)
    gallery = {"full": "iacc.3", "v3c1": "v3c1"}.get(protocol) or _YEARS[protocol]
    years = [protocol] if protocol in _YEARS else _there(gallery, reading)
    topics, judgements = list[Topic](), dict[str, list[Judgement]]()
    for year in years:
        path = reading.want(f"{year}.avs.txt")
        year_topics = read_topics(path, reading) if path else []
        topics += year_topics
        judgements |= judged(year, year_topics, reading)
    splits = _training(reading)
    splits["test"] = SplitData("test", _shots(gallery, judgements, reading), [])
    corpus = reading.corpus(name, protocol, splits)
    corpus.topics, corpus.judgements = topics, judgements
    return corpus


def _there(gallery: str, reading: Reading) -> list[str]:
    """Years with topics under the root; the first year if there are none."""
    years = [year for year in GALLERIES[gallery] if reading.seek(f"{year}.avs.txt")]
    absent = [year for year in GALLERIES[gallery] if year not in years]
    reading.notes += [f"{year}.avs.txt is not there" for year in absent if years]
    return years or [GALLERIES[gallery][0]]


def write_topics(
    topics: Sequence[Topic], judgements: Mapping[str, Sequence[Judgement]], folder: Path, year: str
) -> None:
    """Write `<year>.avs.txt` and `avs.qrels.<year>` into a folder."""
    topic_lines = "".join(f"{topic.id} {' '.join(topic.text.split())}\n" for topic in topics)
    judgement_lines = "".join(
        f"1{topic.id} 0 {one.shot} {one.stratum} {one.gain}\n"
        for topic in topics
        for one in judgements.get(topic.id, ())
    )
    (folder / f"{year}.avs.txt").write_text(topic_lines, encoding="utf-8", newline="\n")
    (folder / f"avs.qrels.{year}").write_text(judgement_lines, encoding="utf-8", newline="\n")


def read_topics(path: Path, reading: Reading) -> list[Topic]:
    """Topics from lines `number text`."""
    topics: dict[str, Topic] = {}
    for number, line in read_lines(path, reading.digest):
        name, _, text = line.strip().partition(" ")
        if not name.isdecimal() or not text.strip() or name in topics:
            what = f"{name[:20]} is there twice" if name in topics else "is no `number text`"
            raise KBError(what, where=path, line=number, hint=AGAIN)
        topics[name] = Topic(name, text_of(text.strip(), name, path))
    return list(topics.values())


def read_judgements(path: Path, reading: Reading) -> dict[str, list[Judgement]]:
    """Judgements by topic as NIST numbers them (1501 for topic 501); four columns: one stratum."""
    judgements: dict[str, list[Judgement]] = {}
    seen: dict[tuple[str, str], int] = {}
    for number, line in read_lines(path, reading.digest):
        cells = line.split()
        topic, shot = (cells[0], cells[2]) if len(cells) > 2 else ("", "")  # noqa: PLR2004
        numbers = cells[3:] if len(cells) == _CELLS else ["1", *cells[3:]]
        integers = [n for n in numbers if n.removeprefix("-").isdecimal()]
        if not topic or len(integers) != 2 or len(numbers) != 2:  # noqa: PLR2004  (stratum, gain)
            what = "is no `topic 0 shot stratum gain`"
            raise KBError(what, where=path, line=number, hint=AGAIN)
        if (topic, shot) in seen:
            what = f"{shot} of {topic} stands in line {seen[topic, shot]} too"
            raise KBError(what, where=path, line=number, hint=AGAIN)
        seen[topic, shot] = number
        judgements.setdefault(topic, []).append(Judgement(shot, int(numbers[0]), int(numbers[1])))
    return judgements


def judged(year: str, topics: list[Topic], reading: Reading) -> dict[str, list[Judgement]]:
    """Judgements by topic id; topics whose assessor found nothing have an empty list.

    `year` is the part of the file name before `.avs.txt`.
    """
    path = reading.seek(f"avs.qrels.{year}", f"{year}.avs.qrels", f"{year}.qrels.txt")
    if path is None:
        reading.notes.append(f"avs.qrels.{year} is not there: its topics are not judged")
        return {}
    judgements = read_judgements(path, reading)
    by_topic = {t.id: judgements.get(f"1{t.id}", judgements.get(t.id, [])) for t in topics}
    if not any(by_topic.values()):
        raise KBError(f"judges no topic of {year}.avs.txt", where=path, hint=RELEASE)
    return by_topic


def _training(reading: Reading) -> dict[str, SplitData]:
    """RUC's training and validation collections; empty splits if they are missing."""
    splits = {}
    for split, collection in (("train", TRAIN), ("val", VAL)):
        collections = read_collections(reading, {split: collection})
        splits[split] = collections[split] if collections else SplitData(split, [], [])
    return splits


def _shots(gallery: str, judgements: dict[str, list[Judgement]], reading: Reading) -> list[str]:
    """Every shot of the gallery; without a list of it, the judged shots."""
    path = reading.seek(f"VideoSets/{gallery}.txt", f"{gallery}.txt")
    known = {j.shot: None for of_topic in judgements.values() for j in of_topic}
    if path is None:
        reading.notes.append(
            f"VideoSets/{gallery}.txt is not there: the gallery is what was judged"
        )
        return list(known)
    shots = read_ids(path, reading.digest)
    unknown = known.keys() - set(shots)
    if unknown:
        what = f"lacks {len(unknown):,} shots that were judged, {min(unknown)} first"
        raise KBError(what, where=path, hint=RELEASE)
    return shots
