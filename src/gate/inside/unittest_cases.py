"""Runs unittest inside the sandbox and writes its cases as lines of JSON: unittest_cases.py REPORT ARGS...

ARGS are those of `python3 -m unittest`. The lines are those of reporter.ts. It runs beside the code of the tree, so its
output is read as hostile on the host. The modules that it needs are loaded before the tree comes on the module path.
"""
import json
import os
import re
import sys
import time
import traceback
import unittest

MAX_MESSAGE = 3000
COUNTS = {"passed": 0, "failed": 0, "skipped": 0, "todo": 0}
OUT = None


def shown(path):
    return None if path is None else os.path.relpath(os.path.realpath(path), os.path.realpath(os.getcwd())).replace(os.sep, "/")


def file_of_module(name):
    """The file of a module; by its name where it could not be imported."""
    module = sys.modules.get(name)
    if getattr(module, "__file__", None):
        return shown(module.__file__)
    relative = name.replace(".", "/")
    for top in (unittest.defaultTestLoader._top_level_dir, os.getcwd()):
        for path in (relative + ".py", relative + "/__init__.py"):
            if top is not None and os.path.isfile(os.path.join(top, path)):
                return shown(os.path.join(top, path))
    return relative + ".py"


def place_of(test):
    """File and names of a test, of a module that did not load, or of a class or module whose set-up failed."""
    kind = type(test)
    if kind.__module__ == "unittest.loader":
        return file_of_module(test._testMethodName), []
    if kind.__module__ == "unittest.suite":
        inner = re.search(r"\((.*)\)$", test.id())
        parts = (inner.group(1) if inner else test.id()).split(".")
        for cut in range(len(parts), 0, -1):
            if ".".join(parts[:cut]) in sys.modules:
                return file_of_module(".".join(parts[:cut])), parts[cut:]
        return None, parts
    return file_of_module(kind.__module__), [kind.__qualname__, getattr(test, "_testMethodName", test.id())]


class Result(unittest.TextTestResult):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.current = None

    def tell(self, test, status, message=None, seconds=0.0):
        file, names = place_of(test)
        COUNTS[status] += 1
        case = {"file": file, "names": names, "status": status, "ms": max(0.0, seconds * 1000), "cause": None, "message": message}
        OUT.write(json.dumps({"case": case}) + "\n")
        OUT.flush()

    def startTest(self, test):
        super().startTest(test)
        self.current = {"test": test, "began": time.monotonic(), "status": "passed", "message": None}

    def stopTest(self, test):
        super().stopTest(test)
        current, self.current = self.current, None
        if current is not None:
            self.tell(test, current["status"], current["message"], time.monotonic() - current["began"])

    # Outside of a test it is a class or a module that failed; it is told by itself.
    def note(self, test, status, message=None):
        if self.current is None:
            self.tell(test, status, message)
        elif self.current["status"] != "failed":
            self.current.update(status=status, message=message)

    def fail(self, test, err):
        self.note(test, "failed", "".join(traceback.format_exception(*err))[-MAX_MESSAGE:])

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "todo")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failed", "the test passes, and is marked as failing")


class Runner(unittest.TextTestRunner):
    resultclass = Result


def main(report, args):
    global OUT
    # What `python3 -m unittest` puts there.
    sys.path[0] = os.getcwd()
    with open(report, "x", encoding="utf-8") as OUT:
        program = unittest.TestProgram(module=None, argv=["python3 -m unittest", *args], testRunner=Runner, exit=False)
        OUT.write(json.dumps({"end": COUNTS}) + "\n")
    return 0 if program.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
