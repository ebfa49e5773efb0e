"""Captions say what they mean: the meaning stored beside each is the one its words state."""

import re
from collections import Counter

import pytest

from kb.datasets.synthetic import grammar, lexicon, plot
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.meaning import HEAD, UNSTATED, Mention, fields, row, whole
from kb.datasets.synthetic.words import PARTS, RELATIONS, ROLES

TRUTHFUL = Difficulty(error=0)
SCRIPTS = [script for _, _, script in plot.families(("captions",), Difficulty(), 200)]
EVENTS = 3  # at most in these scripts


def sentences(difficulty, per_script=5):
    """(script, sentence) for every script."""
    return [
        (script, grammar.describe(script, Draws("said", i, k), difficulty))
        for i, script in enumerate(SCRIPTS)
        for k in range(per_script)
    ]


def states(mention, whole_mention):
    """Whether everything a mention states is so."""
    pairs = zip(vars(mention).values(), vars(whole_mention).values(), strict=True)
    return all(stated is None or stated == real for stated, real in pairs)


def test_the_same_draws_give_the_same_words():
    """A caption is a function of script, key and difficulty."""
    one = grammar.describe(SCRIPTS[0], Draws("k"), Difficulty())
    assert one == grammar.describe(SCRIPTS[0], Draws("k"), Difficulty())


def test_without_errors_every_stated_fact_is_so():
    """Each stated field agrees with what the script shows, events in their order."""
    for script, caption in sentences(TRUTHFUL):
        shown = whole(script)
        events = iter(shown.events)
        for event in caption.meaning.events:
            real = next(e for e in events if e.action == event.action)
            assert states(event.agent, real.agent)
            assert event.manner in {None, real.manner}
            assert (event.patient is None) == (real.patient is None)
        assert caption.meaning.place in {None, shown.place}


def test_every_caption_tells_apart_by_order_and_roles():
    """Both of two events are told, and every figure by colour or shape."""
    for script, caption in sentences(TRUTHFUL):
        assert len(caption.meaning.events) >= min(2, len(script.events))
        for event in caption.meaning.events:
            for mention in (event.agent, event.patient or event.agent):
                assert mention.shape or mention.colour


def test_errors_come_as_often_as_asked():
    """A controlled share of the captions states something that is not so."""
    wrong = 0
    for script, caption in sentences(Difficulty(error=20)):
        real = [(e.action, e.manner, e.agent) for e in whole(script).events]
        wrong += not all(
            any(
                event.action == action
                and event.manner in {None, manner}
                and states(event.agent, agent)
                for action, manner, agent in real
            )
            for event in caption.meaning.events
        )
    assert 0.15 < wrong / 1000 < 0.25


def test_the_words_of_a_fact_are_in_the_sentence():
    """A stated shape, colour or manner stands in the text by one of its words."""
    for _, caption in sentences(TRUTHFUL, per_script=1):
        words = set(caption.text.split())
        for event in caption.meaning.events:
            if event.manner is not None:
                assert words & set(lexicon.MANNERS[event.manner])
            if event.agent.colour is not None:
                assert words & set(lexicon.COLOURS[event.agent.colour])
            nouns = lexicon.ABOVE if event.agent.shape is None else lexicon.NOUNS[event.agent.shape]
            assert words & set(nouns)


def test_captions_of_a_video_differ():
    """Twenty annotators rarely write the same sentence."""
    texts = [grammar.describe(SCRIPTS[1], Draws("x", k), Difficulty()).text for k in range(20)]
    assert len(set(texts)) >= 18


def test_captions_are_plain_words():
    """Lower-case words and single spaces, a or an as the next word sounds."""
    for _, caption in sentences(Difficulty()):
        assert re.fullmatch(r"[a-z]+( [a-z]+)*", caption.text)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", caption.text)


def test_no_word_means_two_things():
    """Synonyms of one fact are no word of another of its kind."""
    for kind in (lexicon.NOUNS, lexicon.COLOURS, lexicon.SIZES, lexicon.TEXTURES, lexicon.MANNERS):
        count = Counter(word for words in kind.values() for word in words)
        assert set(count.values()) == {1}
    verbs = Counter(
        form for group in lexicon.VERBS.values() for verb in group for form in verb if form
    )
    assert set(verbs.values()) == {1}


