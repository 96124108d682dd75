// curl, as a person debugging would use it. argv: transport url
import { exercise, row, child, timeout } from './lib.mjs';
const [transport, url] = process.argv.slice(2);
const curl = async (args) => {
  const p = child('curl', ['-sS', '--max-time', '8', ...args]);
  let out = '';
  p.stdout.on('data', (d) => {
    out += d;
  });
  p.stdin.end();
  const { code } = await p.closed;
  return { code, out, err: p.err.trim() };
};
const split = (out) => {
  const i = out.lastIndexOf('\n~~');
  const [status, type, sid] = out.slice(i + 3).split('|');
  return { body: out.slice(0, i), status: +status, type, sid };
};
const W = ['-w', '\n~~%{http_code}|%{content_type}|%header{mcp-session-id}'];
const fail = (m) => Object.assign(new Error(m.error.message), { code: m.error.code });
await row('curl', transport, async () => {
  let n = 0;
  if (transport === 'sse') {
    const s = child('curl', ['-sS', '-N', '--max-time', '40', '-H', 'Accept: text/event-stream', url]);
    const wait = new Map();
    let ep,
      gotEp,
      buf = '';
    const epP = new Promise((r) => {
      gotEp = r;
    });
    s.stdout.setEncoding('utf8');
    s.stdout.on('data', (d) => {
      // event blocks, the way a shell script would: lines of "event:" and "data:"
      buf += d;
      let i;
      while ((i = buf.search(/\r?\n\r?\n/)) >= 0) {
        const block = buf.slice(0, i);
        buf = buf.slice(i).replace(/^\r?\n\r?\n/, '');
        const ev = /^event: (.*?)\r?$/m.exec(block)?.[1] ?? 'message',
          data = [...block.matchAll(/^data: ?(.*?)\r?$/gm)].map((x) => x[1]).join('\n');
        if (ev === 'endpoint') {
          ep = new URL(data, url).href;
          gotEp();
        } else if (ev === 'message' && data) {
          const m = JSON.parse(data);
          wait.get(m.id)?.(m);
        }
      }
    });
    const post = async (b) => {
      const r = split(
        (
          await curl([
            ...W,
            '-X',
            'POST',
            '-H',
            'Content-Type: application/json',
            '--data-binary',
            JSON.stringify(b),
            ep,
          ])
        ).out,
      );
      if (r.status < 200 || r.status > 299) throw new Error(`POST ${r.status}: ${r.body.slice(0, 120)}`);
      return r;
    };
    const req = async (method, params) => {
      const id = ++n,
        p = new Promise((r) => wait.set(id, r));
      await post({ jsonrpc: '2.0', id, method, params });
      const m = await p;
      if (m.error) throw fail(m);
      return m.result;
    };
    let statuses = [];
    return exercise({
      async initialize() {
        await timeout(
          Promise.race([
            epP,
            s.exited.then(() => {
              throw new Error(`curl ended: ${s.err}`);
            }),
          ]),
          6000,
          'endpoint event',
        );
        const r = await req('initialize', {
          protocolVersion: '2024-11-05',
          capabilities: {},
          clientInfo: { name: 'curl', version: '8' },
        });
        const a = await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
        return `${r.serverInfo.name} ${r.protocolVersion} POST=${a.status}:${JSON.stringify(a.body.slice(0, 20))}`;
      },
      listTools: async () => (await req('tools/list', {})).tools,
      callTool: (name, a) => req('tools/call', { name, arguments: a }),
      ping: () => req('ping'),
      close: async () => {
        try {
          process.kill(-s.pid, 'SIGTERM');
        } catch {}
        await s.exited;
      },
    });
  }
  let sid, ver;
  const send = async (b, method = 'POST') => {
    const r = split(
      (
        await curl([
          ...W,
          '-X',
          method,
          '-H',
          'Accept: application/json, text/event-stream',
          ...(sid ? ['-H', `Mcp-Session-Id: ${sid}`] : []),
          ...(ver ? ['-H', `MCP-Protocol-Version: ${ver}`] : []),
          ...(b ? ['-H', 'Content-Type: application/json', '--data-binary', JSON.stringify(b)] : []),
          url,
        ])
      ).out,
    );
    if (r.sid) sid = r.sid;
    if (!b || b.id === undefined) {
      if (r.status > 299 && !(method === 'DELETE' && r.status === 405))
        throw new Error(`${method} ${r.status}: ${r.body.slice(0, 120)}`);
      return r;
    }
    const text = /event-stream/.test(r.type)
      ? r.body
          .split(/\r?\n\r?\n/)
          .map((x) => [...x.matchAll(/^data: ?(.*)$/gm)].map((y) => y[1]).join('\n'))
          .filter(Boolean)
          .find((x) => JSON.parse(x).id === b.id)
      : r.body;
    let m;
    try {
      m = JSON.parse(text);
    } catch {
      throw new Error(`${b.method}: HTTP ${r.status} ${r.type}: ${r.body.slice(0, 120)}`);
    }
    if (m.error) throw fail(m);
    return m.result;
  };
  const req = (method, params) => send({ jsonrpc: '2.0', id: ++n, method, params });
  return exercise({
    async initialize() {
      const r = await req('initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'curl', version: '8' },
      });
      ver = r.protocolVersion;
      const a = await send({ jsonrpc: '2.0', method: 'notifications/initialized' });
      if (a.status !== 202) throw new Error(`initialized: HTTP ${a.status}, want 202`);
      return `${r.serverInfo.name} ${ver} ${sid ? `session(${sid.length})` : 'no-session'}`;
    },
    listTools: async () => (await req('tools/list', {})).tools,
    callTool: (name, a) => req('tools/call', { name, arguments: a }),
    ping: () => req('ping'),
    close: async () => {
      if (sid) await send(null, 'DELETE');
    },
  });
});
process.exit(0);
