"""Runs unittest inside the sandbox and writes its cases as lines of JSON: unittest_cases.py ARGS...

ARGS are those of `python3 -m unittest`. The lines are those of reporter.ts. It runs beside the code of the tree, so its
output is read as hostile on the host. The modules that it needs are loaded before the tree comes on the module path.
"""
import os
import re
import sys
import time
import traceback
import unittest

import sallyport_apart as apart

MAX_MESSAGE = 3000
REPORT = None
WATCH = None


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
        file, names = (None, [test.name]) if isinstance(test, Canary) else place_of(test)
        REPORT.case(file, names, status, seconds, message)

    def startTest(self, test):
        super().startTest(test)
        self.current = {"test": test, "began": time.monotonic(), "status": "passed", "message": None}

    def stopTest(self, test):
        super().stopTest(test)
        current, self.current = self.current, None
        WATCH.look()
        WATCH.look_at(sys.modules.get(type(test).__module__), type(test).__name__, getattr(test, "_testMethodName", ""))
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


class Canary(unittest.TestCase):
    """One that must fail and one that must pass, after all others: what code under test did to unittest by then is done to them too."""

    def __init__(self, name, body):
        super().__init__("run_it")
        self.name, self.body = name, body

    def run_it(self):
        self.body()


class Program(unittest.TestProgram):
    def runTests(self):
        # The canaries come last.
        self.failfast = False
        canaries = [Canary(REPORT.passes, lambda: None), Canary(REPORT.fails, REPORT.must_fail)]
        self.test = unittest.TestSuite([self.test, unittest.TestSuite(canaries)])
        super().runTests()


def main(args):
    global REPORT, WATCH
    REPORT = apart.Report()
    apart.call_to_the_end()
    WATCH = apart.Watch(apart.JUDGES, REPORT.meddled)
    apart.out_of_sight()
    # What `python3 -m unittest` puts there.
    sys.path[0] = os.getcwd()
    program = Program(module=None, argv=["python3 -m unittest", *args], testRunner=Runner, exit=False)
    WATCH.look_last()
    REPORT.end()
    return 0 if program.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
