"""Words that tell names of people from titles, journals and institutes."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACRONYMS = _words(  # not initials
    """
    3D AI AR CV DB IR IT ML MT OS PC QA RL TV UI VR
    """
)
PARTICLES = _words(
    """
    't abu af al av ben bin da das de degli del dell della den der di do dos du e el i ibn la las le los
    op st te ten ter ul und van vom von y zu zum zur
    """
)
SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
ORGANISATION = re.compile(
    r"\b(?:universit\w*|institut\w*|college|school|academy|labs?|laborator\w+|research|inc|corp|ltd|company|"
    r"google|microsoft|facebook|meta|amazon|nvidia|openai|deepmind|adobe|tencent|alibaba|baidu|anthropic|"
    r"huawei|bytedance|apple|ibm|intel|samsung|teams?|group|center|centre|department|project|page|"
    r"consortium|collaboration|foundation)\b",
    re.IGNORECASE,
)
NO_NAMES = _words(  # capitalised like names in titles, journals and remarks
    """
    annals archives attention audio award benchmark benchmarks bioinformatics biology biotechnology blog bulletin chem
    chemical chemistry code communications computer computing conference data dataset datasets dissertation economics
    elsevier engineering for from frontiers genomics github graph image images implementation information intelligence
    international journal language languages learning letters machine magazine mathematics medical medicine model models
    multimedia network networks neural neuroscience news of official oral paper physics preprint presentation
    proceedings processing programming project psychology publication publications publishing recognition record report reports
    retrieval review robotics science signal software speech spotlight statistics survey system systems technical text
    the thesis transactions tutorial via video videos vision website with workshop
    """
)
NO_SURNAME = re.compile(  # endings of long words of titles
    r"(?i)(?<=\w{3})(?:(?:at|it|ct|ut|s)ion|ivity|ology|ality|istic|(?<!s)marking|based|aware|driven|guided)s?$"
)
DOUBTFUL = _words(  # of titles as often as of names
    """
    an best deep do in on poster press so springer talk to
    """
)
SURNAMES = frozenset(  # the hundred most frequent; four Han characters may as well be a phrase
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜"
    "崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤欧"
)
