// Every row of the matrix: which client, over which transport, and the process that drives it.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const script = (name, ...args) => [process.execPath, `${here}/${name}.mjs`, ...args];

// The names are what the table shows, the kinds what the row scripts take.
const SDK = {
  'ts-sdk-1.17': 'v1.17',
  'ts-sdk-1.32': 'v1',
  'ts-sdk-2.4': 'v2',
  'ts-sdk-2.4-auto': 'v2-auto',
  'ts-sdk-1.32-fallback': 'v1-fallback',
  'ts-sdk-2.4-fallback': 'v2-fallback',
};
const SDK_STDIO = { 'ts-sdk-1.32': 'v1', 'ts-sdk-2.4': 'v2', 'ts-sdk-2.4-auto': 'v2-auto' };
const GO = {
  'go-sdk-1.8': 'gosdk',
  'go-sdk-1.8-legacy': 'gosdk-legacy',
  'mcp-go-1.2': 'mcpgo',
  'mcp-go-1.2-legacy': 'mcpgo-legacy',
  'go-sdk-1.8-2025-03-26': 'gosdk-2025-03-26',
  'mcp-go-1.2-2025-03-26': 'mcpgo-2025-03-26',
};
const INSPECTOR = { 'inspector-cli-2.12': 'v2', 'inspector-cli-2.12-auto': 'v2-auto', 'inspector-cli-1.0': 'v1' };
const INSPECTOR_STDIO = { 'inspector-cli-2.12': 'v2', 'inspector-cli-1.0': 'v1' };
const PAGES = ['chromium-ts-sdk-1.32', 'chromium-ts-sdk-2.4', 'chromium-ts-sdk-2.4-auto'];

// The jobs of a run, each {names: [[client, transport]…], cmd, limit in seconds, weight}. Heavy jobs start first. One
// process may report several rows. `urls` is {sse, http} or null, `stdio` a shell command or undefined; `pin` adds the
// rows that speak nothing but 2026-07-28.
export function roster({ urls, stdio, pin, go }) {
  const jobs = [];
  const add = (names, cmd, { limit = 45, weight = 1 } = {}) => jobs.push({ names, cmd, limit, weight });
  const each = (kinds, transport, cmd, options) => {
    for (const [name, kind] of Object.entries(kinds)) add([[name, transport]], cmd(kind), options);
  };
  if (urls) {
    add([['ts-sdk-1.6', 'sse']], script('sdk', 'v1.6', 'sse', urls.sse)); // older than Streamable HTTP
    for (const [t, url] of Object.entries(urls)) {
      each(SDK, t, (kind) => script('sdk', kind, t, url));
      each(GO, t, (kind) => [go, kind, t, url]);
      add([['python-sdk-like', t]], ['python3', `${here}/pysdk.py`, t, url]);
      add([['vscode-like', t]], script('vscode', t, url));
      add([['ai-sdk', t]], script('aisdk', t, url));
      add([['mcporter', t]], script('mcporter', t, url), { weight: 3 });
      add([['curl', t]], script('curl', t, url));
      for (const name of ['mcp-remote', 'mcp-remote-auto', 'supergateway']) {
        add([[name, t]], script('bridge', name, t, url), { weight: 3 });
      }
      each(INSPECTOR, t, (kind) => script('inspector-cli', kind, t, url), { weight: 4 });
    }
    add([['mcp-remote-http-first', 'sse']], script('bridge', 'mcp-remote-http-first', 'sse', urls.sse), { weight: 3 });
    add([['mcp-remote-sse-first', 'http']], script('bridge', 'mcp-remote-sse-first', 'http', urls.http), { weight: 3 });
    add([['eventsource-3.0', 'sse']], script('eventsource', 'v3', urls.sse));
    add([['eventsource-5.1', 'sse']], script('eventsource', 'v5', urls.sse));
    const pages = [
      ['chromium-eventsource', 'sse'],
      ['chromium-fetch', 'http'],
    ];
    for (const name of PAGES) pages.push([name, 'sse'], [name, 'http']);
    if (pin) {
      add([['ts-sdk-2.4-pin2026', 'http']], script('sdk', 'v2-pin', 'http', urls.http));
      pages.push(['chromium-ts-sdk-2.4-pin2026', 'http']);
    }
    add(pages, script('chromium', urls.sse, urls.http), { limit: 100, weight: 9 });
    const web = [
      ['inspector-web-2.12', 'sse'],
      ['inspector-web-2.12', 'http'],
    ];
    add(web, script('inspector-web', urls.sse, urls.http), { limit: 90, weight: 10 });
  }
  if (stdio) {
    each(SDK_STDIO, 'stdio', (kind) => script('sdk', kind, 'stdio', stdio));
    each(GO, 'stdio', (kind) => [go, kind, 'stdio', stdio]);
    each(INSPECTOR_STDIO, 'stdio', (kind) => script('inspector-cli', kind, 'stdio', stdio), { weight: 4 });
  }
  return jobs;
}
