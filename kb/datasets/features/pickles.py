"""Pickles read as data: a small stack machine that builds values and never runs anything.

A pickle is a program. This machine knows the instructions that make numbers, strings, lists and
dictionaries. Whatever a pickle wants called becomes a `Call`, inert, for `kb.datasets.features.arrays` to
recognise or refuse; long strings stay in the file as a `Blob` (offset, length). So nothing is
executed, and a file of features is indexed without being read into memory.

Written by hand because neither kept reader stands these files: `pickle.Unpickler` with a restricted
`find_class` crashes the interpreter on a key that is a deep tuple, hangs on one that doubles with
each level, and reads the whole file; so does `torch.load(weights_only=True)`, and `pickletools`
reads every array to list the opcodes (tests/datasets/test_hostile_features.py has the files).

Opcodes: the table in Python's own pickletools, protocols 0 to 5.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb.datasets.features.pickled import Blob, Call, Data, Name, Persistent, Tuple
from kb.records.errors import KBError

_LONG = 1024  # bytes: longer byte strings stay in the file
_LONG_TEXT = 4096  # bytes: longer texts too
_INTEGER = 256  # bytes of the longest integer
_LINE = 1 << 16  # bytes of the longest text argument
_STOP = ord(".")
_DEEPEST = 16  # tuples within one another; numpy and torch write four
_MARKS = 1000  # open at once; one for each level of nesting
_OBJECTS, _APIECE = 2_000_000, 8  # lists, tuples, names: so many, and one more for so many bytes;
# a byte of a pickle makes up to a hundred and fifty of them


class _BrokenError(ValueError):
    """A damaged pickle; the message says why."""


def load(data: Data, where: Path, start: int = 0) -> tuple[Any, int]:
    """The value of the pickle at `start`, and where the next one begins.

    Raises KBError where it is cut off, broken, or uses an instruction that data never need.
    """
    machine = _Machine(data, start)
    try:
        return machine.run(), machine.at
    except _BrokenError as error:
        raise KBError(f"is no pickle of data ({error})", where=where, hint=_AGAIN) from error
    except (IndexError, struct.error, KeyError) as error:
        what = "ends in the middle, or is no pickle"
        raise KBError(what, where=where, hint=_AGAIN) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise KBError(f"is a broken pickle ({error})", where=where, hint=_AGAIN) from error
    except MemoryError as error:
        raise KBError("takes more memory than there is", where=where, hint=_AGAIN) from error


_AGAIN = "fetch it again; nothing in it was executed"


@dataclass
class _Machine:
    data: Data
    at: int
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: list[Any] = field(default_factory=list)  # in order, as all writers number it
    memo_apart: dict[int, Any] = field(default_factory=dict)  # under other numbers
    objects: int = 0

    def run(self) -> Any:
        data, steps = self.data, _STEPS
        while True:
            code = data[self.at]
            self.at += 1
            if code == _STOP:
                return self.stack.pop()
            step = steps[code]
            if step is None:
                raise _BrokenError(f"byte {self.at - 1} is instruction 0x{code:02x}")
            step(self)

    def push(self, item: Any) -> None:
        """Put a list, a tuple, a name or a call on the stack, and count it."""
        self.objects += 1
        if self.objects > _OBJECTS + len(self.data) // _APIECE:
            raise _BrokenError(f"it has over {self.objects - 1:,} lists, tuples and names")
        self.stack.append(item)

    def number(self, form: str) -> Any:
        size = struct.calcsize(form)
        (value,) = struct.unpack(form, self.take(size))
        return value

    def take(self, size: int) -> bytes:
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise _BrokenError(f"byte {self.at} announces {size:,} bytes that are not there")
        chunk, self.at = self.data[self.at : end], end
        return chunk

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at, self.at + _LINE)
        if end < 0:
            raise _BrokenError(f"byte {self.at} begins a line without an end")
        text, self.at = self.data[self.at : end], end + 1
        return text

    def above(self) -> list[Any]:
        """Pop everything above the last mark."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items


Step = Callable[[_Machine], None]


def _number(form: str) -> Step:
    return lambda m: m.stack.append(m.number(form))


