"""Meaning -> words: synonyms, voice, order of the clauses; each word with its place in the tree."""

from kb.datasets.synthetic import lexicon
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.meaning import EventMention, Meaning, Mention
from kb.datasets.synthetic.words import Phrase, Word

SOMEONE = "SOMEONE"  # stands for a name, as in LSMDC


def say(meaning: Meaning, draws: Draws, difficulty: Difficulty) -> Phrase:
    """One sentence."""
    phrase = tell(meaning.events, draws, difficulty)
    if meaning.bystander is not None:
        phrase = _with_onlooker(phrase, figure(meaning.bystander, draws), draws)
    if meaning.place is not None:
        words = draws.choose(lexicon.PLACES[meaning.place]).split()
        place = _place(words, phrase.root)
        if draws.chance(30):
            return Phrase(place + phrase.words, phrase.root)
        return Phrase(phrase.words + place, phrase.root)
    return phrase


def _place(words: list[str], root: Word) -> list[Word]:
    """Preposition, article or adjective, noun: "on a snowy plain"."""
    noun = Word(words[-1], "NOUN").under(root, "obl")
    before = [Word(words[0], "ADP").under(noun, "case")]
    before += [
        Word(w, "DET").under(noun, "det")
        if w in {"a", "the"}
        else Word(w, "ADJ").under(noun, "amod")
        for w in words[1:-1]
    ]
    return Phrase([*before, noun], noun).plays("ARGM-LOC", -1).words


def _with_onlooker(phrase: Phrase, onlooker: Phrase, draws: Draws) -> Phrase:
    root, noun = phrase.root, onlooker.root
    next_ = Word("next", "ADV").under(noun, "case")
    near = Word("near", "ADJ").under(root, "advcl")
    forms = (
        [next_, Word("to", "ADP").under(next_, "fixed"), *onlooker.words],
        [
            Word("while", "SCONJ").under(near, "mark"),
            *onlooker.words,
            Word("is", "AUX").under(near, "cop"),
            near,
        ],
        [Word("beside", "ADP").under(noun, "case"), *onlooker.words],
    )
    chosen = draws.choose(forms)
    noun.under(*((near, "nsubj") if near in chosen else (root, "obl")))
    return Phrase(phrase.words + chosen, root)


def tell(events: tuple[EventMention, ...], draws: Draws, difficulty: Difficulty) -> Phrase:
    """Clauses joined by words that make their order in time explicit."""
    clauses = [clause(event, at, draws, difficulty) for at, event in enumerate(events)]
    if len(clauses) == 1:
        return clauses[0]
    first, second, *rest = clauses
    phrase = _two(first, second, draws, difficulty)
    for one in rest:
        phrase = _and_in_the_end(phrase, one, draws)
    return phrase


def _two(first: Phrase, second: Phrase, draws: Draws, difficulty: Difficulty) -> Phrase:
    if draws.chance(difficulty.backward):
        if draws.choose((True, False)):
            return _marked("before", second, first)
        return _marked("after", first, second, last=True)
    link = draws.choose(("and then", "then", "before", "after which"))
    if draws.chance(20):
        return _marked("after", first, second)
    if link == "before":
        return _marked("before", second, first, last=True)
    root, words = second.root, link.split()
    if link == "after which":
        which = Word("which", "PRON").under(root, "obl")
        joint = [Word("after", "ADP").under(which, "case"), which]
        second.under(first.root, "advcl")
    else:
        joint = [Word("then", "ADV").under(root, "advmod")]
        if words[0] == "and":
            joint.insert(0, Word("and", "CCONJ").under(root, "cc"))
        second.under(first.root, "conj")
    return Phrase([*first.words, *joint, *second.words], first.root)


def _marked(mark: str, sub: Phrase, main: Phrase, *, last: bool = False) -> Phrase:
    """A clause under "before" or "after", in front of the main clause or behind it."""
    led = sub.under(main.root, "advcl").led(Word(mark, "SCONJ").under(sub.root, "mark"))
    words = main.words + led.words if last else led.words + main.words
    return Phrase(words, main.root)


