"""Notes which lines of some files of the tree a Python process executes: loaded by Python itself in every process of a run in which coverage is measured.

SALLYPORT_TRACE holds JSON: the folder that the notes go to, and the files. One note is [first line of the function, its name, line]. It runs beside the code of
the tree, so what it writes is read as hostile. The sitecustomize of the machine, which this one stands before, is loaded as it would be without.
"""
import atexit
import json
import os
import sys
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
TOOL = 3  # of sys.monitoring: one that no kind of tool has for its own, for the project may measure coverage too


class Trace:
    def __init__(self, folder, files):
        self.folder = folder
        self.wanted = {os.path.join("/workspace", path): path for path in files}
        self.known = {}
        self.seen = {}
        self.local = self.line
        self.displaced = False

    def notes_of(self, code):
        """The notes of a function's file; None for a file that nobody asked for."""
        name = code.co_filename
        if name not in self.known:
            path = self.wanted.get(os.path.realpath(name))
            self.known[name] = None if path is None else self.seen.setdefault(path, set())
        return self.known[name]

    def begin(self):
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is not None and monitoring.get_tool(TOOL) is None:
            monitoring.use_tool_id(TOOL, "sallyport")
            monitoring.register_callback(TOOL, monitoring.events.LINE, self.monitored)
            monitoring.set_events(TOOL, monitoring.events.LINE)
        else:
            threading.settrace(self.call)
            sys.settrace(self.call)
            self.displaced = None
        atexit.register(self.end)

    def monitored(self, code, line):
        notes = self.notes_of(code)
        if notes is not None:
            notes.add((code.co_firstlineno, code.co_name, line))
        return sys.monitoring.DISABLE

    def call(self, frame, event, arg):
        return None if self.notes_of(frame.f_code) is None else self.local

    def line(self, frame, event, arg):
        if event == "line":
            code = frame.f_code
            self.notes_of(code).add((code.co_firstlineno, code.co_name, frame.f_lineno))
        return self.local

    def end(self, dumps=json.dumps):
        # Whoever measures coverage too took the one place that there is before Python 3.12.
        displaced = self.displaced is None and sys.gettrace() != self.call
        name = os.path.join(self.folder, "%d.json" % os.getpid())
        with open(name, "w") as out:
            out.write(dumps({"displaced": displaced, "files": {path: sorted(notes) for path, notes in self.seen.items()}}))


def load_other():
    """The sitecustomize that the machine has."""
    own = sys.modules.pop("sitecustomize", None)
    path, sys.path[:] = list(sys.path), [one for one in sys.path if os.path.realpath(one) != HERE]
    try:
        import sitecustomize  # noqa: F401
    except ImportError:
        pass
    finally:
        sys.path[:] = [one for one in path if os.path.realpath(one) != HERE]
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)


def main():
    asked = json.loads(os.environ["SALLYPORT_TRACE"])
    os.makedirs(asked["folder"], exist_ok=True)
    Trace(asked["folder"], asked["files"]).begin()


load_other()
if "SALLYPORT_TRACE" in os.environ:
    main()
