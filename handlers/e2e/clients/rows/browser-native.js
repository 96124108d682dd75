// Runs in the page: a legacy client on the browser's own EventSource + fetch, and a Streamable HTTP client on fetch alone.
(() => {
  const within = (p, ms, what) =>
    Promise.race([p, new Promise((_, j) => setTimeout(() => j(new Error(`${what}: no answer in ${ms} ms`)), ms))]);
  const fail = (m) => Object.assign(new Error(m.error.message), { code: m.error.code });
  async function legacy(url) {
    const es = new EventSource(url),
      wait = new Map();
    let n = 0,
      ver;
    es.addEventListener('message', (e) => {
      const m = JSON.parse(e.data);
      wait.get(m.id)?.(m);
      wait.delete(m.id);
    });
    const ep = await within(
      new Promise((res, rej) => {
        es.addEventListener('endpoint', (e) => res(new URL(e.data, url).href));
        es.onerror = () => {
          if (es.readyState === 2) rej(new Error('EventSource failed (CORS, status or content type)'));
        };
      }),
      6000,
      'endpoint event',
    );
    const post = async (b) => {
      const r = await fetch(ep, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(ver ? { 'mcp-protocol-version': ver } : {}) },
        body: JSON.stringify(b),
      });
      if (!r.ok) throw new Error(`POST ${r.status}`);
      await r.text();
    };
    return {
      es,
      req: async (method, params) => {
        const id = ++n,
          p = new Promise((r) => wait.set(id, r));
        await post({ jsonrpc: '2.0', id, method, params });
        const m = await within(p, 6000, method);
        if (m.error) throw fail(m);
        if (method === 'initialize') ver = m.result.protocolVersion;
        return m.result;
      },
      notify: (method) => post({ jsonrpc: '2.0', method }),
      close: () => es.close(),
    };
  }
  async function streamable(url) {
    let n = 0,
      sid,
      ver;
    const send = async (b, method = 'POST') => {
      const r = await fetch(url, {
        method,
        headers: {
          accept: 'application/json, text/event-stream',
          ...(b ? { 'content-type': 'application/json' } : {}),
          ...(sid ? { 'mcp-session-id': sid } : {}),
          ...(ver ? { 'mcp-protocol-version': ver } : {}),
        },
        ...(b ? { body: JSON.stringify(b) } : {}),
      });
      if (b?.method === 'initialize') sid = r.headers.get('mcp-session-id');
      if (method === 'DELETE') {
        if (!r.ok && r.status !== 405) throw new Error(`DELETE ${r.status}`);
        return;
      }
      if (!r.ok) throw new Error(`${b.method}: HTTP ${r.status} ${(await r.text()).slice(0, 100)}`);
      const t = await r.text();
      if (b.id === undefined) return;
      const m = /event-stream/.test(r.headers.get('content-type'))
        ? t
            .split(/\r?\n\r?\n/)
            .map((x) =>
              x
                .split(/\r?\n/)
                .filter((l) => l.startsWith('data:'))
                .map((l) => l.slice(5).trimStart())
                .join('\n'),
            )
            .filter(Boolean)
            .map((x) => JSON.parse(x))
            .find((x) => x.id === b.id)
        : JSON.parse(t);
      if (m.error) throw fail(m);
      return m.result;
    };
    return {
      req: async (method, params) => {
        const r = await send({ jsonrpc: '2.0', id: ++n, method, params });
        if (method === 'initialize') {
          ver = r.protocolVersion;
          if (!sid) globalThis.noSession = true;
        }
        return r;
      },
      notify: (method) => send({ jsonrpc: '2.0', method }),
      close: async () => {
        if (sid) await send(null, 'DELETE');
      },
    };
  }
  async function converse(c) {
    const did = [],
      want = 'HELLO WORLD';
    const call = async () => {
      const r = await c.req('tools/call', { name: 'uppercase_text', arguments: { text: 'hello world' } });
      if (r.isError || r.content.length !== 1 || r.content[0].text !== want)
        throw new Error(`tools/call: ${JSON.stringify(r)}`);
    };
    const i = await c.req('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'chromium-page', version: '1' },
    });
    await c.notify('notifications/initialized');
    did.push('initialize');
    const names = (await c.req('tools/list', {})).tools.map((t) => t.name);
    if (!names.includes('uppercase_text')) throw new Error(`tools/list: ${names}`);
    did.push('list');
    await call();
    did.push('call');
    await c.req('ping');
    did.push('ping');
    let u;
    try {
      const r = await c.req('tools/call', { name: 'no_such_tool_zz', arguments: {} });
      if (!r.isError) throw new Error('accepted');
      u = 'isError';
    } catch (e) {
      if (e.code === undefined) throw new Error(`unknown tool: ${e.message}`);
      u = `error ${e.code}`;
    }
    did.push(`unknown=${u}`);
    await call();
    await c.close();
    did.push('close');
    return `${i.serverInfo.name} ${i.protocolVersion} [${did.join(' ')}]`;
  }
  globalThis.nativeSse = async (u) => converse(await legacy(u));
  globalThis.nativeHttp = async (u) => converse(await streamable(u));
})();
