"""An editor with one document, for measurements: just enough of LSP to type, to ask for inline completions, and to have
commands run."""

import json
import pathlib
import subprocess
import time

LANGUAGES = {".rs": "rust", ".py": "python"}


class Editor:
    """Starts a language server for the folder `root`, if there is one, and opens `path` in it. Notifications of the server
    go to `heard`."""

    def __init__(self, command, environment, path, root=None):
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.uri, self.next_id = None, 0
        self.heard = lambda method, params: None
        capabilities = {
            "general": {"positionEncodings": ["utf-32"]},
            "textDocument": {"inlineCompletion": {}},
        }
        self.request("initialize", {"processId": None, "rootUri": root and root.as_uri(), "capabilities": capabilities})
        self.notify("initialized", {})
        self.open(path, path.read_text())
        self.wait_until_ready()

    def open(self, path, text):
        """Opens a document with this text, in place of the one that is open."""
        if self.uri:
            self.notify("textDocument/didClose", {"textDocument": {"uri": self.uri}})
        self.uri, self.version, self.text, self.cursor = path.as_uri(), 1, text, 0
        document = {"uri": self.uri, "languageId": LANGUAGES[path.suffix], "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def wait_until_ready(self):
        """Waits until the models are loaded."""
        while True:
            status = self.execute("halfline.status")
            if status["engine"]["state"] == "failed":
                raise RuntimeError(status["engine"]["message"])
            if status["engine"]["state"] == "ready":
                return
            time.sleep(0.05)

    def execute(self, command, argument=None, token=None):
        """Has a command of the server run. Its updates are heard as progress of `token`."""
        arguments = [] if argument is None else [argument]
        params = {"command": command, "arguments": arguments}
        if token is not None:
            params["partialResultToken"] = token
        return self.request("workspace/executeCommand", params)

    def replace(self, head, line, tail):
        """Puts another text into the document, the cursor after `line`."""
        self.text, self.cursor = head + line + tail, len(head) + len(line)
        self.change({"text": self.text})

    def insert(self, text):
        """Types at the cursor."""
        position = self.position()
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)
        self.change({"range": {"start": position, "end": position}, "text": text})

    def complete(self, typed=False):
        """Asks for a completion as if by a key, or as after typing, and returns the texts offered."""
        context = {"triggerKind": 2 if typed else 1}
        document = {"uri": self.uri}
        params = {"textDocument": document, "position": self.position(), "context": context}
        result = self.request("textDocument/inlineCompletion", params)
        items = result if isinstance(result, list) else (result or {}).get("items", [])
        return [item["insertText"] for item in items]

    def resident(self):
        """Resident memory of the server, in bytes (Linux)."""
        lines = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def stop(self):
        """Ends the server."""
        self.process.kill()
        self.process.wait()

    def position(self):
        before = self.text[: self.cursor]
        return {"line": before.count("\n"), "character": len(before.rsplit("\n", 1)[-1])}

    def change(self, event):
        self.version += 1
        document = {"uri": self.uri, "version": self.version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [event]})

    def notify(self, method, params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method, params):
        self.next_id += 1
        self.send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        while True:
            message = self.read()
            if "method" in message and "id" in message:
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
            elif "method" in message:
                self.heard(message["method"], message["params"])
            elif message.get("id") == self.next_id:
                if "error" in message:
                    raise RuntimeError(message["error"]["message"])
                return message["result"]

    def send(self, message):
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def read(self):
        length = None
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if length is None:
            raise RuntimeError("the server ended")
        return json.loads(self.process.stdout.read(length))
