// mcporter CLI: always tries Streamable HTTP first and falls back to SSE. argv: transport url
import { row, child, home, TOOL, UNKNOWN, WANT, timeout } from './lib.mjs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
const [transport, url] = process.argv.slice(2);
const dir = mkdtempSync(`${tmpdir()}/mcp-porter-`);
writeFileSync(`${dir}/mcporter.json`, JSON.stringify({ mcpServers: { s: { baseUrl: url } }, imports: [] }));
async function run(args) {
  const p = child(
    process.execPath,
    [`${home}/node_modules/mcporter/dist/cli.js`, '--config', `${dir}/mcporter.json`, ...args],
    { cwd: dir, env: { ...process.env, HOME: dir, NO_COLOR: '1', BROWSER: '/bin/false' } },
  );
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
await row('mcporter', transport, async () => {
  const l = await run(['list', 's', '--schema']);
  if (l.code !== 0 || !l.out.includes(TOOL)) throw new Error(`list: exit ${l.code}: ${(l.err || l.out).slice(-200)}`);
  const c = await run(['call', `s.${TOOL}`, 'text=hello world']);
  if (c.code !== 0 || c.out.trim() !== WANT) throw new Error(`call: exit ${c.code}: ${(c.out + c.err).slice(-200)}`);
  const u = await run(['call', `s.${UNKNOWN}`]);
  if (u.code === 0 && !/error|unknown|not found/i.test(u.out + u.err))
    throw new Error(`unknown tool: exit 0: ${u.out.slice(0, 120)}`);
  return `[list call unknown=exit${u.code}]`;
});
rmSync(dir, { recursive: true, force: true });
process.exit(0);
