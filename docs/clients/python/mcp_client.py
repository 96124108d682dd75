"""An MCP client for Toolgate's HTTP+SSE transport, on the standard library alone (Python 3.9 or newer).

As a library:

    with McpClient("http://localhost:3002/sse") as client:
        print(client.call_tool("uppercase_text", {"text": "hello world"}))

As a command: python3 mcp_client.py URL TOOL [JSON]
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import queue
import socket
import sys
import threading
from typing import Any, Callable, Iterator, Optional
from urllib.parse import SplitResult, urljoin, urlsplit

PROTOCOL_VERSION = "2025-11-25"  # the newest revision this client speaks

STREAM_TIMEOUT = 60.0  # seconds without a byte, heartbeats included, after which the stream is dead


class McpError(Exception):
    """The error that the server answered a request with."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code: int = error["code"]
        self.data: Any = error.get("data")


class McpClient:
    """One session with a server. Methods may be called from many threads at once.

    url is the server's stream, such as http://localhost:3002/sse; headers go with every request; timeout is the seconds
    that a request may take; on_notification is told, on the reading thread, of each notification the server sends.
    """

    def __init__(
        self,
        url: str,
        headers: Optional[dict[str, str]] = None,
        timeout: float = 30.0,
        on_notification: Optional[Callable[[str, Any], None]] = None,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.server: dict[str, Any] = {}  # what the server said of itself, once connected
        self._headers = dict(headers or {})
        self._on_notification = on_notification
        self._ids = itertools.count(1)
        self._endpoint: queue.Queue[Any] = queue.Queue(1)
        self._lock = threading.Lock()
        self._pending: dict[int, queue.Queue[Any]] = {}  # guarded by _lock
        self._ended: Optional[Exception] = None  # guarded by _lock
        self._post_url = ""
        self._socket: Optional[socket.socket] = None
        self._reader: Optional[threading.Thread] = None

    def __enter__(self) -> McpClient:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> dict[str, Any]:
        """Opens the stream and introduces the client. Call it first, and once."""
        try:
            response = self._open()
            self._reader = threading.Thread(target=self._read, args=(response,), daemon=True)
            self._reader.start()
            endpoint = self._wait(self._endpoint, "connect")
            self._post_url = urljoin(self.url, endpoint)
            if urlsplit(self._post_url)[:2] != urlsplit(self.url)[:2]:
                raise ConnectionError(f"the server sends us elsewhere: {self._post_url}")
            self.server = self.request(
                "initialize",
                {
                    "protocolVersion": PROTOCOL_VERSION,
                    "capabilities": {},
                    "clientInfo": {"name": "toolgate-example", "version": "1.0.0"},
                },
            )
            self._headers["MCP-Protocol-Version"] = self.server["protocolVersion"]
            self.notify("notifications/initialized")
        except BaseException:
            self.close()
            raise
        return self.server

    def request(self, method: str, params: Optional[dict[str, Any]] = None) -> Any:
        """Sends a request and waits for its result. Raises McpError if the server refuses it."""
        number = next(self._ids)
        answer: queue.Queue[Any] = queue.Queue(1)
        with self._lock:
            if self._ended:
                raise self._ended
            self._pending[number] = answer
        try:
            self._post({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}})
            message = self._wait(answer, method)
        finally:
            with self._lock:
                self._pending.pop(number, None)
        if "error" in message:
            raise McpError(message["error"])
        return message["result"]

    def notify(self, method: str, params: Optional[dict[str, Any]] = None) -> None:
        """Sends a message that has no answer."""
        self._post({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def list_tools(self) -> list[dict[str, Any]]:
        tools: list[dict[str, Any]] = []
        cursor: Optional[str] = None
        while True:
            page = self.request("tools/list", {"cursor": cursor} if cursor else {})
            tools += page["tools"]
            cursor = page.get("nextCursor")
            if not cursor:
                return tools

    def call_tool(self, name: str, arguments: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Calls a tool. A result with "isError" is the tool's own failure; its content says why."""
        return self.request("tools/call", {"name": name, "arguments": arguments or {}})

    def close(self) -> None:
        """Ends the session, and returns when the reading thread has ended. May be called again."""
        self._end(ConnectionError("the client is closed"))
        if self._socket:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the reader
            except OSError:
                pass  # the server was first
        if self._reader and self._reader is not threading.current_thread():
            self._reader.join()

    def _open(self) -> http.client.HTTPResponse:
        url = urlsplit(self.url)
        connection = _connection(url, STREAM_TIMEOUT)
        connection.connect()
        self._socket = connection.sock
        connection.request("GET", _target(url), headers={**self._headers, "Accept": "text/event-stream"})
        response = connection.getresponse()
        if response.status != 200 or response.headers.get_content_type() != "text/event-stream":
            raise ConnectionError(f"no event stream at {self.url}: status {response.status}, {response.read(200)!r}")
        return response

    def _read(self, response: http.client.HTTPResponse) -> None:
        """The reading thread: hands each event to who waits for it, until the stream ends."""
        try:
            with response:
                for event, data in _events(response):
                    if event == "endpoint":
                        self._endpoint.put(data)
                    elif event == "message":
                        self._receive(json.loads(data))
            self._end(ConnectionError("the server ended the stream"))
        except Exception as error:  # whatever ended the thread is told to who waits
            self._end(ConnectionError(f"the stream broke: {error}"))

    def _receive(self, message: dict[str, Any]) -> None:
        if "method" in message and "id" in message:
            # Servers may ping their clients; this one offers nothing else that could be asked for.
            answer: dict[str, Any] = {"error": {"code": -32601, "message": "method not found"}}
            if message["method"] == "ping":
                answer = {"result": {}}
            self._post({"jsonrpc": "2.0", "id": message["id"], **answer})
        elif "method" in message:
            if self._on_notification:
                self._on_notification(message["method"], message.get("params"))
        else:
            with self._lock:
                waiting = self._pending.get(message["id"])
            if waiting:
                waiting.put(message)

    def _post(self, message: dict[str, Any]) -> None:
        url = urlsplit(self._post_url)
        connection = _connection(url, self.timeout)
        try:
            headers = {**self._headers, "Content-Type": "application/json"}
            connection.request("POST", _target(url), json.dumps(message).encode(), headers)
            response = connection.getresponse()
            text = response.read()
            if not 200 <= response.status < 300:
                raise ConnectionError(f"{self._post_url} answered {response.status}: {text[:200]!r}")
        finally:
            connection.close()

    def _wait(self, answer: queue.Queue[Any], what: str) -> Any:
        try:
            message = answer.get(timeout=self.timeout)
        except queue.Empty:
            raise TimeoutError(f"{what}: no answer in {self.timeout} s") from None
        if isinstance(message, Exception):
            raise message
        return message

    def _end(self, error: Exception) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = error
            waiting = list(self._pending.values())
        for answer in [*waiting, self._endpoint]:
            try:
                answer.put_nowait(error)
            except queue.Full:
                pass  # its answer came first


def _connection(url: SplitResult, timeout: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    if not url.hostname:
        raise ValueError("the URL names no host")
    return kind(url.hostname, url.port, timeout=timeout)


def _target(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _events(lines: http.client.HTTPResponse) -> Iterator[tuple[str, str]]:
    """The events of a stream, as name and data; comments, which are heartbeats, are passed over."""
    event, data = "message", []
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if line == "":
            if data:
                yield event, "\n".join(data)
            event, data = "message", []
        elif field == "event":
            event = value
        elif field == "data":
            data.append(value)


def main() -> int:
    if len(sys.argv) not in (3, 4):
        print("usage: python3 mcp_client.py URL TOOL [JSON]", file=sys.stderr)
        return 2
    url, tool = sys.argv[1:3]
    arguments = json.loads(sys.argv[3]) if len(sys.argv) == 4 else {}
    key = os.environ.get("MCP_KEY")  # needed where the server asks for an API key
    with McpClient(url, {"Authorization": f"Bearer {key}"} if key else None) as client:
        info = client.server["serverInfo"]
        print(f"{info['name']} {info['version']}, protocol {client.server['protocolVersion']}")
        result = client.call_tool(tool, arguments)
    for block in result["content"]:
        print(block.get("text", block))
    return 1 if result.get("isError") else 0


if __name__ == "__main__":
    sys.exit(main())
