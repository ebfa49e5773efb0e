# ruff: noqa: RUF001  (Chinese has punctuation of its own)
"""Meaning -> a Chinese sentence: the world's second language."""

from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.meaning import EventMention, Meaning, Mention

NOUNS = {
    "ball": ("球", "圆球"),
    "box": ("方块", "盒子"),
    "pyramid": ("三角形", "金字塔"),
    "diamond": ("菱形", "钻石"),
    "cross": ("十字", "加号"),
    "ring": ("圆环", "圈"),
    "moon": ("月牙", "弯月"),
    "plank": ("木板", "长条"),
}
ABOVE = ("东西", "物体", "图形")
COLOURS = {
    "red": ("红色的", "鲜红的"),
    "orange": ("橙色的", "橘色的"),
    "yellow": ("黄色的", "金色的"),
    "green": ("绿色的", "翠绿的"),
    "blue": ("蓝色的", "天蓝的"),
    "purple": ("紫色的", "紫罗兰色的"),
    "white": ("白色的", "雪白的"),
    "black": ("黑色的", "漆黑的"),
}
SIZES = {"small": ("小", "小小的"), "large": ("大", "巨大的")}
TEXTURES = {"plain": ("",), "striped": ("带条纹的", "有线条的"), "dotted": ("带斑点的", "有圆点的")}
MANNERS = {"slowly": ("慢慢地", "缓缓地"), "quickly": ("快速地", "迅速地")}
PLACES = {
    "meadow": ("在草地上", "在田野里"),
    "beach": ("在海滩上", "在海边"),
    "desert": ("在沙漠里", "在沙地上"),
    "street": ("在街上", "在马路上"),
    "snow": ("在雪地里", "在雪原上"),
    "room": ("在房间里", "在地板上"),
}
ALONE = {
    "jump": ("跳跃", "弹跳"),
    "swell": ("变大", "膨胀"),
    "flash": ("闪光", "发亮"),
    "fade": ("消失", "渐渐隐去"),
    "sway": ("摇摆", "晃动"),
    "sink": ("下沉", "落下"),
}
TOGETHER = {  # the verb, with a place for the patient
    "push": ("推动{}", "推开{}"),
    "circle": ("绕着{}转圈", "围着{}旋转"),
    "lift": ("举起{}", "抬起{}"),
    "vault": ("跳过{}", "越过{}"),
    "cover": ("盖住{}", "遮住{}"),
    "chase": ("追赶{}", "跟着{}"),
}
_PASSIVE = {  # said of the patient, with a place for the agent
    "push": "被{}推动",
    "lift": "被{}举起",
    "cover": "被{}盖住",
    "chase": "被{}追赶",
}


def say(meaning: Meaning, draws: Draws, difficulty: Difficulty) -> str:
    """One sentence without spaces, ending with a full stop."""
    clauses = [_clause(event, draws, difficulty) for event in meaning.events]
    text = _joined(clauses, draws, difficulty)
    if meaning.bystander is not None:
        text += f"，旁边有{_figure(meaning.bystander, draws)}"
    if meaning.place is not None:
        text = f"{draws.choose(PLACES[meaning.place])}，{text}"
    return f"{text}。"


def _joined(clauses: list[str], draws: Draws, difficulty: Difficulty) -> str:
    """In the order of time, or the later first under "before"."""
    if len(clauses) == 1:
        return clauses[0]
    first, second, *rest = clauses
    if draws.chance(difficulty.backward):
        text = f"{second}之前，{first}"
    else:
        text = first + draws.choose(("，然后", "，接着", "，之后")) + second
    return text + "".join(f"，最后{clause}" for clause in rest)


def _clause(event: EventMention, draws: Draws, difficulty: Difficulty) -> str:
    agent = _figure(event.agent, draws)
    manner = "" if event.manner is None else draws.choose(MANNERS[event.manner])
    if event.patient is None:
        return f"{agent}{manner}{draws.choose(ALONE[event.action])}"
    patient = _figure(event.patient, draws)
    if event.action in _PASSIVE and draws.chance(difficulty.passive):
        return f"{patient}{manner}{_PASSIVE[event.action].format(agent)}"
    return f"{agent}{manner}{draws.choose(TOGETHER[event.action]).format(patient)}"


def _figure(mention: Mention, draws: Draws) -> str:
    """A noun phrase: number, size, texture, colour, noun."""
    words = [draws.choose(("一个", "那个"))]
    if mention.texture is not None:
        words.append(draws.choose(TEXTURES[mention.texture]))
    if mention.colour is not None:
        words.append(draws.choose(COLOURS[mention.colour]))
    if mention.size is not None:
        words.append(draws.choose(SIZES[mention.size]))
    words.append(draws.choose(ABOVE if mention.shape is None else NOUNS[mention.shape]))
    return "".join(words)
