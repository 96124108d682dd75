// Runs the rows two at a time, each in its own process, prints them in a fixed order, and ends only what it started.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { roster } from './roster.mjs';

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const { values: opt, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: text,
    skip: text,
    stdio: text,
    ca: text,
    json: text,
    sse: { ...text, default: '/sse' },
    mcp: { ...text, default: '/mcp' },
    jobs: { ...text, default: '2' },
    deadline: { ...text, default: '225' }, // seconds for the whole run
    pin: flag,
    list: flag,
  },
});
const base = positionals[0]?.replace(/\/+$/, '') ?? (opt.list ? 'http://127.0.0.1' : undefined);
if (base === undefined && !opt.stdio) {
  console.error("run.sh needs a BASE_URL, or --stdio 'COMMAND', or --list; README.md has the options");
  process.exit(2);
}

const key = ([client, transport]) => `${client} ${transport}`;
const wanted = (name) =>
  (!opt.only || new RegExp(opt.only).test(key(name))) && !(opt.skip && new RegExp(opt.skip).test(key(name)));
const jobs = roster({
  urls: base === undefined ? null : { sse: base + opt.sse, http: base + opt.mcp },
  stdio: opt.stdio,
  pin: opt.pin,
  go: process.env.MCP_CLIENTS_GO,
})
  .map((job) => ({ ...job, names: job.names.filter(wanted) }))
  .filter((job) => job.names.length);
const order = jobs.flatMap((job) => job.names);
if (opt.list) {
  console.log(order.map(key).join('\n'));
  process.exit(0);
}
if (!order.length) {
  console.error('no row matches --only and --skip');
  process.exit(2);
}

const scratch = mkdtempSync(`${tmpdir()}/mcp-matrix-`);
const env = {
  ...process.env,
  TMPDIR: scratch,
  NO_PROXY: '*',
  ...(opt.ca ? { NODE_EXTRA_CA_CERTS: opt.ca, SSL_CERT_FILE: opt.ca, CURL_CA_BUNDLE: opt.ca } : {}),
};
const started = Date.now();
const deadline = started + Number(opt.deadline) * 1000;
const results = new Map(); // row key → {ok, detail}
const live = new Set();

let printed = 0;
function flush() {
  for (; printed < order.length && results.has(key(order[printed])); printed++) {
    const [client, transport] = order[printed];
    const { ok, detail } = results.get(key(order[printed]));
    console.log(`${client.padEnd(27)} ${transport.padEnd(5)} ${ok ? 'ok  ' : 'FAIL'} ${detail}`);
  }
}

// Each row's process leads a group of its own, so that what the client started ends with it.
function kill(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended.
  }
}

function run(job) {
  return new Promise((done) => {
    const settle = (detail) => {
      for (const name of job.names) if (!results.has(key(name))) results.set(key(name), { ok: false, detail });
      flush();
      done();
    };
    const limit = Math.min(job.limit * 1000, deadline - Date.now());
    if (limit < 1000) return settle('the matrix ran out of time');
    const child = spawn(job.cmd[0], job.cmd.slice(1), {
      env: { ...env, MCP_MATRIX_ROWS: job.names.map(key).join(',') },
      cwd: scratch,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    live.add(child);
    let out = '';
    let err = '';
    let late;
    const timer = setTimeout(() => {
      late = `no end in ${Math.round(limit / 1000)} s`;
      kill(child, 'SIGTERM');
      setTimeout(() => kill(child, 'SIGKILL'), 2000).unref();
    }, limit);
    child.stdout.on('data', (d) => {
      out += d;
    });
    child.stderr.on('data', (d) => {
      err = (err + d).slice(-600);
    });
    child.on('error', (e) => {
      err += e.message;
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      live.delete(child);
      kill(child, 'SIGKILL');
      for (const line of out.split('\n')) read(line);
      settle(late ?? `row ended with ${code}: ${err.replace(/\s+/g, ' ').slice(-240)}`);
    });
  });
}

// One result line of a row; a client's own chatter on stdout is passed over.
function read(line) {
  if (!line.startsWith('{"client"')) return;
  const { client, transport, ok, detail } = JSON.parse(line);
  results.set(key([client, transport]), { ok, detail });
}

const stop = () => {
  for (const child of live) kill(child, 'SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stop();
    process.exit(130);
  });
}
const queue = [...jobs].sort((a, b) => b.weight - a.weight);
const worker = async () => {
  while (queue.length) await run(queue.shift());
};
await Promise.all(Array.from({ length: Number(opt.jobs) }, worker));
stop();

const seconds = Math.round((Date.now() - started) / 1000);
const good = order.filter((name) => results.get(key(name)).ok).length;
if (opt.json) {
  const rows = order.map((name) => ({ row: key(name), ...results.get(key(name)) }));
  writeFileSync(opt.json, JSON.stringify({ base, seconds, rows }, null, 1));
}
console.log(`# ${seconds} s`);
console.log(`${good}/${order.length} clients work`);
process.exitCode = good === order.length ? 0 : 1;
