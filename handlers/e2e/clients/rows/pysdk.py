"""The Python MCP SDK's wire rules, re-created on the standard library, so that the row needs nothing but python3.

Rules taken from mcp/client/sse.py, streamable_http.py and httpx-sse: the SSE response must be 2xx with 'text/event-stream' in
Content-Type; an endpoint must be emitted; urljoin(url, data) must keep scheme and netloc; other event names are only logged;
empty data is skipped; POSTs must be 2xx (redirects followed, 307/308 keep the method); lines end at \n, \r\n or \r.
argv: transport url
"""
import codecs, http.client, json, queue, re, sys, threading, urllib.parse as U

transport, url = sys.argv[1:3]
TOOL, WANT = "uppercase_text", "HELLO WORLD"
TIMEOUT = 8


def connect(u):
    p = U.urlparse(u)
    if p.scheme == "https":
        import ssl
        ctx = ssl.create_default_context(cafile=__import__("os").environ.get("NODE_EXTRA_CA_CERTS") or None)
        return http.client.HTTPSConnection(p.hostname, p.port, timeout=TIMEOUT, context=ctx), p
    return http.client.HTTPConnection(p.hostname, p.port, timeout=TIMEOUT), p


def request(method, u, headers, body=None, hops=5):
    c, p = connect(u)
    c.request(method, (p.path or "/") + ("?" + p.query if p.query else ""), body, {"User-Agent": "python-httpx/0.28.1", "Accept-Encoding": "identity", **headers})
    r = c.getresponse()
    if r.status in (301, 302, 303, 307, 308) and r.headers.get("location") and hops:
        n = U.urljoin(u, r.headers["location"])
        r.read()
        if r.status in (301, 302, 303) and method != "GET":
            method, body = "GET", None
        return request(method, n, headers, body, hops - 1)
    return c, r


def events(r):
    dec, buf = codecs.getincrementaldecoder("utf-8")(), ""
    ev = data = None
    while True:
        b = r.read1(65536)
        buf += dec.decode(b)
        while True:
            m = re.search(r"\r\n|\n|\r(?=.)", buf, re.S)
            if not m:
                break
            line, buf = buf[: m.start()], buf[m.end():]
            if line == "":
                if ev is not None or data is not None:
                    yield ev or "message", "\n".join(data or [])
                ev = data = None
                continue
            if line.startswith(":"):
                continue
            f, _, v = line.partition(":")
            v = v[1:] if v.startswith(" ") else v
            if f == "event":
                ev = v
            elif f == "data":
                data = (data or []) + [v]
        if not b:
            return


class Fail(Exception):
    pass


class RPCError(Exception):
    def __init__(self, e):
        super().__init__(e.get("message"))
        self.code = e.get("code")


seq = 0


class SSE:
    def __init__(self):
        self.q, self.ep, self.wait = queue.Queue(), queue.Queue(), {}

    def start(self):
        self.c, r = request("GET", url, {"Accept": "text/event-stream", "Cache-Control": "no-store"})
        if not 200 <= r.status < 300:
            raise Fail(f"GET {url}: HTTP {r.status}")
        ct = r.headers.get("content-type", "").partition(";")[0]
        if "text/event-stream" not in ct:
            raise Fail(f"Content-Type {ct!r}")
        self.c.sock.settimeout(300)
        threading.Thread(target=self.read, args=(r,), daemon=True).start()
        self.endpoint = self.ep.get(timeout=TIMEOUT)
        if isinstance(self.endpoint, Exception):
            raise self.endpoint

    def read(self, r):
        try:
            for ev, d in events(r):
                if ev == "endpoint":
                    e = U.urljoin(url, d)
                    a, b = U.urlparse(url), U.urlparse(e)
                    self.ep.put(e if (a.netloc, a.scheme) == (b.netloc, b.scheme) else Fail(f"Endpoint origin does not match connection origin: {e}"))
                elif ev == "message" and d:
                    m = json.loads(d)
                    if "id" in m and "method" not in m and m["id"] in self.wait:
                        self.wait.pop(m["id"]).put(m)
        except Exception as e:  # noqa: BLE001 - the stream is closed under the reader at the end
            self.ep.put(e)

    def send(self, m):
        q = queue.Queue()
        if "id" in m:
            self.wait[m["id"]] = q
        c, r = request("POST", self.endpoint, {"Content-Type": "application/json"}, json.dumps(m))
        t = r.read()
        c.close()
        if not 200 <= r.status < 300:
            raise Fail(f"POST {self.endpoint}: HTTP {r.status} {t[:80]!r}")
        return q.get(timeout=TIMEOUT) if "id" in m else None

    def close(self):
        import socket
        self.c.sock.shutdown(socket.SHUT_RDWR)


