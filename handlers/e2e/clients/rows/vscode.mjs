// What VS Code does on connect (public source, extHostMcp.ts): POST the first message to the configured URL as Streamable HTTP;
// a 4xx other than 401/403 means legacy SSE: GET the same URL, resolve the endpoint against it. Own re-creation of that wire behaviour.
import { exercise, row, timeout } from './lib.mjs';
const [transport, url] = process.argv.slice(2);
const ac = new AbortController();
const wait = new Map();
let mode,
  sid,
  ep,
  gotEp,
  n = 0,
  back;
const epP = new Promise((r) => {
  gotEp = r;
});
const deliver = (t) => {
  let m;
  try {
    m = JSON.parse(t);
  } catch {
    return;
  } // logged and dropped
  for (const x of Array.isArray(m) ? m : [m])
    if (x.id !== undefined && !x.method) {
      wait.get(x.id)?.(x);
      wait.delete(x.id);
    }
};
async function sse(body, on) {
  // spec line rules: CR, LF, CRLF; comments; unknown fields ignored; empty data dropped
  const dec = new TextDecoder();
  let buf = '',
    ev = '',
    data = '';
  for await (const c of body) {
    buf += dec.decode(c, { stream: true });
    for (let m; (m = /\r\n|\n|\r(?!$)/.exec(buf));) {
      const line = buf.slice(0, m.index);
      buf = buf.slice(m.index + m[0].length);
      if (!line) {
        if (data) on(ev || 'message', data.slice(0, -1));
        ev = data = '';
        continue;
      }
      if (line.startsWith(':')) continue;
      const i = line.indexOf(':'),
        f = i < 0 ? line : line.slice(0, i),
        v = i < 0 ? '' : line.slice(i + 1).replace(/^ /, '');
      if (f === 'event') ev = v;
      else if (f === 'data') data += v + '\n';
    }
  }
}
// redirects are followed by hand, up to five; 301/302 turn a POST into a GET, 307/308 keep it
async function go(u, init) {
  for (let i = 0; ; i++) {
    const r = await fetch(u, { ...init, redirect: 'manual' });
    const to = [301, 302, 303, 307, 308].includes(r.status) && r.headers.get('location');
    if (!to || i === 5) return r;
    u = new URL(to, u).href;
    if (r.status === 303 || (r.status < 303 && init.method === 'POST'))
      init = { ...init, method: 'GET', body: undefined };
  }
}
const H = { 'user-agent': 'Visual Studio Code/1.140.0' };
async function send(msg) {
  const body = new TextEncoder().encode(JSON.stringify(msg));
  if (mode === 'sse') {
    const r = await go(ep, {
      method: 'POST',
      headers: { ...H, 'content-type': 'application/json' },
      body,
      signal: ac.signal,
    });
    await r.text();
    if (r.status >= 300) throw new Error(`${r.status} posting to ${ep}`);
    return;
  }
  const r = await go(url, {
    method: 'POST',
    headers: {
      ...H,
      'content-type': 'application/json',
      accept: 'text/event-stream, application/json',
      ...(sid ? { 'mcp-session-id': sid } : {}),
    },
    body,
    signal: ac.signal,
  });
  if (r.headers.get('mcp-session-id')) {
    sid = r.headers.get('mcp-session-id');
    mode ??= 'http';
  }
  if (!mode && r.status >= 400 && r.status < 500 && r.status !== 401 && r.status !== 403) {
    const g = await go(url, { method: 'GET', headers: { ...H, accept: 'text/event-stream' }, signal: ac.signal });
    if (g.status >= 300) throw new Error(`POST ${r.status} then GET ${g.status}`);
    sse(g.body, (ev, d) => {
      if (ev === 'endpoint') {
        ep = new URL(d, url).href;
        gotEp();
      } else if (ev === 'message') deliver(d);
    }).catch(() => {});
    await timeout(epP, 6000, 'endpoint event');
    mode = 'sse';
    return send(msg);
  }
  if (r.status >= 300) throw new Error(`HTTP ${r.status}: ${(await r.text()).slice(0, 120)}`);
  mode ??= 'http';
  if (!back) {
    back = true;
    go(url, {
      method: 'GET',
      headers: { ...H, accept: 'text/event-stream', ...(sid ? { 'mcp-session-id': sid } : {}) },
      signal: ac.signal,
    })
      .then((g) => (g.status < 300 ? sse(g.body, (ev, d) => ev === 'message' && deliver(d)) : g.text()))
      .catch(() => {});
  }
  if (r.status === 202) return;
  const ct = (r.headers.get('content-type') ?? '').toLowerCase();
  if (ct.startsWith('text/event-stream')) await sse(r.body, (ev, d) => ev === 'message' && deliver(d));
  else {
    const t = await r.text();
    if (t) deliver(t);
  }
}
const req = async (method, params) => {
  const id = ++n,
    p = new Promise((r) => wait.set(id, r));
  await send({ jsonrpc: '2.0', id, method, params });
  const m = await p;
  if (m.error) throw Object.assign(new Error(m.error.message), { code: m.error.code });
  return m.result;
};
await row('vscode-like', transport, () =>
  exercise({
    async initialize() {
      const r = await req('initialize', {
        protocolVersion: '2025-11-25',
        capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
        clientInfo: { name: 'Visual Studio Code', version: '1.140.0' },
      });
      await send({ jsonrpc: '2.0', method: 'notifications/initialized' });
      if (mode !== transport) throw new Error(`connected over ${mode}`);
      return `${r.serverInfo.name} ${r.protocolVersion}`;
    },
    listTools: async () => (await req('tools/list', {})).tools,
    callTool: (name, a) => req('tools/call', { name, arguments: a }),
    ping: () => req('ping'),
    close: async () => {
      if (sid) await fetch(url, { method: 'DELETE', headers: { ...H, 'mcp-session-id': sid } });
      ac.abort();
    },
  }),
);
process.exit(0);
