// Shared by every row: the black-box conversation each client must complete, and process helpers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export const TOOL = 'uppercase_text';
export const ARGS = { text: 'hello world' };
export const WANT = 'HELLO WORLD';
export const UNKNOWN = 'no_such_tool_zz';

export const home = process.env.MCP_CLIENTS_HOME;
export const short = (e) => {
  let m = e?.message ?? String(e);
  const c = e?.cause;
  if (c?.message && !m.includes(c.message)) m += ` (${c.code ?? c.message})`;
  return m.replace(/\s+/g, ' ').slice(0, 300);
};
const wanted = process.env.MCP_MATRIX_ROWS?.split(',');
export const isWanted = (client, transport) => !wanted || wanted.includes(`${client} ${transport}`);
export function timeout(promise, ms, what) {
  let t;
  return Promise.race([
    promise,
    new Promise((_, rej) => {
      t = setTimeout(() => rej(new Error(`${what}: no answer in ${ms} ms`)), ms);
    }),
  ]).finally(() => clearTimeout(t));
}

export function checkText(result, what = 'tools/call') {
  if (result?.isError) throw new Error(`${what}: isError: ${JSON.stringify(result.content).slice(0, 160)}`);
  const c = result?.content;
  if (!Array.isArray(c) || c.length !== 1 || c[0].type !== 'text')
    throw new Error(`${what}: unexpected content ${JSON.stringify(c).slice(0, 160)}`);
  if (c[0].text !== WANT) throw new Error(`${what}: got ${JSON.stringify(c[0].text)}, want ${JSON.stringify(WANT)}`);
}

// api: initialize() -> info string; listTools() -> [{name}]; callTool(name,args) -> result or throws; ping() optional; close()
export async function exercise(api, { step = 8000 } = {}) {
  const did = [];
  const info = await timeout(api.initialize(), step, 'initialize');
  did.push('initialize');
  try {
    const tools = await timeout(api.listTools(), step, 'tools/list');
    did.push('list');
    if (!tools?.some?.((t) => t.name === TOOL))
      throw new Error(`tools/list: no ${TOOL} in ${JSON.stringify(tools?.map?.((t) => t.name))}`);
    checkText(await timeout(api.callTool(TOOL, ARGS), step, 'tools/call'));
    did.push('call');
    if (api.ping) {
      await timeout(api.ping(), step, 'ping');
      did.push('ping');
    }
    let err;
    try {
      const r = await timeout(api.callTool(UNKNOWN, {}), step, 'unknown tool');
      if (!r?.isError) throw new Error(`unknown tool: accepted: ${JSON.stringify(r).slice(0, 160)}`);
      err = 'isError';
    } catch (e) {
      if (/no answer in|accepted:/.test(e.message)) throw e;
      err = e.code !== undefined ? `error ${e.code}` : 'error';
      if (/fetch failed|ECONN|closed|EOF|terminated/i.test(e.message))
        throw new Error(`unknown tool broke the connection: ${short(e)}`);
    }
    did.push(`unknown=${err}`);
    checkText(await timeout(api.callTool(TOOL, ARGS), step, 'call after unknown tool'), 'call after unknown tool');
  } finally {
    await timeout(Promise.resolve(api.close()), 4000, 'close');
  }
  did.push('close');
  return `${info ? info + ' ' : ''}[${did.join(' ')}]`;
}

// Each row process prints one JSON line per row: {client, transport, ok, detail}
export const report = (client, transport, ok, detail) =>
  process.stdout.write(JSON.stringify({ client, transport, ok, detail: String(detail ?? '') }) + '\n');
export async function row(client, transport, fn) {
  try {
    report(client, transport, true, await fn());
  } catch (e) {
    report(client, transport, false, short(e));
  }
}

// A child that is always ended by its own pid (its process group), never by name.
export function child(cmd, args, opts = {}) {
  const p = spawn(cmd, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'], ...opts });
  p.err = '';
  p.out = '';
  p.stderr?.on('data', (d) => {
    p.err = (p.err + d).slice(-4000);
  });
  p.exited = once(p, 'exit').then(([code, sig]) => ({ code, sig }));
  p.closed = once(p, 'close').then(([code, sig]) => ({ code, sig })); // ended, and all its output read
  p.on('error', () => {});
  const within = (ms) =>
    timeout(p.exited, ms, cmd).then(
      () => true,
      () => false,
    );
  p.end = async (grace = 2500) => {
    try {
      p.stdin?.end();
    } catch {}
    if (await within(grace)) return 'exited';
    try {
      process.kill(-p.pid, 'SIGTERM');
    } catch {}
    if (await within(1500)) return 'sigterm';
    try {
      process.kill(-p.pid, 'SIGKILL');
    } catch {}
    return 'sigkill';
  };
  live.add(p);
  p.exited.then(() => live.delete(p));
  return p;
}
const live = new Set();
const endAll = () => {
  for (const p of live) {
    try {
      process.kill(-p.pid, 'SIGKILL');
    } catch {}
  }
};
process.on('exit', endAll);
for (const s of ['SIGTERM', 'SIGINT', 'SIGHUP'])
  process.on(s, () => {
    endAll();
    process.exit(143);
  });

// JSON-RPC over a child's stdio, newline-delimited.
export function stdioRpc(p) {
  const wait = new Map();
  let n = 0,
    buf = '',
    noise = '';
  p.stdout.setEncoding('utf8');
  p.stdout.on('data', (d) => {
    buf += d;
    for (let i; (i = buf.indexOf('\n')) >= 0;) {
      const line = buf.slice(0, i);
      buf = buf.slice(i + 1);
      if (!line.trim()) continue;
      let m;
      try {
        m = JSON.parse(line);
      } catch {
        noise += line;
        continue;
      }
      if (m.id !== undefined && !m.method && wait.has(m.id)) {
        const { res, rej } = wait.get(m.id);
        wait.delete(m.id);
        if (m.error) rej(Object.assign(new Error(m.error.message), { code: m.error.code }));
        else res(m.result);
      } else if (m.id !== undefined && m.method)
        p.stdin.write(
          JSON.stringify({
            jsonrpc: '2.0',
            id: m.id,
            ...(m.method === 'ping' ? { result: {} } : { error: { code: -32601, message: 'nope' } }),
          }) + '\n',
        );
    }
  });
  p.exited.then(({ code, sig }) => {
    for (const { rej } of wait.values())
      rej(new Error(`bridge exited code=${code} sig=${sig}: ${(p.err + noise).replace(/\s+/g, ' ').slice(-240)}`));
  });
  const notify = (method, params) =>
    p.stdin.write(JSON.stringify({ jsonrpc: '2.0', method, ...(params ? { params } : {}) }) + '\n');
  const request = (method, params) =>
    new Promise((res, rej) => {
      const id = ++n;
      wait.set(id, { res, rej });
      p.stdin.write(JSON.stringify({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) }) + '\n');
    });
  return { request, notify };
}
