"""A language server that says what a test tells it to, and writes down all it hears.

    stub_server.py SCRIPT LOG

SCRIPT is a JSON file, read at each request, so that a test can change it on the way:

    completions  [{"before": line up to the cursor, "items": [..], "delay_ms": 0}]; without a range, an item starts at
                 the cursor; {"from": -2, "to": 1} in place of a range counts UTF-16 units from the cursor
    answer       {"parts": [partial results], "result": .., "error": "..", "delay_ms": 0, "hold": false} for every
                 command; `hold` never answers, until it is cancelled
    answers      the same by command, for those that have one of their own
    lenses       the result of every `textDocument/codeLens`
    status       parameters of a `didChangeStatus` to send after initialization
    progress     values of a `$/progress` to send after initialization
    crash        exit code to leave with after initialization

LOG gets one JSON message per line.
"""

import json
import os
import sys
import threading


class Stub:
    def __init__(self, script, log):
        self.script_path = script
        self.log = open(log, "a", encoding="utf-8")
        self.writing = threading.Lock()
        self.documents = {}
        self.cancelled = set()
        self.held = set()

    def script(self, name, default=None):
        with open(self.script_path, encoding="utf-8") as file:
            return json.load(file).get(name, default)

    def serve(self):
        while (message := self.read()) is not None:
            self.log.write(json.dumps({**message, "pid": os.getpid()}) + "\n")
            self.log.flush()
            handler = getattr(self, "on_" + message.get("method", "").replace("/", "_").replace("$", ""), None)
            if handler:
                handler(message)
            elif "id" in message and "method" in message:
                self.answer(message, None)

    def read(self):
        length = None
        while line := sys.stdin.buffer.readline():
            if line == b"\r\n":
                return json.loads(sys.stdin.buffer.read(length))
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return None

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        with self.writing:
            sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            sys.stdout.buffer.flush()

    def answer(self, request, result, delay_ms=0):
        def respond():
            if request["id"] in self.cancelled:
                self.send({"id": request["id"], "error": {"code": -32800, "message": "cancelled"}})
            else:
                self.send({"id": request["id"], "result": result})

        self.later(delay_ms, respond)

    def later(self, delay_ms, callback):
        if delay_ms == 0:
            callback()
        else:
            timer = threading.Timer(delay_ms / 1000, callback)
            timer.daemon = True
            timer.start()

    def on_initialize(self, request):
        self.answer(
            request,
            {
                "capabilities": {
                    "positionEncoding": "utf-16",
                    "textDocumentSync": {"openClose": True, "change": 1},
                    "inlineCompletionProvider": {},
                    "codeLensProvider": {},
                    "codeActionProvider": True,
                    "executeCommandProvider": {"commands": ["halfline.explain", "halfline.ask", "halfline.status"]},
                }
            },
        )

    def on_initialized(self, _):
        if status := self.script("status"):
            self.send({"method": "didChangeStatus", "params": status})
        for value in self.script("progress", []):
            self.send({"method": "$/progress", "params": {"token": "work", "value": value}})
        if (code := self.script("crash")) is not None:
            os._exit(code)

    def on_textDocument_didOpen(self, message):
        document = message["params"]["textDocument"]
        self.documents[document["uri"]] = document["text"]

    def on_textDocument_didChange(self, message):
        self.documents[message["params"]["textDocument"]["uri"]] = message["params"]["contentChanges"][-1]["text"]

    def on_textDocument_inlineCompletion(self, request):
        params = request["params"]
        row, character = params["position"]["line"], params["position"]["character"]
        line = self.documents[params["textDocument"]["uri"]].split("\n")[row]
        before = line.encode("utf-16-le")[: 2 * character].decode("utf-16-le")
        for rule in self.script("completions", []):
            if rule["before"] == before:
                items = [self.item(dict(item), row, character) for item in rule["items"]]
                self.answer(request, {"items": items}, rule.get("delay_ms", 0))
                return
        self.answer(request, {"items": []})

    def item(self, item, row, character):
        first, last = character + item.pop("from", 0), character + item.pop("to", 0)
        item["range"] = {"start": {"line": row, "character": first}, "end": {"line": row, "character": last}}
        return item

    def on_workspace_executeCommand(self, request):
        answer = self.script("answers", {}).get(request["params"]["command"]) or self.script("answer", {})
        token = request["params"].get("partialResultToken")
        for value in answer.get("parts", []) if token else []:
            self.send({"method": "$/progress", "params": {"token": token, "value": value}})
        if "error" in answer:
            self.send({"id": request["id"], "error": {"code": -32603, "message": answer["error"]}})
        elif answer.get("hold"):
            self.held.add(request["id"])
        else:
            self.answer(request, answer.get("result"), answer.get("delay_ms", 0))

    def on__cancelRequest(self, message):
        self.cancelled.add(message["params"]["id"])
        if message["params"]["id"] in self.held:
            self.answer({"id": message["params"]["id"]}, None)

    def on_textDocument_codeLens(self, request):
        self.answer(request, self.script("lenses", []))

    def on_exit(self, _):
        sys.exit(0)


Stub(sys.argv[1], sys.argv[2]).serve()
