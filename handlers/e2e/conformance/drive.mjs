// Runs the suite mode by mode and judges its results: not by its exit status, for which a scenario in which nothing was
// tested is a pass, but by its checks.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// Full marks of each mode. A check more or less is a change of the suite, or of what the server lets it test. Where two
// numbers stand, the suite has one check more when tools/list is answered by a stream.
const full = {
  '2025-03-26': { scenarios: 1, checks: [3] },
  '2025-06-18': { scenarios: 27, checks: [56] },
  '2025-11-25': { scenarios: 33, checks: [84] },
  '2026-07-28': { scenarios: 40, checks: [152, 153] },
  extensions: { scenarios: 13, checks: [89] },
};

// What the suite skips whatever the server does.
const neverTested = new Set(['tasks-status-notifications']);

const secondsEach = 30; // for one scenario
const secondsAll = 240; // for one run of the suite, whatever it runs

const [suite, url, ...rest] = process.argv.slice(2);
const options = { only: '', out: '' };
const modes = [];
while (rest.length > 0) {
  const word = rest.shift();
  if (word === '--only' || word === '--out') options[word.slice(2)] = rest.shift() ?? '';
  else if (Object.hasOwn(full, word)) modes.push(word);
  else {
    console.error(`conformance: no mode or option ${word}; modes are ${Object.keys(full).join(', ')}`);
    process.exit(2);
  }
}
if (modes.length === 0) modes.push(...Object.keys(full));
const only = options.only && new RegExp(options.only);
const kept = options.out ? path.resolve(options.out) : fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-'));
if (!options.out) process.on('exit', () => fs.rmSync(kept, { recursive: true, force: true }));

const cut = (s, n = 300) => {
  s = String(s ?? '').replace(/\s+/g, ' ');
  return s.length > n ? s.slice(0, n) + '…' : s;
};

// run runs the suite once and returns what it printed.
function run(args) {
  return new Promise((resolve) => {
    let text = '';
    const child = spawn(process.execPath, [suite, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), secondsAll * 1000);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => { if (text.length < 8e6) text += d; });
    child.on('close', () => { clearTimeout(timer); resolve(text); });
  });
}

// Every scenario of the suite with its tags: the modes that have it.
const listed = [...(await run(['list', '--server'])).matchAll(/^\s+- (\S+) \[([^\]]*)\]\s*$/gm)]
  .map((m) => ({ name: m[1], tags: m[2].split(',').map((t) => t.trim()) }));

function scenariosOf(mode) {
  const tag = mode === 'extensions' ? 'extension' : mode;
  return listed.filter((s) => s.tags.includes(tag) && (!only || only.test(s.name))).map((s) => s.name);
}

// resultsIn reads the checks of every scenario that wrote some into a folder.
function resultsIn(out) {
  const results = new Map();
  for (const dir of fs.readdirSync(out).sort()) {
    const m = /^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(dir);
    try {
      if (m) results.set(m[1], JSON.parse(fs.readFileSync(path.join(out, dir, 'checks.json'), 'utf8')));
    } catch { /* a scenario that was ended has none */ }
  }
  return results;
}

// judge runs one mode, prints its marks and what is wrong, and says whether nothing is.
async function judge(mode) {
  const out = path.join(kept, mode);
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out, { recursive: true });
  const names = scenariosOf(mode);
  const common = ['server', '--url', url, '--timeout', String(secondsEach * 1000), '-o', out];
  let log = '';
  if (mode === 'extensions') for (const n of names) log += await run([...common, '--scenario', n]); // the suite has no list of these
  else if (only) for (const n of names) log += await run([...common, '--spec-version', mode, '--scenario', n]);
  else log = await run([...common, '--spec-version', mode, '--suite', 'all']);
  fs.writeFileSync(path.join(out, 'suite.log'), log);

  const results = resultsIn(out);
  const wrong = [];
  let good = 0, passed = 0, failed = 0, warned = 0, skipped = 0;
  for (const name of names) {
    const checks = results.get(name);
    if (!checks) {
      const why = new RegExp(`^(?:Failed to run scenario ${name}|Server test error): (.*)`, 'm').exec(log)?.[1];
      wrong.push(`${name}: ${cut(why ?? 'no result: it did not end in time, or the suite stopped')}`);
      failed++;
      continue;
    }
    const of = (status) => checks.filter((c) => c.status === status);
    const bad = [...of('FAILURE'), ...of('WARNING')];
    const tested = checks.some((c) => c.id !== 'wire-schema-valid' && c.status === 'SUCCESS');
    passed += of('SUCCESS').length;
    failed += of('FAILURE').length;
    warned += of('WARNING').length;
    skipped += of('SKIPPED').length;
    for (const c of bad) wrong.push(`${name}: ${c.status.toLowerCase()}: ${c.id}: ${cut(c.errorMessage || c.details?.message || c.description)}`);
    if (bad.length === 0 && !tested && !neverTested.has(name)) wrong.push(`${name}: nothing was tested`);
    else if (bad.length === 0) good++;
  }
  const want = full[mode];
  if (!only && (names.length !== want.scenarios || !want.checks.includes(passed)))
    wrong.push(`${want.scenarios} scenarios and ${want.checks.join(' or ')} checks are full marks`);
  console.log(`${mode}: ${good}/${names.length} scenarios, ${passed}/${passed + failed} checks, ${warned} warnings, ${skipped} skipped`);
  for (const line of wrong) console.log(`  ${line}`);
  return wrong.length === 0 && names.length > 0;
}

let all = true;
for (const mode of modes) all = (await judge(mode)) && all;
console.log(all ? 'full marks' : 'not full marks');
process.exitCode = all ? 0 : 1;
