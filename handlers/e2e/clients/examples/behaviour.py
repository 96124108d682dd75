"""What docs/clients promises of the Python client, against a real server. argv: server URL"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

from mcp_client import McpClient, McpError

server = sys.argv[1]


def raises(kind, call, *args):
    try:
        result = call(*args)
    except kind as error:
        return error
    raise AssertionError(f"got {result!r}, want {kind.__name__}")


before = threading.active_count()
with McpClient(server + "/sse") as client:
    assert client.server["serverInfo"]["name"] == "toolgate", client.server

    # Many requests at once, each with its own answer.
    texts = [f"text number {i}" for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda text: client.call_tool("uppercase_text", {"text": text}), texts))
    assert [r["content"][0]["text"] for r in results] == [text.upper() for text in texts], results

    # The server's refusal is an McpError; a tool's own failure is a result.
    assert raises(McpError, client.call_tool, "no_such_tool").code == -32602
    assert client.call_tool("get_user", {"user_identity": "nobody-at-all"})["isError"] is True
    assert "get_user" in [tool["name"] for tool in client.list_tools()]

# Closing ends the thread, and what is asked afterwards.
assert threading.active_count() == before, threading.enumerate()
raises(ConnectionError, client.request, "ping")

# A server that has no stream there.
for path in "/health", "/nowhere":
    assert "no event stream" in str(raises(ConnectionError, McpClient(server + path).connect))


class Elsewhere(BaseHTTPRequestHandler):
    """A stream that tells its client to post to another host, and then ends."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"event: endpoint\ndata: http://example.com/messages\n\n")

    def log_message(self, *_):
        pass


with HTTPServer(("127.0.0.1", 0), Elsewhere) as false:
    threading.Thread(target=false.handle_request).start()
    error = raises(ConnectionError, McpClient(f"http://127.0.0.1:{false.server_port}/sse").connect)
    assert "elsewhere" in str(error), error
