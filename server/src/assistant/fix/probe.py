# Loaded by Python before a failing program: notes which functions of the project run, and at an unhandled failure what
# the values were. It writes to a file of its own and changes nothing of the program's.
import os
import sys


def _watch():
    import json

    root = os.environ["HALFLINE_PROBE_ROOT"]
    out = open(os.environ["HALFLINE_PROBE_OUT"], "a", buffering=1)
    seen = set()

    def profile(frame, event, arg):
        code = frame.f_code
        if event != "call" or code in seen:
            return
        seen.add(code)
        if code.co_name.startswith("<"):
            return
        path = os.path.abspath(code.co_filename)
        if path.startswith(root + os.sep) and "site-packages" not in path:
            out.write(json.dumps({"path": path, "function": code.co_name, "line": code.co_firstlineno}) + "\n")

    def show(value):
        text = repr(value)
        return text if len(text) <= 300 else text[:300] + "..."

    def values(kind, error, trace):
        import ast
        import linecache

        while trace.tb_next:
            trace = trace.tb_next
        frame, line = trace.tb_frame, trace.tb_lineno
        source = "".join(linecache.getlines(frame.f_code.co_filename))
        said = []

        def evaluate(node):
            return eval(compile(ast.Expression(node), "halfline", "eval"), frame.f_globals, frame.f_locals)

        def say(node, wanted=None):
            value = evaluate(node)
            said.append("%s returned %s" % (ast.unparse(node)[:400], show(value)))
            return value

        if issubclass(kind, AssertionError):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or node.lineno):
                    test = node.test
                    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
                        say(test.left)
                        said.append("expected: " + show(evaluate(test.comparators[0])))
                    else:
                        for call in [c for c in ast.walk(test) if isinstance(c, ast.Call)][-2:]:
                            say(call)
                    break
        elif frame.f_code.co_name != "<module>":
            shown = ["%s = %s" % (k, show(v)) for k, v in list(frame.f_locals.items())[:8]]
            said.append("in %s: %s" % (frame.f_code.co_name, ", ".join(shown)))
        if said:
            out.write(json.dumps({"values": "\n".join(said)}) + "\n")

    before = sys.excepthook

    def hook(kind, error, trace):
        sys.setprofile(None)
        before(kind, error, trace)
        try:
            values(kind, error, trace)
        except BaseException:
            pass

    sys.excepthook = hook
    sys.setprofile(profile)


try:
    _watch()
except Exception:
    pass