def _and_in_the_end(phrase: Phrase, one: Phrase, draws: Draws) -> Phrase:
    root = one.under(phrase.root, "conj").root
    joint = [Word("and", "CCONJ").under(root, "cc")]
    if draws.choose((True, False)):
        joint.append(Word("finally", "ADV").under(root, "advmod"))
    else:
        end = Word("end", "NOUN").under(root, "obl")
        joint += [Word("in", "ADP").under(end, "case"), Word("the", "DET").under(end, "det"), end]
    return Phrase([*phrase.words, *joint, *one.words], phrase.root)


def clause(mention: EventMention, event: int, draws: Draws, difficulty: Difficulty) -> Phrase:
    """One event: active or passive, simple or progressive, the adverb at the end or at the verb."""
    present, doing, done = draws.choose(lexicon.VERBS[mention.action])
    agent = figure(mention.agent, draws).plays("ARG0", event)
    manner = "" if mention.manner is None else draws.choose(lexicon.MANNERS[mention.manner])
    passive = False
    if mention.patient is None:
        subject, tail = agent, None
        form = draws.choose((present, f"is {doing}"))
    else:
        patient = figure(mention.patient, draws).plays("ARG1", event)
        passive = draws.chance(difficulty.passive)
        subject, tail = (patient, agent) if passive else (agent, patient)
        form = f"is {done}" if passive else draws.choose((present, f"is {doing}"))
    early = draws.chance(40)
    helpers, verbs = _verb(form, event, passive=passive)
    root = verbs[0]
    subject.under(root, "nsubj:pass" if passive else "nsubj")
    adverb = [Word(manner, "ADV", role="ARGM-MNR", event=event).under(root, "advmod")]
    adverb = adverb if manner else []
    behind = [] if tail is None else _behind(tail, root, passive=passive)
    words = [*subject.words, *helpers, *(adverb if early else []), *verbs, *behind]
    return Phrase(words if early else words + adverb, root)


def _verb(form: str, event: int, *, passive: bool) -> tuple[list[Word], list[Word]]:
    """Auxiliary, and verb with its particle: "is jumping over"."""
    names = form.split()
    helpers = [Word(names.pop(0), "AUX", event=event)] if names[0] == "is" else []
    verb = Word(names[0], "VERB", role="V", event=event)
    particles = [Word(w, "ADP", "compound:prt", verb, "V", event) for w in names[1:]]
    for helper in helpers:
        helper.under(verb, "aux:pass" if passive else "aux")
    return helpers, [verb, *particles]


def _behind(tail: Phrase, root: Word, *, passive: bool) -> list[Word]:
    """The patient, or "by" and the agent."""
    if not passive:
        return tail.under(root, "obj").words
    by = Word("by", "ADP", role="ARG0", event=root.event).under(tail.root, "case")
    return tail.under(root, "obl:agent").led(by).words


def figure(mention: Mention, draws: Draws) -> Phrase:
    """A noun phrase: article, size, texture, colour, noun."""
    if mention == Mention():
        name = Word(SOMEONE, "PROPN")
        return Phrase([name], name)
    adjectives = []
    if mention.size is not None:
        adjectives.append(draws.choose(lexicon.SIZES[mention.size]))
    if mention.texture is not None:
        adjectives.append(draws.choose(lexicon.TEXTURES[mention.texture]))
    if mention.colour is not None:
        adjectives.append(draws.choose(lexicon.COLOURS[mention.colour]))
    nouns = lexicon.ABOVE if mention.shape is None else lexicon.NOUNS[mention.shape]
    words = [*adjectives, draws.choose(nouns)]
    noun = Word(words[-1], "NOUN")
    article = "an" if words[0][0] in "aeiou" else "a"
    determiner = "the" if draws.chance(50) else article
    before = [Word(determiner, "DET").under(noun, "det")]
    before += [Word(a, "ADJ").under(noun, "amod") for a in adjectives]
    return Phrase([*before, noun], noun)