def _string(form: str, encoding: str | None) -> Step:
    """A counted string: bytes, or text in an encoding; a long one stays in the file."""

    def step(m: _Machine) -> None:
        length = m.number(form)
        text = encoding == "utf-8"
        if length > (_LONG_TEXT if text else _LONG):
            if length > len(m.data) - m.at:
                raise _BrokenError(f"byte {m.at} announces {length:,} bytes that are not there")
            m.stack.append(Blob(m.at, length, text))
            m.at += length
            return
        raw = m.take(length)
        m.stack.append(
            raw.decode(encoding, "surrogatepass" if text else "strict") if encoding else raw
        )

    return step


def _long(form: str) -> Step:
    def step(m: _Machine) -> None:
        length = m.number(form)
        if length > _INTEGER:
            raise _BrokenError(f"byte {m.at} begins an integer of {length:,} bytes")
        m.stack.append(int.from_bytes(m.take(length), "little", signed=True))

    return step


def _integer(m: _Machine) -> None:
    word = m.line().rstrip(b"L")
    m.stack.append({b"00": False, b"01": True}.get(word, int(word) if word else 0))


def _quoted(m: _Machine) -> None:
    word = m.line()
    if len(word) < 2 or word[:1] != word[-1:] or word[:1] not in b"'\"":  # noqa: PLR2004  (quotes)
        raise _BrokenError("a string lacks its quotes")
    m.stack.append(word[1:-1].decode("unicode-escape"))


def _constant(value: Any) -> Step:
    return lambda m: m.stack.append(value)


def _empty(make: Callable[[], Any]) -> Step:
    return lambda m: m.push(make())


def _tuple(size: int) -> Step:
    def step(m: _Machine) -> None:
        if len(m.stack) < size:
            raise _BrokenError("a tuple lacks its parts")
        items = m.stack[-size:]
        del m.stack[-size:]
        m.push(_shallow(items))

    return step


def _shallow(items: list[Any]) -> Tuple:
    """A tuple of these; one that is nested too deep to be hashed or shown is refused."""
    made = Tuple(items)
    inner = max((item.depth for item in items if isinstance(item, Tuple)), default=0)
    if inner >= _DEEPEST:
        raise _BrokenError(f"it nests more than {_DEEPEST} tuples")
    if inner:
        made.depth = inner + 1
    return made


def _extend(target: Any, items: list[Any]) -> None:
    if not isinstance(target, list):
        raise _BrokenError("something is appended to what is no list")
    target.extend(items)


def _append(m: _Machine) -> None:
    item = m.stack.pop()
    _extend(m.stack[-1], [item])


def _appends(m: _Machine) -> None:
    items = m.above()
    _extend(m.stack[-1], items)


