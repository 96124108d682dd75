// Bundled once at install (rolldown): the official SDKs as they run inside a web page (MCP playgrounds, Inspector 1.x "direct", use-mcp).
import { Client as C1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as S1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as H1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  Client as C2,
  SSEClientTransport as S2,
  StreamableHTTPClientTransport as H2,
} from '@modelcontextprotocol/client';
const lim = (p, what) =>
  Promise.race([p, new Promise((_, j) => setTimeout(() => j(new Error(`${what}: no answer in 8000 ms`)), 8000))]);
async function converse(c, t) {
  await lim(c.connect(t), 'initialize');
  const did = ['initialize'];
  try {
    const call = async () => {
      const r = await lim(c.callTool({ name: 'uppercase_text', arguments: { text: 'hello world' } }), 'tools/call');
      if (r.isError || r.content.length !== 1 || r.content[0].text !== 'HELLO WORLD')
        throw new Error(`tools/call: ${JSON.stringify(r)}`);
    };
    const names = (await lim(c.listTools(), 'tools/list')).tools.map((x) => x.name);
    if (!names.includes('uppercase_text')) throw new Error(`tools/list: ${names}`);
    did.push('list');
    await call();
    did.push('call');
    if (c.getProtocolEra?.() !== 'modern') {
      await lim(c.ping(), 'ping');
      did.push('ping');
    }
    let u;
    try {
      const r = await lim(c.callTool({ name: 'no_such_tool_zz', arguments: {} }), 'unknown tool');
      if (!r.isError) throw new Error('accepted');
      u = 'isError';
    } catch (e) {
      if (e.code === undefined) throw e;
      u = `error ${e.code}`;
    }
    did.push(`unknown=${u}`);
    await call();
  } finally {
    await t.terminateSession?.();
    await c.close();
  }
  did.push('close');
  return `${c.getServerVersion()?.name ?? '?'} ${c.getNegotiatedProtocolVersion?.() ?? t._protocolVersion ?? ''} [${did.join(' ')}]`;
}
const info = (n) => ({ name: n, version: '1' });
globalThis.sdk1 = (tr, u) => converse(new C1(info('web-sdk1')), tr === 'sse' ? new S1(new URL(u)) : new H1(new URL(u)));
globalThis.sdk2 = (tr, u, mode) =>
  converse(
    new C2(info('web-sdk2'), mode ? { versionNegotiation: { mode } } : {}),
    tr === 'sse' ? new S2(new URL(u)) : new H2(new URL(u)),
  );