class HTTP:
    sid = ver = None

    def start(self):
        pass

    def headers(self):
        h = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        if self.sid:
            h["mcp-session-id"] = self.sid
        if self.ver:
            h["mcp-protocol-version"] = self.ver
        return h

    def send(self, m):
        c, r = request("POST", url, self.headers(), json.dumps(m))
        try:
            if r.status == 202:
                r.read()
                return None
            if r.status >= 400:
                raise Fail(f"{m['method']}: HTTP {r.status} {r.read()[:100]!r}")
            if m["method"] == "initialize":
                self.sid = r.headers.get("mcp-session-id")
            if "id" not in m:
                return None
            ct = r.headers.get("content-type", "").lower()
            if ct.startswith("application/json"):
                return json.loads(r.read())
            if ct.startswith("text/event-stream"):
                for ev, d in events(r):
                    if ev == "message" and d and json.loads(d).get("id") == m["id"]:
                        return json.loads(d)
                raise Fail("stream ended without the response")
            raise Fail(f"Unexpected content type: {ct}")
        finally:
            c.close()

    def close(self):
        if self.sid:
            c, r = request("DELETE", url, self.headers())
            if r.status not in (200, 202, 204, 405):
                raise Fail(f"DELETE: HTTP {r.status}")
            c.close()


def main():
    global seq
    t = SSE() if transport == "sse" else HTTP()

    def req(method, params=None):
        global seq
        seq += 1
        m = t.send({"jsonrpc": "2.0", "id": seq, "method": method, **({"params": params} if params is not None else {})})
        if m is None:
            raise Fail(f"{method}: no response")
        if "error" in m:
            raise RPCError(m["error"])
        return m["result"]

    def call(what):
        r = req("tools/call", {"name": TOOL, "arguments": {"text": "hello world"}})
        c = r["content"]
        if r.get("isError") or len(c) != 1 or c[0]["type"] != "text" or c[0]["text"] != WANT:
            raise Fail(f"{what}: {r}")

    t.start()
    try:
        r = req("initialize", {"protocolVersion": "2025-11-25", "capabilities": {"sampling": {}, "roots": {"listChanged": True}}, "clientInfo": {"name": "mcp", "version": "0.1.0"}})
        if transport == "http":
            t.ver = r["protocolVersion"]
        info = f"{r['serverInfo']['name']} {r['protocolVersion']}"
        t.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        names = [x["name"] for x in req("tools/list", {})["tools"]]
        if TOOL not in names:
            raise Fail(f"tools/list: {names}")
        call("tools/call")
        req("ping")
        try:
            u = req("tools/call", {"name": "no_such_tool_zz", "arguments": {}})
            if not u.get("isError"):
                raise Fail(f"unknown tool accepted: {u}")
            unk = "isError"
        except RPCError as e:
            unk = f"error {e.code}"
        call("call after unknown tool")
    finally:
        t.close()
    return f"{info} [initialize list call ping unknown={unk} close]"


try:
    print(json.dumps({"client": "python-sdk-like", "transport": transport, "ok": True, "detail": main()}))
except Exception as e:  # noqa: BLE001 - any failure is the row's result
    print(json.dumps({"client": "python-sdk-like", "transport": transport, "ok": False, "detail": f"{type(e).__name__}: {e}"[:300]}))