def _set(target: Any, items: list[Any]) -> None:
    if not isinstance(target, dict) or len(items) % 2:
        raise _BrokenError("a pair is set in what is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) not in {str, int}:  # others could be nested deeper than a hash can go
            raise _BrokenError(f"a key is a {type(key).__name__.strip('_').lower()}")
        target[key] = value


def _set_one(m: _Machine) -> None:
    pair = m.stack[-2:]
    del m.stack[-2:]
    _set(m.stack[-1], pair)


def _set_many(m: _Machine) -> None:
    items = m.above()
    _set(m.stack[-1], items)


def _dictionary(m: _Machine) -> None:
    dictionary: dict[Any, Any] = {}
    _set(dictionary, m.above())
    m.push(dictionary)


def _name(m: _Machine) -> None:
    m.push(Name(m.line().decode("utf-8"), m.line().decode("utf-8")))


def _stack_name(m: _Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise _BrokenError("a name is no text")
    m.push(Name(module, name))


def _call(m: _Machine) -> None:
    arguments, name = m.stack.pop(), m.stack.pop()
    if not isinstance(name, Name):
        raise _BrokenError(f"it calls a {type(name).__name__.strip('_').lower()}")
    if str(name) in _DICTIONARIES:
        m.push(_container(arguments))
    else:
        m.push(Call(name, arguments))


_DICTIONARIES = {"collections.OrderedDict", "collections.defaultdict"}


def _container(arguments: Any) -> dict[Any, Any]:
    """An ordered dictionary, or one with a default: both are dictionaries here."""
    dictionary: dict[Any, Any] = {}
    for pair in arguments[0] if arguments and isinstance(arguments[0], list) else ():
        _set(dictionary, list(pair))
    return dictionary


def _build(m: _Machine) -> None:
    state = m.stack.pop()
    target = m.stack[-1]
    if isinstance(target, Call):
        target.state = state
    elif not isinstance(target, dict):
        raise _BrokenError("a state is set in what has none")


def _get(m: _Machine, key: int) -> None:
    m.stack.append(m.memo[key] if 0 <= key < len(m.memo) else m.memo_apart[key])


def _put(m: _Machine, key: int) -> None:
    if not m.memo and key == 1:  # Python 2 counts from 1
        m.memo.append(None)
    if key == len(m.memo):
        m.memo.append(m.stack[-1])
    elif 0 <= key < len(m.memo):
        m.memo[key] = m.stack[-1]
    else:
        m.objects += 1
        m.memo_apart[key] = m.stack[-1]


def _mark(m: _Machine) -> None:
    if len(m.marks) > _MARKS:
        raise _BrokenError(f"it has over {_MARKS} open marks")
    m.marks.append(len(m.stack))


def _pop(m: _Machine) -> None:
    m.stack.pop()


_TABLE: dict[bytes, Step] = {
    b"\x80": lambda m: _version(m.number("<B")),
    b"\x95": lambda m: m.number("<Q"),  # FRAME: a hint for buffering
    b"(": _mark,
    b"0": _pop,
    b"1": lambda m: _drop(m.above()),
    b"2": lambda m: m.stack.append(m.stack[-1]),
    b"N": _constant(None),
    b"\x88": _constant(True),
    b"\x89": _constant(False),
    b"I": _integer,
    b"L": _integer,
    b"F": lambda m: m.stack.append(float(m.line())),
    b"K": _number("<B"),
    b"M": _number("<H"),
    b"J": _number("<i"),
    b"G": _number(">d"),
    b"\x8a": _long("<B"),
    b"\x8b": _long("<i"),
    b"S": _quoted,
    b"V": lambda m: m.stack.append(m.line().decode("raw-unicode-escape")),
    b"U": _string("<B", "latin-1"),
    b"T": _string("<i", "latin-1"),
    b"C": _string("<B", None),
    b"B": _string("<I", None),
    b"\x8e": _string("<Q", None),
    b"\x96": _string("<Q", None),
    b"X": _string("<I", "utf-8"),
    b"\x8c": _string("<B", "utf-8"),
    b"\x8d": _string("<Q", "utf-8"),
    b"]": _empty(list),
    b"l": lambda m: m.push(m.above()),
    b"a": _append,
    b"e": _appends,
    b")": _constant(()),
    b"t": lambda m: m.push(_shallow(m.above())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"}": _empty(dict),
    b"d": _dictionary,
    b"s": _set_one,
    b"u": _set_many,
    b"\x8f": _empty(list),  # a set is a list here
    b"\x90": _appends,
    b"\x91": lambda m: m.push(m.above()),
    b"g": lambda m: _get(m, int(m.line())),
    b"h": lambda m: _get(m, m.number("<B")),
    b"j": lambda m: _get(m, m.number("<I")),
    b"p": lambda m: _put(m, int(m.line())),
    b"q": lambda m: _put(m, m.number("<B")),
    b"r": lambda m: _put(m, m.number("<I")),
    b"\x94": lambda m: _put(m, len(m.memo)),
    b"c": _name,
    b"\x93": _stack_name,
    b"R": _call,
    b"\x81": _call,
    b"b": _build,
    b"P": lambda m: m.push(Persistent(m.line().decode("utf-8"))),
    b"Q": lambda m: m.push(Persistent(m.stack.pop())),
}


def _version(number: int) -> None:
    if number > 5:  # noqa: PLR2004  (the newest protocol there is)
        raise _BrokenError(f"protocol {number} is unknown")


def _drop(items: list[Any]) -> None:
    del items


_STEPS: list[Step | None] = [_TABLE.get(bytes([code])) for code in range(256)]
