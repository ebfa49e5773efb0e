"""Semantic roles: of a world's captions by its grammar, of real ones by the authors' file."""

import json
import shutil

import pytest

from kb import datasets
from kb.datasets.readers.roles import FILE, Roles, from_file
from kb.datasets.synthetic import wording
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.meaning import EventMention, Meaning, Mention
from kb.datasets.synthetic.structure import roles as of_tables
from kb.records.errors import KBError


def spoken(meaning, number):
    """A sentence of this meaning, and its roles as phrases."""
    phrase = wording.say(meaning, Draws("roles", number), Difficulty())
    words, roles = phrase.text.split(), of_tables([phrase.table()])
    return (
        phrase.text,
        [(role, " ".join(words[at] for at in positions)) for role, positions in roles.nodes],
        roles,
    )


MOON, CROSS = Mention("moon", "red", None, None), Mention("cross", "green", None, None)
PUSH = Meaning(None, None, (EventMention("push", None, MOON, CROSS),))


@pytest.mark.parametrize("number", range(8))
def test_who_does_it_is_the_agent_whatever_the_voice(number):
    """Active or passive: one verb, the agent ARG0, the patient ARG1, both its arguments."""
    text, nodes, roles = spoken(PUSH, number)
    phrases = dict(nodes)
    assert set(phrases) == {"V", "ARG0", "ARG1"}
    shapes = ("moon", "crescent"), ("cross", "plus")
    assert phrases["ARG0"].split()[-1] in shapes[0]
    assert phrases["ARG1"].split()[-1] in shapes[1]
    assert phrases["ARG0"].startswith("by ") is ("by" in text.split())
    verb = [role for role, _ in nodes].index("V")
    assert sorted(roles.arguments) == [(verb, at) for at in range(3) if at != verb]


@pytest.mark.parametrize("number", range(8))
def test_manner_place_and_onlooker_are_arguments_too(number):
    """Of two clauses each keeps its own; the place and the onlooker go with the main one."""
    events = (
        EventMention("push", "slowly", MOON, CROSS),
        EventMention("jump", "quickly", CROSS, None),
    )
    text, nodes, roles = spoken(
        Meaning("desert", Mention("box", None, "small", None), events), number
    )
    by_role = {role: [phrase for r, phrase in nodes if r == role] for role, _ in nodes}
    assert len(by_role["V"]) == len(by_role["ARGM-MNR"]) == 2
    assert len(by_role["ARGM-LOC"]) == len(by_role["NOUN"]) == 1
    assert by_role["NOUN"][0] in text
    heard = [argument for _, argument in roles.arguments]
    verbs = {at for at, (role, _) in enumerate(nodes) if role == "V"}
    assert sorted(heard) == [at for at in range(len(nodes)) if at not in verbs]
    assert {verb for verb, _ in roles.arguments} == verbs


GRAPH = [
    {
        "0": {"role": "ROOT", "spans": [0, 1, 2, 3]},
        "1": {"role": "V", "spans": [2]},
        "2": {"role": "ARG0", "spans": [0, 1]},
        "3": {"role": "R-ARGM-LOC", "spans": [3]},
    },
    [["0", "1"], ["1", "2"], ["1", "3"]],
]


TEXTS = {"train": ["a red moon sings", "A red  Moon sings"], "test": ["a red moon pushes"]}


def labelled(folder, graph=GRAPH, texts=TEXTS):
    """The authors' file, with this graph for each of the texts."""
    path = folder / FILE
    document = {text: graph for split in texts.values() for text in split}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_roles_are_looked_up_by_the_sentence(tmp_path):
    """The node of the whole sentence goes; neither case nor spaces matter."""
    read = from_file(labelled(tmp_path), {"val": [" a Red moon  SINGS ", "a red moon pushes"]})
    nodes = (("V", (2,)), ("ARG0", (0, 1)), ("R-ARGM-LOC", (3,)))
    assert list(read("val")) == [Roles(nodes, ((0, 1), (0, 2)))] * 2


def test_the_file_beside_real_annotations_is_part_of_the_data(tmp_path, smallest):
    """Every reader finds it; with it the data are other data."""
    folder = shutil.copytree(smallest("diorama-msvd"), tmp_path / "msvd")
    without = datasets.load("msvd", root=folder)
    texts = {name: [c.text for c in split.captions] for name, split in without.splits.items()}
    labelled(folder, [{"1": {"role": "V", "spans": [0]}}, []], texts)
    corpus = datasets.load("msvd", root=folder)
    assert without.roles is None
    assert corpus.fingerprint != without.fingerprint
    assert list(corpus.roles("test")) == [Roles((("V", (0,)),), ())] * len(texts["test"])


BROKEN = {
    "no pair": ([{}], "no nodes and edges"),
    "no role": ([{"1": {"spans": [0]}}, []], "no nodes and edges"),
    "a word that is none": ([{"1": {"role": "V", "spans": ["x"]}}, []], "no nodes and edges"),
    "an edge to nowhere": (
        [{"1": {"role": "V", "spans": [0]}}, [["1", "9"]]],
        "no nodes and edges",
    ),
    "a word too far": ([{"1": {"role": "V", "spans": [99]}}, []], "does not have"),
    "a word before all": ([{"1": {"role": "V", "spans": [-1]}}, []], "does not have"),
    "a list": (["1", "2"], "no nodes and edges"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_entry_is_named(tmp_path, kind):
    """One line: the file, the sentence, what is wrong."""
    graph, what = BROKEN[kind]
    with pytest.raises(KBError, match=what) as caught:
        list(from_file(labelled(tmp_path, graph), TEXTS)("train"))
    assert FILE in str(caught.value)
    assert "a red moon" in str(caught.value).lower()


@pytest.mark.parametrize(
    ("text", "what"), [("[]", "is no object"), ("{", "in the middle"), ("", "empty")]
)
def test_a_file_that_is_another_thing_is_refused(tmp_path, text, what):
    """One line that names it."""
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(KBError, match=what) as caught:
        list(from_file(tmp_path / FILE, TEXTS)("train"))
    assert FILE in str(caught.value)


def test_a_caption_without_an_entry_is_named(tmp_path):
    """The file may be of another release."""
    read = from_file(labelled(tmp_path), {"test": ["a red moon pushes", "nobody is there"]})
    with pytest.raises(KBError, match=r"has no roles of 'nobody is there'.*same release"):
        list(read("test"))
