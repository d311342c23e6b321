"""What the programs that run Python's tests share: a report that can be told from a forged one, and a watch over what judges the tests.

The report goes where standard output went; what the tests print goes to standard error. The key that signs it and the names of the canary
cases come on standard input, which is read to its end before code of the tree is loaded. All of this runs in the process of the tests. So that it is not
lying about, nothing of it stands in a module that code of the tree can import, and the ways by which Python hands out what runs beside
are noticed (docs/threat-model.md says what is left).
"""
import ast
import functools
import hashlib
import hmac
import inspect
import json
import os
import random
import sys
import threading
import types
import unittest.case

__unittest = True  # unittest leaves our frames out of what it prints
HERE = os.path.realpath(os.getcwd()) + os.sep
MAX_MEDDLED = 100
PACKAGES = tuple(os.sep + part + os.sep for part in ("site-packages", "dist-packages", "node_modules", ".venv"))
JUDGES = ("builtins", "unittest", "unittest.case", "unittest.result", "unittest.runner", "unittest.suite", "unittest.loader", "unittest.main", "json", "json.encoder", "traceback", "hmac", "__main__", __name__)
#: Ways to what runs beside: audit events (https://docs.python.org/3/library/audit_events.html), by attribute where one event tells of many.
REACHES = {"sys.settrace", "sys.setprofile", "sys._getframe", "sys._current_frames", "gc.get_objects", "gc.get_referrers", "ctypes.string_at", "ctypes.cdata/buffer"}
READS = {"tb_frame", "gi_frame", "cr_frame", "ag_frame", "__closure__"}


real = functools.lru_cache(maxsize=4096)(os.path.realpath)


@functools.lru_cache(maxsize=4096)
def of_the_tree(file):
    path = real(file)
    return path.startswith(HERE) and not any(part in path for part in PACKAGES)


class Report:
    """Lines of JSON, and a last one that signs all before it."""

    def __init__(self):
        orders = json.loads(sys.stdin.buffer.readline())
        self.passes, self.fails = orders["pass"], orders["fail"]
        self._mac = hmac.new(bytes.fromhex(orders["key"]), digestmod=hashlib.sha256)
        self._out = os.dup(1)
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self.counts = {"passed": 0, "failed": 0, "skipped": 0, "todo": 0}

    def line(self, value, write=os.write, dumps=json.dumps):
        data = dumps(value, separators=(",", ":")).encode() + b"\n"
        self._mac.update(data)
        while data:
            data = data[write(self._out, data):]

    def case(self, file, names, status, seconds, message):
        self.counts[status] += 1
        self.line({"case": {"file": file, "names": names, "status": status, "ms": max(0.0, seconds * 1000), "cause": None, "message": message}})

    # At once: who finds this report afterwards can write no line before that one.
    def meddled(self, what):
        self.line({"meddled": [what]})

    def end(self):
        self.line({"end": self.counts})
        self.line({"mac": self._mac.hexdigest()})

    def must_fail(self):
        raise AssertionError("laid in by the gate: this case must fail")


