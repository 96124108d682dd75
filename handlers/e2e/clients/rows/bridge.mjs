// stdio bridges driven as Claude Desktop does. argv: which transport url
import { exercise, row, child, stdioRpc, home } from './lib.mjs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
const [which, transport, url] = process.argv.slice(2);
const nm = `${home}/node_modules`;
const cmds = {
  'mcp-remote': [
    `${nm}/mcp-remote/dist/proxy.js`,
    url,
    '--transport',
    transport === 'sse' ? 'sse-only' : 'http-only',
    '--allow-http',
  ],
  'mcp-remote-auto': [
    `${nm}/mcp-remote/dist/proxy.js`,
    url,
    '--transport',
    transport === 'sse' ? 'sse-only' : 'http-only',
    '--protocol',
    'auto',
    '--allow-http',
  ],
  'mcp-remote-http-first': [`${nm}/mcp-remote/dist/proxy.js`, url, '--allow-http'],
  'mcp-remote-sse-first': [`${nm}/mcp-remote/dist/proxy.js`, url, '--transport', 'sse-first', '--allow-http'],
  supergateway: [
    `${nm}/supergateway/dist/index.js`,
    transport === 'sse' ? '--sse' : '--streamableHttp',
    url,
    '--logLevel',
    'none',
  ],
};
await row(which, transport, async () => {
  const dir = mkdtempSync(`${tmpdir()}/mcp-bridge-`);
  const p = child(process.execPath, cmds[which], {
    env: { ...process.env, HOME: dir, MCP_REMOTE_CONFIG_DIR: dir, BROWSER: '/bin/false', NO_COLOR: '1' },
  });
  const rpc = stdioRpc(p);
  try {
    return await exercise(
      {
        async initialize() {
          const r = await rpc.request('initialize', {
            protocolVersion: '2025-06-18',
            capabilities: {},
            clientInfo: { name: 'claude-ai', version: '0.1.0' },
          });
          rpc.notify('notifications/initialized');
          return `${r.serverInfo.name} ${r.protocolVersion}`;
        },
        listTools: async () => (await rpc.request('tools/list', {})).tools,
        callTool: (name, args) => rpc.request('tools/call', { name, arguments: args }),
        ping: () => rpc.request('ping'),
        close: async () => {
          await p.end();
        },
      },
      { step: 15000 },
    );
  } catch (e) {
    throw new Error(`${e.message}${p.err ? ' | ' + p.err.replace(/\s+/g, ' ').slice(-260) : ''}`);
  } finally {
    await p.end(200);
    rmSync(dir, { recursive: true, force: true });
  }
});
process.exit(0);