@pytest.mark.parametrize(("backward", "told_in_order"), [(0, True), (100, False)])
def test_the_order_of_time_can_be_read(backward, told_in_order):
    """Told forwards or backwards, the joining words alone say which act comes first."""
    difficulty = Difficulty(error=0, backward=backward, passive=0, place=0, onlooker=0)
    for script, caption in sentences(difficulty, per_script=1):
        if len(script.events) == 1:
            continue
        first, second = (position(caption.text, event) for event in caption.meaning.events[:2])
        assert (first < second) == told_in_order
        later_first = caption.text.startswith("before ") or re.search(
            r"\w after (?!which)", caption.text
        )
        assert bool(later_first) != told_in_order


def position(text, event):
    """Where in the sentence an event's verb stands."""
    forms = [form for verb in lexicon.VERBS[event.action] for form in verb[:2]]
    matches = (re.search(rf"\b{form}\b(?! over)", text) for form in forms)
    return min(match.start() for match in matches if match)


def test_a_row_holds_a_meaning():
    """Fields of a row: unstated ones are -1, events fill from the first."""
    for script, caption in sentences(TRUTHFUL, per_script=1):
        numbers = row(caption.meaning, EVENTS)
        assert len(numbers) == len(fields(EVENTS))
        per_event = (len(fields(EVENTS)) - HEAD) // EVENTS
        count = len(caption.meaning.events)
        assert all(n == UNSTATED for n in numbers[HEAD + count * per_event :])
        assert numbers[HEAD] != UNSTATED
        assert len([n for n in row(whole(script), EVENTS) if n != UNSTATED]) >= len(
            [n for n in numbers if n != UNSTATED]
        )


def test_the_structure_has_a_row_for_each_word_and_one_root():
    """Heads lead to the root without a circle; every word has a part of speech and a relation."""
    for _, caption in sentences(Difficulty()):
        table = caption.structure
        assert len(table) == len(caption.text.split())
        heads = table[:, 1]
        assert list(heads).count(0) == 1
        assert RELATIONS[table[list(heads).index(0), 2]] == "root"
        for at in range(len(table)):
            steps, word = 0, at + 1
            while heads[word - 1] and steps <= len(table):
                word, steps = heads[word - 1], steps + 1
            assert steps <= len(table), caption.text


def test_roles_name_who_does_what_to_whom():
    """Per told event: its verb is V, the agent's colour ARG0, the patient's ARG1, the adverb's its manner."""
    for _, caption in sentences(Difficulty(), per_script=2):
        words = caption.text.split()
        for number, event in enumerate(caption.meaning.events):
            of = caption.structure[:, 4] == number
            played = {
                role: {
                    words[i]
                    for i in range(len(words))
                    if of[i] and ROLES[caption.structure[i, 3]] == role
                }
                for role in ROLES
            }
            forms = {
                part
                for verb in lexicon.VERBS[event.action]
                for form in verb
                for part in form.split()
            }
            assert played["V"] <= forms
            assert played["V"]
            if event.agent.colour is not None:
                assert played["ARG0"] & set(lexicon.COLOURS[event.agent.colour])
            if event.patient is not None and event.patient.colour is not None:
                assert played["ARG1"] & set(lexicon.COLOURS[event.patient.colour])
            expected = set() if event.manner is None else set(lexicon.MANNERS[event.manner])
            assert played["ARGM-MNR"] <= expected
            assert bool(played["ARGM-MNR"]) == (event.manner is not None)


def test_every_relation_fits_its_parts_of_speech():
    """Determiners hang from nouns, auxiliaries and adverbs of manner from verbs, subjects are nouns."""
    for _, caption in sentences(Difficulty(), per_script=2):
        for part, head, relation, _, _ in caption.structure:
            above = PARTS[caption.structure[head - 1, 0]] if head else None
            match RELATIONS[relation]:
                case "det" | "amod":
                    assert above == "NOUN"
                case "aux" | "aux:pass" | "obj" | "obl:agent" | "compound:prt" | "mark":
                    assert above in {"VERB", "ADJ"}
                case "nsubj" | "nsubj:pass":
                    assert PARTS[part] == "NOUN"
                case "root":
                    assert PARTS[part] == "VERB"


def test_a_name_stands_for_some_agents_where_films_are_told():
    """SOMEONE takes the place of the share of agents asked for, and states nothing."""
    captions = [one for _, one in sentences(Difficulty(error=0, someone=40))]
    agents = [event.agent for one in captions for event in one.meaning.events]
    unnamed = sum(agent == Mention() for agent in agents)
    assert 0.35 < unnamed / len(agents) < 0.45
    assert sum(one.text.split().count("SOMEONE") for one in captions) == unnamed