class Watch:
    """What judges the tests, as it was before code of the tree was loaded, and what of it is another now."""

    def __init__(self, names, tell):
        self._tell = tell
        self._parts = []
        self._found = set()
        self._defined = {}
        self._asking = threading.local()
        for name in names:
            module = sys.modules.get(name)
            for key, value in list(vars(module).items()) if module is not None else ():
                self._keep(name, module, key, value)
                if isinstance(value, type) and value.__module__ == name:
                    for inner, part in list(vars(value).items()):
                        self._keep(name + "." + key, value, inner, part)
        self._functions = {id(function) for _, _, _, _, function, code in self._parts if code is not None}
        if hasattr(sys, "addaudithook"):
            # Nothing of Python's can take an audit hook away again.
            sys.addaudithook(self._heard)

    def _keep(self, place, owner, key, value):
        function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value.fget if isinstance(value, property) else value
        if callable(function) or isinstance(function, type):
            self._parts.append((place + "." + key, owner, key, value, function, function.__code__ if isinstance(function, types.FunctionType) else None))

    def note(self, what):
        what = what[:300]
        if len(self._found) < MAX_MEDDLED and what not in self._found:
            self._found.add(what)
            self._tell(what)

    def look(self, absent=object()):
        for what, owner, key, value, function, code in self._parts:
            if vars(owner).get(key, absent) is not value or (code is not None and function.__code__ is not code):
                self.note("replaced " + what)

    def look_at(self, module, owner, name):
        """After a test: whether its own function is that of its file. The others of the file are looked at in the end."""
        file = getattr(module, "__file__", None)
        if file is None or not of_the_tree(file):
            return
        if file not in self._defined:
            self._defined[file] = (module, defined_in(file))
        if (owner, name) in self._defined[file][1]:
            self._compare(file, module, owner, name)

    def _compare(self, file, module, owner, name):
        place = vars(module) if owner is None else vars(kind_of(vars(module).get(owner)))
        value = place.get(name)
        code = getattr(value if isinstance(value, types.FunctionType) else getattr(type(value), "__call__", None), "__code__", None)
        if code is not None and of_the_tree(code.co_filename) and real(code.co_filename) != real(file):
            self.note("put %s in the place of %s of %s" % (os.path.relpath(code.co_filename, HERE), name, os.path.relpath(file, HERE)))

    def _heard(self, event, args):
        if event == "object.__setattr__":
            if args[1] == "__code__" and id(args[0]) in self._functions:
                self.note("replaced the code of " + str(args[0].__qualname__))
        elif event in REACHES or (event == "object.__getattr__" and args[1] in READS):
            if getattr(self._asking, "now", False):
                return  # what we ask is told of too
            self._asking.now = True
            caller = tree_caller()
            self._asking.now = False
            if caller is not None:
                self.note("%s in %s" % (args[1] if event == "object.__getattr__" else event, caller))
        elif event == "open" and isinstance(args[0], (str, bytes)):
            path = os.fsdecode(args[0])
            if path.startswith("/proc/") and path.rsplit("/", 1)[-1] == "mem":
                self.note("opened the memory of a process")

    def look_last(self):
        """With the classes of the tree whose values agree to every comparison."""
        self.look()
        for file, (module, names) in self._defined.items():
            for owner, name in names:
                self._compare(file, module, owner, name)
        for kind in list(all_classes()):
            for name in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__"):
                answer = vars(kind).get(name)
                if isinstance(answer, types.FunctionType) and of_the_tree(answer.__code__.co_filename) and agrees_to_everything(kind, answer):
                    self.note("a value of %s.%s says yes to every %s" % (kind.__module__, kind.__qualname__, name))


def kind_of(value):
    return value if isinstance(value, type) else object


def defined_in(file):
    """Plain functions at the top of a file and of its classes: what a decorator makes may rightly stand elsewhere."""
    try:
        with open(file, "rb") as source:
            body = ast.parse(source.read()).body
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()
    plain = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {(None, one.name) for one in body if isinstance(one, plain) and not one.decorator_list}
    for kind in (one for one in body if isinstance(one, ast.ClassDef) and not one.decorator_list):
        found.update((kind.name, one.name) for one in kind.body if isinstance(one, plain) and not one.decorator_list)
    return found


def tree_caller(helpers=(inspect.__file__, __file__)):
    """The file of the tree that asked, by itself or through `inspect`."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename in helpers:
        frame = frame.f_back
    return os.path.relpath(frame.f_code.co_filename, HERE) if frame is not None and of_the_tree(frame.f_code.co_filename) else None


def all_classes():
    seen, waiting = set(), [object]
    while waiting:
        kind = waiting.pop()
        for below in type.__subclasses__(kind):
            if below not in seen:
                seen.add(below)
                waiting.append(below)
    return seen


def pairs():
    number, word, thing = random.getrandbits(60), "%x" % random.getrandbits(60), object()
    yield from ((thing, object()), (number, -number - 1), (word, word + "x"), (number + 0.5, -number - 0.25), ([thing], [word]), ((thing,), (word,)), ({word: 1}, {word: 2}), ({word}, {word + "y"}), (True, False))


def agrees_to_everything(kind, answer):
    """True when a value of it says yes to two values of one kind that are not the same: as it is made bare, or with anything for its attributes."""
    made = next((base.__new__ for base in kind.__mro__ if base.__flags__ & (1 << 9) == 0), object.__new__)
    for one, other in pairs():
        if isinstance(one, bool) and answer.__name__ != "__eq__":
            continue  # one of the two is less than the other
        for make in (lambda: made(kind), lambda: made(type(kind)("Probe", (kind,), {"__getattr__": lambda self, name: True}))):
            try:
                value = make()
                if answer(value, one) is True and answer(value, other) is True:
                    return True
            except BaseException:  # it is code of the tree, which may raise anything
                continue
    return False


class Stopped(AssertionError):
    pass


def call_to_the_end():
    """unittest ends a test without a word when its own signal is raised; code under test may raise it too."""
    kind = unittest.case.TestCase
    call = kind._callTestMethod

    def called(self, method, stop=unittest.case._ShouldStop):
        try:
            return call(self, method)
        except stop:
            outcome = self._outcome
            result = getattr(outcome, "result", None)
            if getattr(outcome, "success", True) and not getattr(outcome, "expecting_failure", False) and not getattr(result, "failfast", False):
                raise Stopped("the test was stopped from inside") from None
            raise

    kind._callTestMethod = called


def out_of_sight():
    """Before code of the tree is loaded: it finds an empty main module, and no module of ours."""
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.modules.pop(__name__, None)
