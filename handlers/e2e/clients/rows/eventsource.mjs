// The `eventsource` npm package + fetch: a hand-written legacy client. argv: which(v3|v5) url
import { exercise, row, timeout } from './lib.mjs';
const [which, url] = process.argv.slice(2);
const { EventSource } = await import(which === 'v3' ? 'eventsource-v3' : 'eventsource');
await row(`eventsource-${which === 'v3' ? '3.0' : '5.1'}`, 'sse', async () => {
  const es = new EventSource(url),
    wait = new Map();
  let n = 0,
    ep;
  es.addEventListener('message', (e) => {
    const m = JSON.parse(e.data);
    wait.get(m.id)?.(m);
    wait.delete(m.id);
  });
  const post = async (body) => {
    const r = await fetch(ep, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const t = await r.text();
    if (!r.ok) throw new Error(`POST ${r.status} ${t.slice(0, 80)}`);
    return r;
  };
  const req = async (method, params) => {
    const id = ++n;
    const p = new Promise((res) => wait.set(id, res));
    await post({ jsonrpc: '2.0', id, method, params });
    const m = await p;
    if (m.error) throw Object.assign(new Error(m.error.message), { code: m.error.code });
    return m.result;
  };
  return exercise({
    async initialize() {
      ep = await timeout(
        new Promise((res, rej) => {
          es.addEventListener('endpoint', (e) => res(new URL(e.data, url).href));
          es.onerror = (e) => rej(new Error(`stream: ${e.code ?? ''} ${e.message ?? ''}`));
        }),
        6000,
        'endpoint event',
      );
      const r = await req('initialize', {
        protocolVersion: '2024-11-05',
        capabilities: {},
        clientInfo: { name: 'eventsource', version: '1' },
      });
      await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
      return `${r.serverInfo.name} ${r.protocolVersion}`;
    },
    listTools: async () => (await req('tools/list', {})).tools,
    callTool: (name, args) => req('tools/call', { name, arguments: args }),
    ping: () => req('ping'),
    close: () => es.close(),
  });
});
process.exit(0);
