// Inspector CLI, v2 (2.x) and v1 (1.x). argv: which(v2|v2-auto|v1) transport(sse|http|stdio) url-or-command
import { row, child, checkText, home, TOOL, UNKNOWN, WANT, timeout } from './lib.mjs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
const [which, transport, url] = process.argv.slice(2);
const dir = mkdtempSync(`${tmpdir()}/mcp-insp-`);
const stdio = transport === 'stdio',
  target = stdio ? ['/bin/sh', `${dir}/server.sh`] : [url, '--transport', transport];
if (stdio) writeFileSync(`${dir}/server.sh`, `exec ${url}\n`);
async function run(args) {
  const base =
    which === 'v1'
      ? [`${home}/node_modules/inspector-v1/cli/build/cli.js`, '--cli', ...target]
      : [
          `${home}/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js`,
          '--cli',
          ...target,
          '--format',
          'json',
          ...(stdio ? [] : ['--stored-auth-only']),
          ...(which === 'v2-auto' ? ['--protocol-era', 'auto'] : []),
        ];
  const p = child(process.execPath, [...base, ...args], {
    cwd: dir,
    env: {
      ...process.env,
      HOME: dir,
      MCP_AUTO_OPEN_ENABLED: 'false',
      MCP_INSPECTOR_SECRET_STORE: 'memory',
      NO_COLOR: '1',
    },
  });
  let out = '';
  p.stdout.on('data', (d) => {
    out += d;
  });
  p.stdin.end();
  const { code } = await timeout(p.closed, 20000, args.join(' ')).catch(async (e) => {
    await p.end(100);
    throw e;
  });
  return { code, out, err: p.err.replace(/\s+/g, ' ').slice(-300) };
}
const json = (r, what) => {
  if (r.code !== 0) throw new Error(`${what}: exit ${r.code}: ${r.err || r.out.slice(0, 200)}`);
  const j = JSON.parse(r.out);
  return j.result ?? j;
};
await row(
  { v2: 'inspector-cli-2.12', 'v2-auto': 'inspector-cli-2.12-auto', v1: 'inspector-cli-1.0' }[which],
  transport,
  async () => {
    const did = [];
    let info = '';
    if (which !== 'v1') {
      const i = json(await run(['--method', 'initialize']), 'initialize');
      info = `${i.serverInfo?.name} ${i.protocolVersion}`;
      did.push('initialize');
    }
    const tools = json(await run(['--method', 'tools/list']), 'tools/list').tools;
    did.push('list');
    if (!tools.some((t) => t.name === TOOL)) throw new Error(`tools/list: no ${TOOL}`);
    checkText(
      json(await run(['--method', 'tools/call', '--tool-name', TOOL, '--tool-arg', 'text=hello world']), 'tools/call'),
    );
    did.push('call');
    const u = await run(['--method', 'tools/call', '--tool-name', UNKNOWN]);
    // v1 prints the isError result and exits 0; v2 exits 5 (tool error)
    if (u.out.includes(WANT) || (u.code === 0 && !/isError": ?true|not found|unknown/i.test(u.out + u.err)))
      throw new Error(`unknown tool: exit ${u.code}: ${u.out.slice(0, 120)}`);
    if (which !== 'v1' && u.code !== 5) throw new Error(`unknown tool: exit ${u.code}, want 5: ${u.err}`);
    did.push(`unknown=exit${u.code}`);
    return `${info} [${did.join(' ')}]`;
  },
);
rmSync(dir, { recursive: true, force: true });
process.exit(0);
