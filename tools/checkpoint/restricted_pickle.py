"""A pickle reader that cannot run anything.

Python's own unpickler is a machine that calls whatever a file names. This one interprets only the
opcodes that plain data needs, and every global must be in the caller's table; the table's entries
are the caller's own functions and classes, so that nothing of the file's choosing is imported.
Memory stays proportional to the file.
"""

import io
import pickletools

from .errors import CheckpointError, printable


class ForbiddenGlobal(CheckpointError):
    """The file names a function or class that the caller does not allow."""


class Buildable:
    """Base of the values that accept the BUILD opcode."""

    def set_state(self, state):
        raise NotImplementedError


class _Mark:
    pass


class _Global:
    """A global that the file names and the caller allows; the only thing REDUCE may call."""

    def __init__(self, name, function):
        self.name = name
        self.function = function


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
# The two BINSTRING opcodes and LONG1 are how Python 2 wrote texts and large numbers.
_VALUES = frozenset(
    ["BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"]
    + ["BINSTRING"]
)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS = frozenset(["BINPUT", "LONG_BINPUT"])
_GETS = frozenset(["BINGET", "LONG_BINGET"])


def put_items(target, pairs):
    """Adds the (key, value) pairs to a dict: texts and numbers as keys, none of them twice."""
    for key, value in pairs:
        if type(key) not in (str, int):
            raise CheckpointError("has a dictionary key that is neither a text nor a number")
        if key in target:
            raise CheckpointError(f"has the key {printable(key)} twice")
        target[key] = value


def _unwrapped(values):
    return [v.function if isinstance(v, _Global) else v for v in values]


class _Machine:
    def __init__(self, allowed, resolve):
        self.allowed = allowed
        self.resolve = resolve
        self.stack = []
        self.memo = {}

    def pop(self):
        if not self.stack or isinstance(self.stack[-1], _Mark):
            raise CheckpointError("takes a value from an empty stack")
        return self.stack.pop()

    def pop_to_mark(self):
        items = []
        while self.stack:
            item = self.stack.pop()
            if isinstance(item, _Mark):
                items.reverse()
                return items
            items.append(item)
        raise CheckpointError("has no mark where one is needed")

    def top(self, kind):
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise CheckpointError(f"changes something that is not a {kind.__name__}")
        return self.stack[-1]

    def set_items(self, flat):
        target = self.top(dict)
        if len(flat) % 2:
            raise CheckpointError("has a key without a value")
        put_items(target, zip(flat[::2], flat[1::2]))

    def step(self, name, argument):
        stack = self.stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _PUTS:
            value = self.pop()
            stack.append(value)
            self.memo[argument] = value
        elif name in _GETS:
            if argument not in self.memo:
                raise CheckpointError(f"asks for the value {argument}, which it never stored")
            stack.append(self.memo[argument])
        elif name == "MARK":
            stack.append(_Mark())
        elif name == "TUPLE":
            stack.append(tuple(self.pop_to_mark()))
        elif name in _TUPLES:
            items = [self.pop() for _ in range(_TUPLES[name])]
            stack.append(tuple(reversed(items)))
        elif name == "APPENDS":
            items = self.pop_to_mark()
            self.top(list).extend(items)
        elif name == "APPEND":
            item = self.pop()
            self.top(list).append(item)
        elif name == "SETITEMS":
            self.set_items(self.pop_to_mark())
        elif name == "SETITEM":
            value, key = self.pop(), self.pop()
            self.set_items([key, value])
        elif name == "GLOBAL":
            self.push_global(argument)
        elif name == "REDUCE":
            self.reduce()
        elif name == "BUILD":
            state = self.pop()
            self.top(Buildable).set_state(state)
        elif name == "BINPERSID" and self.resolve is not None:
            stack.append(self.resolve(self.persistent_id()))
        else:
            raise CheckpointError(f"uses the opcode {name}, which plain data does not need")

    def push_global(self, argument):
        name = ".".join(argument.split(" ", 1))
        if name not in self.allowed:
            raise ForbiddenGlobal(
                f"names the forbidden global {printable(name)}; such a file can run code when it "
                "is unpickled. It was not run: do not open it with anything else"
            )
        self.stack.append(_Global(name, self.allowed[name]))

    def reduce(self):
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise CheckpointError("calls something that is not an allowed global")
        if not callable(function.function):
            raise CheckpointError(f"calls {function.name}, which may only be an argument")
        try:
            self.stack.append(function.function(*_unwrapped(arguments)))
        except TypeError:
            raise CheckpointError(f"calls {function.name} with the wrong arguments") from None

    def persistent_id(self):
        value = self.pop()
        if not isinstance(value, tuple):
            raise CheckpointError("refers to something outside the pickle that is not a tuple")
        return tuple(_unwrapped(value))


def load(data, allowed):
    """The value that the protocol-2 pickle `data` holds: dict, list, tuple, text, numbers, None,
    bool, and what the functions of `allowed` ({"module.name": function}) return.

    CheckpointError for everything else; the message has no file name, which the caller adds.
    """
    return load_next(io.BytesIO(data), allowed)


def load_next(file, allowed, resolve=None):
    """As `load`, of the pickle at the position of the binary `file`, which is behind it afterwards.

    `resolve(persistent id, a tuple)` returns what the pickle only refers to; without it, a
    reference is an error.
    """
    machine = _Machine(allowed, resolve)
    try:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "PROTO":
                if argument != 2:
                    raise CheckpointError(f"has pickle protocol {argument}, expected 2")
            elif opcode.name == "STOP":
                break
            else:
                machine.step(opcode.name, argument)
    except (ValueError, UnicodeError) as error:
        raise CheckpointError(f"is truncated or no pickle ({error})") from None
    value = machine.pop()
    if machine.stack:
        raise CheckpointError("leaves values behind; it is corrupt")
    return value
