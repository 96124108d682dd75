// Official TypeScript SDKs in Node. argv: kind transport(sse|http|stdio) url-or-command
//   kind: v1 (1.32), v1.17, v1.6, v2 (default negotiation), v2-auto, v2-pin, v1-fallback / v2-fallback (Cursor-like: Streamable HTTP first, then SSE)
import { exercise, row, report } from './lib.mjs';
const [kind, transport, url] = process.argv.slice(2);
const NAMES = {
  v1: 'ts-sdk-1.32',
  'v1.17': 'ts-sdk-1.17',
  'v1.6': 'ts-sdk-1.6',
  v2: 'ts-sdk-2.4',
  'v2-auto': 'ts-sdk-2.4-auto',
  'v2-pin': 'ts-sdk-2.4-pin2026',
  'v1-fallback': 'ts-sdk-1.32-fallback',
  'v2-fallback': 'ts-sdk-2.4-fallback',
};
const pkg = {
  v1: '@modelcontextprotocol/sdk',
  'v1-fallback': '@modelcontextprotocol/sdk',
  'v1.17': 'sdk-1.17',
  'v1.6': 'sdk-1.6',
}[kind];
let Client, SSE, HTTP, STDIO;
if (pkg) {
  ({ Client } = await import(`${pkg}/client/index.js`));
  ({ SSEClientTransport: SSE } = await import(`${pkg}/client/sse.js`));
  if (kind !== 'v1.6') ({ StreamableHTTPClientTransport: HTTP } = await import(`${pkg}/client/streamableHttp.js`));
  ({ StdioClientTransport: STDIO } = await import(`${pkg}/client/stdio.js`));
} else {
  ({
    Client,
    SSEClientTransport: SSE,
    StreamableHTTPClientTransport: HTTP,
  } = await import('@modelcontextprotocol/client'));
  ({ StdioClientTransport: STDIO } = await import('@modelcontextprotocol/client/stdio'));
}
const mode =
  kind === 'v2-auto' || kind === 'v2-fallback' ? 'auto' : kind === 'v2-pin' ? { pin: '2026-07-28' } : undefined;
const mk = () =>
  new Client(
    { name: `matrix-${kind}`, version: '1.0.0' },
    { capabilities: {}, ...(mode ? { versionNegotiation: { mode } } : {}) },
  );

await row(NAMES[kind], transport, async () => {
  let c = mk(),
    t,
    via = transport;
  const errors = [];
  return exercise({
    async initialize() {
      if (kind.endsWith('-fallback')) {
        try {
          t = new HTTP(new URL(url));
          await c.connect(t);
          via = 'http';
        } catch (e) {
          errors.push(e);
          c = mk();
          t = new SSE(new URL(url));
          await c.connect(t);
          via = 'sse';
        }
        if (via !== transport) throw new Error(`connected over ${via}, wanted ${transport}`);
      } else {
        t =
          transport === 'stdio'
            ? new STDIO({ command: '/bin/sh', args: ['-c', `exec ${url}`], stderr: 'ignore' })
            : transport === 'sse'
              ? new SSE(new URL(url))
              : new HTTP(new URL(url));
        await c.connect(t);
      }
      const v = c.getNegotiatedProtocolVersion?.() ?? t.protocolVersion ?? t._protocolVersion ?? '';
      return `${c.getServerVersion()?.name ?? '?'}${v ? ' ' + v : ''}${t.sessionId ? ' session' : ''}`;
    },
    listTools: async () => (await c.listTools()).tools,
    callTool: (name, args) => c.callTool({ name, arguments: args }),
    ...(kind === 'v2-pin'
      ? {}
      : {
          ping: async () => {
            if (c.getProtocolEra?.() === 'modern') return;
            await c.ping();
          },
        }),
    async close() {
      if (transport === 'http')
        await t.terminateSession?.().catch((e) => {
          throw new Error(`DELETE: ${e.message}`);
        });
      await c.close();
    },
  });
});
process.exit(0);
